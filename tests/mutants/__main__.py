"""Break the operator in named ways and see the tests notice: `python -m tests.mutants [NAME...]`."""

import argparse
import os
import queue
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants import campaign
from tests.mutants.mutants import MUTANTS
from tests.mutants.patch import Mutant
from tests.mutants.short import short_form


def main() -> int:
    """0 when every mutant is caught, 1 when one survives, 2 when the tests fail without one."""
    mutants = _chosen()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        roots = [Path(folder) / str(number) for number in range(os.cpu_count() or 1)]
        for root in roots:
            campaign.copy_repository(root)
        try:
            seconds = campaign.run_baseline(roots[0], mutants)
        except campaign.BaselineError as error:
            print(f"the tests fail without any mutant:\n{error}", file=sys.stderr)
            return 2
        width = max(len(mutant.name) for mutant in mutants)
        print(f"{'mutant':<{width}} | caught by | seconds")
        print(f"{'(none)':<{width}} | all tests pass | {seconds:.1f}", flush=True)
        survivors = _survivors(roots, mutants, width)
    for mutant in survivors:
        print(f"survived: {mutant.name}: {mutant.breaks}")
    caught = len(mutants) - len(survivors)
    print(f"{len(mutants)} mutants, {caught} caught ({time.monotonic() - started:.0f} s)")
    return 1 if survivors else 0


def _chosen() -> list[Mutant]:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    names = {mutant.name: mutant for mutant in MUTANTS}
    parser.add_argument("name", nargs="*", help="mutants to run (default: all)")
    parser.add_argument("--list", action="store_true", help="name the mutants and run nothing")
    parser.add_argument("--short", action="store_true", help="only those of every run")
    options = parser.parse_args()
    if options.list:
        for mutant in MUTANTS:
            print(f"{mutant.name}: {mutant.breaks}")
        parser.exit()
    if unknown := sorted(set(options.name) - set(names)):
        parser.error(f"unknown mutant: {', '.join(unknown)}; --list names all of them")
    if options.short:
        return short_form(MUTANTS)
    return [names[name] for name in options.name] or list(MUTANTS)


def _survivors(roots: list[Path], mutants: list[Mutant], width: int) -> list[Mutant]:
    """Those that no test caught; each copy of the repository has one mutant at a time."""
    free: queue.Queue[Path] = queue.Queue()
    for root in roots:
        free.put(root)

    def is_caught(mutant: Mutant) -> bool:
        root = free.get()
        try:
            return _is_caught(root, mutant, width)
        finally:
            free.put(root)

    with ThreadPoolExecutor(len(roots)) as pool:
        caught = list(pool.map(is_caught, mutants))
    return [mutant for mutant, was_caught in zip(mutants, caught, strict=True) if not was_caught]


def _is_caught(root: Path, mutant: Mutant, width: int) -> bool:
    verdict = campaign.judge(root, mutant)
    if verdict.witnesses:
        first = verdict.witnesses[0].removeprefix("tests/")
        more = len(verdict.witnesses) - 1
        text = first + (f" and {more} more" if more else "")
    else:
        text = f"NOBODY: {verdict.said}"
    print(f"{mutant.name:<{width}} | {text} | {verdict.seconds:.1f}", flush=True)
    return bool(verdict.witnesses)


if __name__ == "__main__":
    sys.exit(main())

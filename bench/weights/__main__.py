"""`python -m bench.weights`: fetches a model beside curl in paired rounds, then prints tables."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.weights import contenders, report
from bench.weights.contenders import MIB, Bench, Run
from bench.weights.report import Resumed, Rounds

MEMORY = Path("/dev/shm")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.weights", description=__doc__)
    parser.add_argument("--mib", type=int, default=3072, help="size of the model (default: 3072)")
    parser.add_argument("--rate", type=float, default=400.0, help="MiB/s of the hub (default: 400)")
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds (default: 5)")
    parser.add_argument(
        "--disk", type=Path, default=Path(tempfile.gettempdir()), help="a directory on a disk"
    )
    parser.add_argument("--quick", action="store_true", help="a smaller run, to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.mib, options.rounds = 512, 2
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures are."""
    options = parse(arguments)
    curl = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}, {' '.join(curl.stdout.split()[:2])}\n")
    work = Path(tempfile.mkdtemp(prefix="bench-weights-", dir=MEMORY))
    disk = Path(tempfile.mkdtemp(prefix="bench-weights-", dir=options.disk))
    try:
        model = work / "model"
        contenders.make_model(model, mib=options.mib)
        with contenders.hub(model, mib_per_second=options.rate) as url:
            _measure(options, url, {"memory": work, "disk": disk}, model)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(disk, ignore_errors=True)
    return 0


def _measure(options: argparse.Namespace, url: str, places: dict[str, Path], model: Path) -> None:
    files = {path.name: path.stat().st_size for path in model.iterdir()}
    title = f"{options.mib} MiB in {contenders.SHARDS} shards, hub at {options.rate:g} MiB/s"
    into_memory = Bench(url, tuple(files), sum(files.values()), places["memory"])
    rounds = _rounds("memory", into_memory, options.rounds, into_memory.curl, resumed=True)
    table = report.report(rounds, has_goals=True)
    print(f"### Into memory: {title}, {options.rounds} paired rounds\n\n{table}\n", flush=True)
    to_disk = Bench(url, tuple(files), sum(files.values()), places["disk"])
    rounds = _rounds("disk", to_disk, max(options.rounds // 2, 2), lambda: to_disk.curl(sync=True))
    table = report.report(rounds, has_goals=False)
    print(f"### To this disk, stored as a crash leaves it (curl, then sync)\n\n{table}", flush=True)


def _rounds(
    place: str, bench: Bench, count: int, curl: Callable[[], Run], *, resumed: bool = False
) -> Rounds:
    pairs, again = [], []
    for number in range(count):
        found = {}
        users = {"ours": bench.ours, "curl": curl}
        # Who goes first alternates: a machine that warms up or tires favours neither.
        for user in users if number % 2 == 0 else reversed(users):
            bench.empty()
            found[user] = users[user]()
            _say(f"{place}: round {number + 1}, {user}: {found[user].seconds:.2f} s")
        pairs.append((found["ours"], found["curl"]))
        if resumed:
            again.append(_resume(bench))
    bench.empty()
    return Rounds(place, bench.size, tuple(pairs), tuple(again))


def _resume(bench: Bench) -> Resumed:
    bench.empty()
    bench.sent()
    before = bench.killed_halfway()
    after = bench.ours()
    one = Resumed(before + after.seconds, bench.sent() / bench.size)
    _say(f"killed at {bench.size / 2 / MIB:.0f} MiB: {one.seconds:.2f} s in all")
    return one


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

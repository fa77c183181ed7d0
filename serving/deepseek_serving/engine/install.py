"""Copies this package into a volume: `python3 -m deepseek_serving.engine.install DIRECTORY`.

With --wait-for FILE it ends only once that file is there: an engine must never see half a model.
With --compiled DIR, --store DIR and --revision KEY it then brings back what engines of this revision
compiled on such a node before.
"""

import argparse
import itertools
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import deepseek_serving
from deepseek_serving.engine import compiled

POLL_SECONDS = 1
SAY_SECONDS = 30
TERMINATED = 128 + signal.SIGTERM


def install(target: Path) -> Path:
    """Copy the package into `target` and return where it stands; what stood there is replaced."""
    source = Path(deepseek_serving.__file__).parent
    destination = target / source.name
    shutil.copytree(
        source, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    return destination


def wait_for(file: Path, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Return once the file is there; say now and then what is waited for."""
    for seconds in itertools.count(step=POLL_SECONDS):
        if file.exists():
            return
        if seconds % SAY_SECONDS == 0:
            print(f"waiting for {file}: the weights are being fetched", flush=True)
        pause(POLL_SECONDS)


def bring_back(target: Path, *, store: Path, revision: str) -> str:
    """Fill `target` with what was compiled before, if anything was; what happened, for the log."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        return "what this pod compiled before is still there"
    key = compiled.full_key(revision, compiled.hardware())
    compiled.key_file(target).write_text(key)
    try:
        copied = compiled.restore(store, key, target)
    except (OSError, ValueError) as error:
        return f"what was compiled before cannot be read, the engine compiles anew: {error}"
    if copied is None:
        return f"nothing is kept under key {key}: the engine compiles what it needs"
    return f"brought back what was compiled before under key {key}: {copied}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, print the place, and wait where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("directory", type=Path, help="where the package is put")
    parser.add_argument(
        "--wait-for", type=Path, metavar="FILE", help="then wait until this file is there"
    )
    kept = parser.add_argument_group("what engines compiled", "all three or none")
    kept.add_argument("--compiled", type=Path, metavar="DIR", help="where an engine compiles to")
    kept.add_argument("--store", type=Path, metavar="DIR", help="where it is kept")
    kept.add_argument("--revision", metavar="KEY", help="digest of what the engine compiles from")
    options = parser.parse_args(arguments)
    together = (options.compiled, options.store, options.revision)
    if any(together) and not all(together):
        parser.error("--compiled, --store and --revision go together")
    print(f"installed {install(options.directory)}", flush=True)
    if options.wait_for:
        wait_for(options.wait_for)
    if options.compiled:
        said = bring_back(options.compiled, store=options.store, revision=options.revision)
        print(said, flush=True)
    return 0


if __name__ == "__main__":
    # The first process of a container ignores signals that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())

"""Copies this package into a volume: `python3 -m deepseek_serving.engine.install DIRECTORY`.

With --wait-for FILE it ends only once that file is there: an engine must never see half a model.
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, print the place, and wait where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("directory", type=Path, help="where the package is put")
    parser.add_argument(
        "--wait-for", type=Path, metavar="FILE", help="then wait until this file is there"
    )
    options = parser.parse_args(arguments)
    print(f"installed {install(options.directory)}", flush=True)
    if options.wait_for:
        wait_for(options.wait_for)
    return 0


if __name__ == "__main__":
    # The first process of a container ignores signals that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())

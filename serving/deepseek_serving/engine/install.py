"""Copies this package into a volume: `python3 -m deepseek_serving.engine.install DIRECTORY`."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import deepseek_serving


def install(target: Path) -> Path:
    """Copy the package into `target` and return where it stands; what stood there is replaced."""
    source = Path(deepseek_serving.__file__).parent
    destination = target / source.name
    shutil.copytree(
        source, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    return destination


def main(arguments: Sequence[str] | None = None) -> int:
    """Install and print the place."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("directory", type=Path, help="where the package is put")
    print(f"installed {install(parser.parse_args(arguments).directory)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

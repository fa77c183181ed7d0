"""Make the small models: `python3 -m dev.models [NAME...]` prints where each lies; what is made is not made again."""

import argparse
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from dev import shared, steps
from dev.images import __main__ as images
from dev.images import catalog, store
from dev.models.shapes import SHAPES, by_name
from dev.paths import CACHE, REPOSITORY

MODELS = CACHE / "models"
ENVIRONMENT = catalog.by_name("vllm-cpu")
"""The models are trained in the very image that serves them: one torch, installed once."""

INPUTS = ("questions.json", "corpus/*.txt", "*.py")
NOT_INPUTS = ("__init__.py", "__main__.py")

KEPT_SECONDS = 7 * 24 * 3600


def digest() -> str:
    """A hash of everything that decides what the models are, but for the machine's own rounding."""
    source = Path(__file__).parent
    files = sorted(file for pattern in INPUTS for file in source.glob(pattern))
    files.append(ENVIRONMENT.folder / "requirements.txt")
    total = hashlib.sha256()
    for file in files:
        if file.name not in NOT_INPUTS:
            total.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def directory() -> Path:
    """Where the models of the present inputs lie, one directory each."""
    return MODELS / digest()


def missing(names: Sequence[str]) -> list[str]:
    """The models to make, in an order in which a twin follows the model that it is a twin of."""
    wanted = set(names) | {by_name(name).twin_of for name in names}
    return [
        shape.name
        for shape in SHAPES
        if shape.name in wanted and not (directory() / shape.name).exists()
    ]


def make(names: Sequence[str]) -> None:
    """Make what is missing, in a container of the image; each directory appears when it is whole."""
    if missing(names):
        images.build(ENVIRONMENT, archived=False)
        with shared.alone(MODELS):
            directory().mkdir(parents=True, exist_ok=True)
            for name in missing(names):
                with steps.step(f"train {name}"):
                    print(in_container(name, directory()), end="", flush=True)
    with contextlib.suppress(PermissionError):  # a cache of somebody else's
        os.utime(directory())


def in_container(name: str, folder: Path) -> str:
    """Train one model into a folder as the image's own Python does it; what it says of the result."""
    volumes = (f"{REPOSITORY}:/source:ro", f"{folder}:/models:rw")
    options = [word for volume in volumes for word in ("--volume", volume)]
    environment = ("HOME=/tmp", "PYTHONPATH=/source", "OMP_WAIT_POLICY=PASSIVE")
    script = ["env", *environment, "python3", "-m", "dev.models.make", "/models", name]
    return store.run_in(ENVIRONMENT.reference, f"train-{name}", options, script)


def remove_old(models: Path, *, now: float) -> None:
    """Remove models of former inputs that nobody has asked for in a week: they are made again in a minute.

    Another working copy may use the same cache, and models of other inputs, at this moment.
    """
    for old in models.iterdir():
        if old.stat().st_mtime < now - KEPT_SECONDS:
            shutil.rmtree(old)


def program() -> int:
    """Make the named models, or all, and print their directories."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.models", description=__doc__)
    known = [shape.name for shape in SHAPES]
    parser.add_argument("name", nargs="*", help=f"one of: {', '.join(known)} (default: all)")
    chosen = parser.parse_args()
    if unknown := set(chosen.name) - set(known):
        parser.error(f"unknown model: {', '.join(sorted(unknown))}")
    names = chosen.name or known
    make(names)
    with shared.alone(MODELS):
        remove_old(MODELS, now=time.time())
    for name in names:
        print(directory() / name)
    return 0


if __name__ == "__main__":
    steps.main(program)

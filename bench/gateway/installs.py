"""Where the others come from: Debian packages and Python packages, unpacked into the cache and nowhere else."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.gateway.machine import NotAvailableError
from dev import environment, steps
from dev.paths import CACHE

PLACE = CACHE / "bench-gateway"
LOG = CACHE / "logs" / "bench-gateway.log"
LIBRARIES = Path("usr/lib/x86_64-linux-gnu")


def debian(*names: str) -> Path:
    """The packages' files, as one folder that looks like a root; nothing is installed."""
    folder = PLACE / "debian" / "-".join(names)
    if folder.exists():
        return folder
    with _made(f"unpack {' '.join(names)} from Debian"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder.parent) as name:
            unfinished = Path(name)
            _download(names, unfinished)
            root = unfinished / "root"
            for package in sorted(unfinished.glob("*.deb")):
                steps.run(["dpkg", "-x", package, root], log=LOG)
            root.rename(folder)
    return folder


def _download(names: Sequence[str], folder: Path) -> None:
    # As root: apt's own user may not write into our folder.
    words = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    try:
        steps.run([*words, "download", *names], cwd=folder, log=LOG)
    except steps.StepError:
        # On a new machine apt knows of no package yet.
        steps.run([*words, "update"], log=LOG)
        steps.run([*words, "download", *names], cwd=folder, log=LOG)


def python(requirement: str, *, overrides: Sequence[str] = ()) -> Path:
    """A virtual environment with this requirement; `overrides` take the place of what it asks for."""
    folder = PLACE / "python" / requirement.replace("==", "-")
    complete = folder / ".complete"
    if complete.exists():
        return folder
    with _made(f"install {requirement}"):
        shutil.rmtree(folder, ignore_errors=True)
        uv = environment.ensure_uv()
        steps.run([uv, "venv", "--quiet", "--python", sys.executable, folder], log=LOG)
        instead = folder / "overrides.txt"
        instead.write_text("\n".join(overrides))
        quietly: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", folder]
        steps.run([*quietly, "--override", instead, requirement], log=LOG)
        complete.touch()
    return folder


@contextlib.contextmanager
def _made(name: str) -> Iterator[None]:
    """What fails here is a proxy that cannot be had."""
    try:
        # Set-up says on stdout what it does; the tables go there too.
        with contextlib.redirect_stdout(sys.stderr), steps.step(name):
            yield
    except (steps.StepError, OSError) as error:
        raise NotAvailableError(" ".join(str(error).split())[:300]) from error

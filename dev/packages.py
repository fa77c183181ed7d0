"""Installing Debian packages, also after an installation that was killed: python3 -m dev.packages NAME..."""

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dev import debian, shared, steps
from dev.paths import CACHE

LOG = CACHE / "logs" / "apt.log"

POLICY_TEXT = (
    "#!/bin/sh\n# Made by the set-up of deepseek-operator while it installs packages.\nexit 101\n"
)
"""No service is to be started; the second line tells this file from one of the user's."""


def machine() -> Path:
    """The root of the file system that dpkg and invoke-rc.d work on; both read this variable."""
    return Path(os.environ.get("DPKG_ROOT") or "/")


def policy() -> Path:
    """What invoke-rc.d asks before it starts a service."""
    return machine() / "usr" / "sbin" / "policy-rc.d"


def install(names: Sequence[str] = ()) -> None:
    """Install the named Debian packages, or the node's, where missing; nothing is looked up when none is."""
    missing = debian.missing(names)
    allowed = os.access(machine() / "run", os.W_OK)
    if not missing and not (allowed and interrupted()):
        return
    if not allowed:
        raise steps.StepError(
            f"Debian packages are missing: run this as root, or apt-get install {' '.join(missing)}"
        )
    with shared.lock(machine() / "run" / "deepseek-operator-packages.lock"):
        # Another set-up may have installed them, or finished what was left, in the meantime.
        missing, left = debian.missing(names), interrupted()
        with services_not_started():
            if left:
                with steps.step("finish an installation of packages that was interrupted"):
                    apt("dpkg", "--configure", "-a")
            if missing:
                with steps.step(f"install Debian packages: {' '.join(missing)}"):
                    apt("apt-get", "update", "-q")
                    apt("apt-get", "install", *OPTIONS, *missing)


OPTIONS = ("-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
"""Another installation on the machine is waited for, five minutes long."""


def apt(*command: str) -> None:
    """Run a command that asks nobody anything."""
    steps.run(command, env={"DEBIAN_FRONTEND": "noninteractive"}, log=LOG)


def interrupted() -> bool:
    """Whether an installation was killed: of ours, by the file that it leaves; of anybody, by dpkg's journal."""
    journal = machine() / "var" / "lib" / "dpkg" / "updates"
    try:
        return ours(policy()) or any(entry.name.isdigit() for entry in journal.iterdir())
    except OSError:
        return False


def ours(file: Path) -> bool:
    """Whether this set-up made a policy file."""
    try:
        return file.read_text() == POLICY_TEXT
    except (OSError, UnicodeDecodeError):
        return False


@contextlib.contextmanager
def services_not_started() -> Iterator[None]:
    """Keep the packages' own services from being started: the cluster runs its own instances.

    A policy of the user's stays; one that a killed set-up left goes, as only one installs at a time.
    """
    file = policy()
    if file.exists() and not ours(file):
        yield
        return
    unfinished = file.with_name(".policy-rc.d.new")
    unfinished.write_text(POLICY_TEXT)
    unfinished.chmod(0o755)
    unfinished.replace(file)
    try:
        yield
    finally:
        file.unlink()


def program() -> int:
    """The command line: install the named packages where they are missing."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.packages", description=__doc__)
    known = [package.name for package in debian.DEBIAN_PACKAGES]
    parser.add_argument("name", nargs="+", choices=known, metavar="NAME")
    install(parser.parse_args().name)
    return 0


if __name__ == "__main__":
    steps.main(program)

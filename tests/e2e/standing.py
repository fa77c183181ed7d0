"""Processes that stand still for a while, as on a machine that has stopped answering."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def frozen(name: str) -> Iterator[None]:
    """Every process of this name stands still."""
    with still(lambda process: Path(command(process)).name == name):
        yield


@contextlib.contextmanager
def still(is_meant: Callable[[Path], bool]) -> Iterator[None]:
    """The processes that are meant, by their folders in /proc, are stopped for a while."""
    numbers = [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and is_meant(process)
    ]
    assert numbers
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in numbers:
            os.kill(number, signal.SIGCONT)


@contextlib.contextmanager
def core_of(pod: Mapping[str, Any]) -> Iterator[None]:
    """The processes that compute in an engine's pod stand still, those that talk go on."""
    uid = pod["metadata"]["uid"]

    def is_core(process: Path) -> bool:
        with contextlib.suppress(OSError):
            groups = (process / "cgroup").read_text()
            is_ours = uid in groups or uid.replace("-", "_") in groups
            return is_ours and command(process).startswith("VLLM::EngineCore")
        return False

    with still(is_core):
        yield


def command(process: Path) -> str:
    """What a process was started as, by its folder in /proc; empty once it is gone."""
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    return ""

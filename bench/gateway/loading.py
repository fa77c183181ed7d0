"""Engines that compute nothing, and the load: both are dev/go/gwload."""

import contextlib
import http.client
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gateway import machine
from dev import tools

PROGRAM = "gwload"
ENOUGH = signal.SIGTERM
"""Tells the load to begin no further request and to say what it saw."""
MODEL = "chat"
QUESTION = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}).encode()


@dataclass(frozen=True, slots=True)
class Spread:
    """Of times in milliseconds."""

    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load has seen."""

    begun: int
    served: int
    chunks: int
    failed: Mapping[str, int]
    """By kind."""
    seconds: float
    took: Spread
    """A whole request, from when it was to be sent."""
    first: Spread
    """Until the first chunk of a stream."""
    gaps: Spread
    """Between its chunks."""

    @property
    def failures(self) -> int:
        """Of all kinds."""
        return sum(self.failed.values())


def parse(text: str) -> Load:
    """What `gwload load` tells."""
    told: dict[str, Any] = json.loads(text)
    times = {name: Spread(**told[name]) for name in ("took", "first", "gaps")}
    return Load(**{**told, **times})


def command(port: int, flags: Sequence[str], *, core: int) -> list[str]:
    """The load's command line."""
    return machine.pinned(
        core, [tools.path(PROGRAM), "load", "-port", str(port), "-model", MODEL, *flags]
    )


def ask(port: int, flags: Sequence[str], *, core: int) -> Load:
    """Run the load to its end."""
    words = command(port, flags, core=core)
    return parse(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode())


@contextlib.contextmanager
def asking(port: int, flags: Sequence[str], *, core: int) -> Iterator[subprocess.Popen[bytes]]:
    """The load beside what else is done; `result` has what it saw."""
    words = command(port, flags, core=core)
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    with machine.ended(process):
        yield process


def result(process: subprocess.Popen[bytes]) -> Load:
    """Wait for the load's end."""
    out, _ = process.communicate()
    return parse(out.decode())


@dataclass(frozen=True, slots=True)
class Seen:
    """What one engine has seen."""

    requests: int
    last: int
    """When the last request came, in nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Two pods of one revision and one of the next."""

    process: int
    ports: tuple[int, int, int]

    def seen(self) -> dict[int, Seen]:
        """By port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
        try:
            connection.request("GET", "/_seen")
            told = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return {one["port"]: Seen(one["requests"], one["last"]) for one in told}


@contextlib.contextmanager
def engines(*, core: int) -> Iterator[Engines]:
    """Engines on free ports."""
    words: list[str | Path] = [tools.path(PROGRAM), "serve", "-ports", "0,0,0", "-model", MODEL]
    process = subprocess.Popen(machine.pinned(core, words), stdout=subprocess.PIPE)
    with machine.ended(process):
        assert process.stdout is not None
        first, second, third = json.loads(process.stdout.readline())["ports"]
        yield Engines(process.pid, (first, second, third))

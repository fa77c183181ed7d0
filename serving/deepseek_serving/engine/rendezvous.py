"""Pods of one replica wait for each other: `python3 -m deepseek_serving.engine.rendezvous --leader NAME --index N --size N`.

It ends in each of them once all have come so far. The leader, of index 0, waits for a connection of every other
and then tells all to go on; the others ask again until they are told so, however long a node for one of them
takes. A connection that ended before is one of nobody.
"""

import argparse
import contextlib
import math
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence

GO = b"go\n"
LONGEST_INDEX = 16
"""Bytes of what a worker says, once: its index, in decimal digits, and the end of the line."""
POLL_SECONDS = 1.0
SAY_SECONDS = 30.0
TERMINATED = 128 + signal.SIGTERM
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""A host that is gone closes no connection: within a minute it is found out."""

Say = Callable[[str], None]


class Gathering:
    """A leader's side: who of the others is there now."""

    def __init__(self, server: socket.socket, *, size: int) -> None:
        """`size` counts the leader too."""
        self._server = server
        self._wanted = set(range(1, size))
        self._present: dict[int, socket.socket] = {}

    @property
    def missing(self) -> list[int]:
        """Indexes of those that are waited for."""
        return sorted(self._wanted - set(self._present))

    def look(self, seconds: float) -> None:
        """Take who comes and forget who went, for so long or until something happens."""
        watched = [self._server, *self._present.values()]
        readable, _, _ = select.select(watched, [], [], seconds)
        for index, one in list(self._present.items()):
            # Nobody says anything a second time: what can be read is the end.
            if one in readable:
                self._forget(index)
        if self._server in readable:
            self._take()

    def release(self) -> bool:
        """Tell all to go on; False where one of them was not to be told any more."""
        if self.missing:
            return False
        for index, one in list(self._present.items()):
            try:
                one.sendall(GO)
            except OSError:
                self._forget(index)
        return not self.missing

    def close(self) -> None:
        """Let go of everybody."""
        for index in list(self._present):
            self._forget(index)

    def _take(self) -> None:
        one, _ = self._server.accept()
        keep_alive(one)
        one.settimeout(POLL_SECONDS)
        try:
            index = int(one.recv(LONGEST_INDEX))
        except (OSError, ValueError):
            index = 0
        if index not in self._wanted:
            one.close()
            return
        if index in self._present:
            self._forget(index)
        self._present[index] = one

    def _forget(self, index: int) -> None:
        self._present.pop(index).close()


def keep_alive(one: socket.socket) -> None:
    """Have the kernel find out whether the other side is still there."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def listen(port: int) -> socket.socket:
    """On every address of the pod, of both families where there are both."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def lead(server: socket.socket, *, size: int, say: Say) -> None:
    """Return once all others are there and know it."""
    gathering, said = Gathering(server, size=size), -math.inf
    try:
        while not gathering.release():
            now = time.monotonic()
            if gathering.missing and now - said >= SAY_SECONDS:
                say(f"waiting for {', '.join(map(str, gathering.missing))} of {size - 1} workers")
                said = now
            gathering.look(POLL_SECONDS)
    finally:
        gathering.close()


def follow(
    address: tuple[str, int], *, index: int, say: Say, pause: Callable[[float], None] = time.sleep
) -> None:
    """Return once the leader says that all are there."""
    said = -math.inf
    while not _is_told(address, index):
        now = time.monotonic()
        if now - said >= SAY_SECONDS:
            say(f"waiting for the leader at {address[0]}:{address[1]}")
            said = now
        pause(POLL_SECONDS)


def _is_told(address: tuple[str, int], index: int) -> bool:
    """False where the leader is not there, or goes before it has said so."""
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=5) as one:
        keep_alive(one)
        one.sendall(f"{index}\n".encode())
        one.settimeout(None)
        return one.recv(len(GO)) == GO
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--leader", required=True, help="address of the pod of index 0")
    parser.add_argument("--index", type=int, required=True, help="of this pod")
    parser.add_argument("--size", type=int, required=True, help="pods of the replica")
    parser.add_argument("--port", type=int, required=True, help="where the leader listens")
    options = parser.parse_args(arguments)

    def say(text: str) -> None:
        print(text, flush=True)

    if options.index:
        follow((options.leader, options.port), index=options.index, say=say)
    else:
        with listen(options.port) as server:
            lead(server, size=options.size, say=say)
    say(f"all {options.size} pods of the replica are there")
    return 0


if __name__ == "__main__":
    # The first process of a container ignores signals that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())

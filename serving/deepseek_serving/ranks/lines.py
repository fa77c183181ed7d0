"""What leader, workers and mpirun's agent say to each other: one JSON object a line, over a connection that stays open."""

import json
import socket
from typing import Any

MOST_BYTES = 262_144
"""Of a line that has not ended: whoever sends more is nobody of ours."""

SEND_SECONDS = 10.0


class EndedError(Exception):
    """The other side is not there any more, or says what is no line."""


class Line:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        """It is closed with `close`."""
        connection.settimeout(SEND_SECONDS)
        self._connection = connection
        self._read = b""

    def fileno(self) -> int:
        """For select."""
        return self._connection.fileno()

    @property
    def peer(self) -> str:
        """Address of the other side, for a log."""
        try:
            found = self._connection.getpeername()
        except OSError:
            return "an unknown address"
        return str(found[0]).removeprefix("::ffff:") if isinstance(found, tuple) else "this pod"

    def say(self, **words: Any) -> None:
        """Send one object; EndedError where nobody is there."""
        try:
            self._connection.sendall(json.dumps(words).encode() + b"\n")
        except OSError as error:
            raise EndedError(f"{error}") from error

    def hear(self) -> list[dict[str, Any]]:
        """The objects that are there now, after select said that something is; EndedError at the end."""
        try:
            more = self._connection.recv(65_536)
        except OSError as error:
            raise EndedError(f"{error}") from error
        if not more:
            raise EndedError("the connection was closed")
        *lines, self._read = (self._read + more).split(b"\n")
        if len(self._read) > MOST_BYTES:
            raise EndedError("a line without an end")
        return [_object(line) for line in lines]

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EndedError("no line of ours") from error
    if not isinstance(found, dict):
        raise EndedError("no line of ours")
    return found

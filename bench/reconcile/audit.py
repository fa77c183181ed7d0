"""The API server's audit log: who called what, and which calls make up one pass."""

import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from deepseek_operator.api import names
from deepseek_operator.api.names import DEPLOYMENT_LABEL

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_LABEL = re.compile(rf"{re.escape(DEPLOYMENT_LABEL)}=([a-z0-9-]+)")
_SUFFIX = re.compile(r"[-.][0-9a-f]{10}$")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API server that was answered; a watch counts once, when it opens."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    selector: str
    code: int
    seconds: float
    """When it came in, as `time.time()` counts."""

    @property
    def is_watch(self) -> bool:
        """A long answer: what it costs does not show in the number of calls."""
        return self.verb == "watch"

    @property
    def is_lease(self) -> bool:
        """Of leader election, which goes on whether there are objects or not."""
        return self.resource == "leases"

    @property
    def is_write(self) -> bool:
        """Asks the server to change something."""
        return self.verb in WRITES

    @property
    def starts_pass(self) -> bool:
        """A pass of the operator begins with reading its object, and reads it once."""
        return (self.verb, self.resource, self.subresource) == ("get", names.PLURAL, "")

    @property
    def owner(self) -> str:
        """The name of the object that the call is for; empty where it is for none."""
        selected = _LABEL.search(self.selector)
        return selected.group(1) if selected else _SUFFIX.sub("", self.name)


def parse_call(line: str) -> Call | None:
    """The call of a line; None for stages of a call that is counted by another line."""
    entry: dict[str, Any] = json.loads(line)
    counted = "ResponseStarted" if entry["verb"] == "watch" else "ResponseComplete"
    if entry["stage"] != counted:
        return None
    place: dict[str, str] = entry.get("objectRef", {})
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(entry["requestURI"]).query)
    return Call(
        user=entry["user"].get("username", ""),
        verb=entry["verb"],
        resource=place.get("resource", ""),
        subresource=place.get("subresource", ""),
        namespace=place.get("namespace", ""),
        name=place.get("name", ""),
        selector=query.get("labelSelector", [""])[0],
        code=int(entry.get("responseStatus", {}).get("code", 0)),
        seconds=datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp(),
    )


def counted(calls: Iterable[Call]) -> list[Call]:
    """Calls that objects cause: no watches, no leader election, none of kopf's discovery."""
    return [call for call in calls if call.resource and not call.is_watch and not call.is_lease]


Pass = tuple[Call, ...]


def passes(calls: Iterable[Call]) -> dict[str, list[Pass]]:
    """The passes of each object, in order; one object never has two passes at a time."""
    found: dict[str, list[list[Call]]] = {}
    for call in sorted(counted(calls), key=lambda call: call.seconds):
        if call.starts_pass:
            found.setdefault(call.name, []).append([call])
        elif call.owner in found:
            found[call.owner][-1].append(call)
    return {name: [tuple(one) for one in listed] for name, listed in found.items()}


def converging(listed: Sequence[Pass]) -> Sequence[Pass]:
    """The passes up to the last one that wrote: those after it only look."""
    last = max((at for at, one in enumerate(listed) if any(c.is_write for c in one)), default=-1)
    return listed[: last + 1]


class AuditLog:
    """Reads what was added to the log since the last time, across its rotation."""

    def __init__(self, path: Path, *users: str) -> None:
        """Begin at the end of the log as it is; only calls of these users are of interest."""
        self._path = path
        self._users = frozenset(users)
        self._marks = [f'"username":"{user}"' for user in users]
        self._file = path.open()
        self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> list[Call]:
        """The calls since the last reading."""
        # Most lines are of the control plane's own programs: they are not worth parsing.
        lines = [line for line in self._lines() if any(mark in line for mark in self._marks)]
        return [call for line in lines if (call := parse_call(line)) and call.user in self._users]

    def _lines(self) -> list[str]:
        found = self._whole_lines()
        if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
            found += self._whole_lines()
            self._file.close()
            self._file = self._path.open()
            found += self._whole_lines()
        return found

    def _whole_lines(self) -> list[str]:
        """Lines that were written to their end; the rest is read again next time."""
        found: list[str] = []
        while True:
            start = self._file.tell()
            line = self._file.readline()
            if not line.endswith("\n"):
                self._file.seek(start)
                return found
            found.append(line)

"""Follows objects by a watch, and tells when each came to be as it should."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

from bench.reconcile.audit import AuditLog, Call, counted
from bench.reconcile.connection import Connection, Manifest
from deepseek_operator.api import names

Named = Callable[[Manifest], str]

IDLE_SECONDS = 3.0
"""An operator that called nobody for so long has nothing to do: its own rests are shorter."""


def own_name(manifest: Manifest) -> str:
    """Objects by their name."""
    return str(manifest["metadata"]["name"])


def owner_name(manifest: Manifest) -> str:
    """Children by the name of the object that their label names."""
    return str(manifest["metadata"].get("labels", {}).get(names.DEPLOYMENT_LABEL))


class Late(Exception):  # noqa: N818 - what happened
    """Not everything was as it should be in time."""


class Tracker:
    """Since when the objects of a collection have been as they should be."""

    def __init__(self, holds: Callable[[Manifest], bool], *, named: Named) -> None:
        """`holds` says whether an object is as it should be, `named` what it is called here."""
        self._holds = holds
        self._named = named
        self._since: dict[str, float] = {}
        self._changed = asyncio.Event()

    def note(self, event: Manifest, now: float) -> None:
        """Take in one event of the watch."""
        name = self._named(event["object"])
        if event["type"] == "DELETED" or not self._holds(event["object"]):
            self._since.pop(name, None)
        else:
            self._since.setdefault(name, now)
        self._changed.set()

    def missing(self, wanted: Collection[str]) -> list[str]:
        """Those that are not as they should be."""
        return [name for name in wanted if name not in self._since]

    async def all_hold(self, wanted: Collection[str], *, seconds: float) -> float:
        """When the last of these objects came to be as it should; Late after the deadline."""
        deadline = time.monotonic() + seconds
        while missing := self.missing(wanted):
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late(f"after {seconds:.0f} s not as they should be: {', '.join(missing)}")
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return max(self._since[name] for name in wanted)


@asynccontextmanager
async def following(
    api: Connection, path: str, holds: Callable[[Manifest], bool], *, named: Named
) -> AsyncIterator[Tracker]:
    """A tracker that watches a collection."""
    tracker = Tracker(holds, named=named)

    async def follow() -> None:
        async for event in api.watch(path):
            tracker.note(event, time.time())
        raise ConnectionError(f"the watch of {path} ended")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        yield tracker
        task.cancel()


async def until_idle(log: AuditLog, *, seconds: float = IDLE_SECONDS) -> list[Call]:
    """Wait until no call came for a while; every call since the log was last read."""
    calls: list[Call] = []
    while True:
        last = max((call.seconds for call in counted(calls)), default=None)
        if last is not None and time.time() - last > seconds:
            return calls
        await asyncio.sleep(seconds / 4)
        calls += log.read()

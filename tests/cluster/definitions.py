"""Kinds that a cluster need not know, while a test lasts."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import yaml

from tests.cluster.objects import CRD, JSON_MERGE, Cluster, Refused, wait_until

ATTEMPTS = 24
SECONDS_TO_GO = 5


@contextlib.asynccontextmanager
async def known(
    cluster: Cluster, files: Iterable[Path], *, served: str, what: str
) -> AsyncIterator[None]:
    """While it lasts the cluster knows the kinds of these real definitions, of which `served` is a path."""
    definitions = [yaml.safe_load(path.read_text()) for path in files]
    paths = [f"{CRD}/{one['metadata']['name']}" for one in definitions]
    try:
        for one in definitions:
            await cluster.send("POST", CRD, one)
        await wait_until(
            lambda: _are_served(cluster, paths, served), what=f"{what} is served", seconds=60
        )
        yield
    finally:
        await remove(cluster, paths)
        await wait_until(
            lambda: _are_gone(cluster, [served]), what=f"{what} is not served", seconds=60
        )


async def remove(cluster: Cluster, paths: list[str]) -> None:
    """Delete the definitions and wait until they are gone; AssertionError with what they say of themselves.

    Whoever finalizes them in the API server takes a conflict for a change of which it will hear, and
    hears only of changes beside the condition that it writes itself (apiextensions-apiserver v0.35.4,
    crd_finalizer.go): where it waits for word that does not come, a definition would stay for hours.
    Any other change wakes it.
    """
    for path in paths:
        with contextlib.suppress(Refused):  # one that was never made
            await cluster.send("DELETE", path)
    for attempt in range(ATTEMPTS):
        with contextlib.suppress(AssertionError):
            return await wait_until(
                lambda: _are_gone(cluster, paths), what="gone", seconds=SECONDS_TO_GO
            )
        for path in paths:
            wake = {"metadata": {"annotations": {"tests/attempt": str(attempt)}}}
            with contextlib.suppress(Refused):  # one that is gone
                await cluster.send("PATCH", path, wake, content=JSON_MERGE)
    present = (await cluster.send("GET", CRD))["items"]
    left = [one for one in present if f"{CRD}/{one['metadata']['name']}" in paths]
    raise AssertionError(f"not gone after {ATTEMPTS * SECONDS_TO_GO} s: {left}")


async def _are_served(cluster: Cluster, paths: list[str], served: str) -> bool:
    for path in paths:
        found = await cluster.send("GET", path)
        conditions = found.get("status", {}).get("conditions") or []
        if not any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return False
    # Established, and yet the paths may be answered 404 for a moment.
    return await _answers(cluster, served)


async def _are_gone(cluster: Cluster, paths: list[str]) -> bool:
    for path in paths:
        if await _answers(cluster, path):
            return False
    return True


async def _answers(cluster: Cluster, path: str) -> bool:
    with contextlib.suppress(Refused):
        await cluster.send("GET", path)
        return True
    return False

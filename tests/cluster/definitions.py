"""Kinds that a cluster need not know, while a test lasts."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import yaml

from tests.cluster.objects import CRD, Cluster, Refused, wait_until


@contextlib.asynccontextmanager
async def known(
    cluster: Cluster, files: Iterable[Path], *, served: str, what: str
) -> AsyncIterator[None]:
    """While it lasts the cluster knows the kinds of these real definitions, of which `served` is a path."""
    definitions = [yaml.safe_load(path.read_text()) for path in files]
    paths = [f"{CRD}/{one['metadata']['name']}" for one in definitions]
    for one in definitions:
        await cluster.send("POST", CRD, one)
    try:
        await wait_until(
            lambda: _are_served(cluster, paths, served), what=f"{what} is served", seconds=60
        )
        yield
    finally:
        for path in paths:
            await cluster.send("DELETE", path)
        await wait_until(
            lambda: _are_gone(cluster, [*paths, served]), what=f"{what} is gone", seconds=120
        )


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

"""A fault at every API call of a reconcile, each in turn: the end is the same as without one.

In the short form at every fifth call, from a random one on.
"""

import asyncio
import json
import random
from typing import Any

import pytest

from deepseek_operator.kube import client
from tests.cluster.faults import Choose, Fault, FaultProxy, at_call
from tests.cluster.objects import Cluster, Manifest, deepseek
from tests.cluster.passes import settle

CLIENT_TIMEOUT_SECONDS = 3.0

EVERY_CALL = {Fault.BEFORE: 1, Fault.AFTER: 1, Fault.TIMEOUT: 1}
"""Which calls are hit: all of them where the operator may have died, every third elsewhere."""

SHORT = 5
"""In the short form so many times fewer."""

MISSED = 3
"""One run in so many may be over before its fault, twice: a pass more or less waits for pods, of 50 to 90 calls in all."""

STORY: tuple[Manifest, ...] = (
    {"replicas": 2},
    {"replicas": 1, "engine": {"args": ["--seed=2"]}},
)
"""What a user applies one after the other: made, then changed to a new revision."""


async def tell(cluster: Cluster, name: str, proxy: FaultProxy) -> None:
    """Apply the story, each chapter once the one before has settled."""
    api = await client.connect(kubeconfig=str(cluster.plane.kubeconfig), host=proxy.address)
    kube = client.Kube(api, timeout_seconds=CLIENT_TIMEOUT_SECONDS)
    try:
        for chapter in STORY:
            await cluster.apply(deepseek(name, cluster.namespace, **chapter))
            await settle(kube, cluster, name)
    finally:
        await kube.close()


async def tell_with(cluster: Cluster, name: str, choose: Choose) -> FaultProxy:
    """The story with the faults that are chosen; the proxy knows its calls, and which were struck."""
    proxy = await FaultProxy.start(cluster.plane, choose)
    try:
        await tell(cluster, name, proxy)
        return proxy
    finally:
        await proxy.stop()


PARTS = ("spec", "data", "rules", "subjects", "roleRef")
ASSIGNED = ("clusterIP", "clusterIPs")
"""What the API server chooses for each Service."""


def content(child: Manifest, name: str) -> str:
    """What a child of an object `name` says, as text that is the same for every name."""
    kept = {part: child[part] for part in PARTS if part in child}
    if "spec" in kept:
        kept["spec"] = {key: value for key, value in kept["spec"].items() if key not in ASSIGNED}
    kept["labels"] = child["metadata"].get("labels", {})
    return json.dumps(kept, sort_keys=True).replace(name, "NAME")


async def outcome(cluster: Cluster, name: str) -> Any:
    """Everything that should be the same in the end, whatever happened on the way."""
    children = await cluster.children(name)
    status = (await cluster.get(name))["status"]
    return {
        "children": sorted((plural, child.replace(name, "NAME")) for plural, child in children),
        "content": sorted(content(child, name) for child in children.values()),
        "owners": sorted(len(child["metadata"]["ownerReferences"]) for child in children.values()),
        "conditions": [(item["type"], item["status"]) for item in status["conditions"]],
        "serving": status["serving"],
    }


@pytest.mark.campaign(has_short_form=True)
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_fault_at_any_call_changes_nothing_in_the_end(
    cluster: Cluster, fault: Fault, *, in_full: bool
) -> None:
    clean = await tell_with(cluster, "clean-x", lambda _count, _request: None)
    calls = len(clean.calls)
    expected = await outcome(cluster, "clean-x")
    step = EVERY_CALL.get(fault, 3) * (1 if in_full else SHORT)
    numbers = range(0 if in_full else random.randrange(step), calls, step)
    gate = asyncio.Semaphore(10)
    missed: list[int] = []
    stories: dict[str, int] = {}

    async def struck(name: str, number: int) -> tuple[bool, int]:
        async with gate:
            told = await tell_with(cluster, name, at_call(number, fault))
        stories[name] = number
        return told.struck == [number], len(told.calls)

    async def one(number: int) -> None:
        is_struck, made = await struck(f"x{number}z", number)
        if not is_struck:
            # Its pods were there sooner than those of the run that was counted: the same place in a shorter one.
            is_struck, made = await struck(f"y{number}z", number * made // calls)
        if not is_struck:
            missed.append(number)

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(number))

    assert calls >= 20
    assert len(missed) <= -(-len(numbers) // MISSED), f"no fault met: {sorted(missed)} of {calls}"
    assert len(stories) >= len(numbers)
    for name, number in stories.items():
        assert expected == await outcome(cluster, name), f"{name}: fault at call {number}"

"""Objects that are as they should be, and objects that wait for somebody: passes over them write nothing.

By default every object gets a full pass each 600 s, give or take a tenth: ten minutes hold two of them
at most, one at the start and one at 540 s. Here a pass comes every two seconds, and each object gets
four at least: twice as many. A restart of the operator comes before. In the short form there are a quarter of
the objects, of every kind one at least.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.cluster import layout
from dev.cluster.control_plane import ControlPlane
from tests.chart import rendering
from tests.cluster import releases
from tests.cluster.objects import (
    CHILD_PATHS,
    Cluster,
    Manifest,
    condition,
    deepseek,
    filled_claim,
    wait_until,
)

PASSES = 4
RESYNC_SECONDS = "2"
LIMIT_SECONDS = 600.0
SHORT = 4
SOURCE = "hf://example/tiny"
HELD = {"annotations": {"kwok.deepseek.dev/hold": "true"}}

KINDS: dict[str, tuple[int, Manifest]] = {
    "one": (45, {}),
    "two": (20, {"replicas": 2}),
    "gpu": (4, {"accelerator": {"product": "NVIDIA-H200", "count": 2}}),
    "rich": (
        6,
        {
            "engine": {"args": ["--seed=7", '--override-generation-config={"top_p": 0.5}']},
            "batching": {"maxConcurrentSequences": 8, "maxBatchedTokens": 64},
            "pod": {
                "env": [{"name": "EMPTY", "value": ""}, {"name": "ODD", "value": "<é😀>"}],
                "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": 2}},
                "tolerations": [{"key": "x", "operator": "Exists"}],
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
                ],
            },
        },
    ),
    "gateway": (5, {"gateway": {}}),
    "default": (5, {"source": SOURCE, "warmup": {}, "gateway": {}}),
    "none": (3, {"replicas": 0}),
    "held": (4, {"pod": HELD}),
    "nowhere": (4, {"accelerator": {"product": "NVIDIA-B300", "count": 8}}),
    "unknown": (4, {"model": "DeepSeek-V9", "source": None}),
}
"""How many objects of each kind, "default" with all that is on by default; most are served, some wait for pods, a node, or their user."""

READY = {
    **dict.fromkeys(("one", "two", "gpu", "rich", "gateway", "default"), "Serving"),
    "none": "ScaledToZero",
    "held": "Starting",
    "nowhere": "Unschedulable",
    "unknown": "UnknownModel",
}


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """One of its own: nothing but these objects moves in it."""
    with ControlPlane.temporary() as plane:
        yield plane


@pytest.mark.campaign(has_short_form=True)
async def test_ten_minutes_of_passes_over_a_hundred_objects_write_nothing(
    cluster: Cluster, tmp_path: Path, *, in_full: bool
) -> None:
    releases.apply_release(cluster.plane, rendering.NAMESPACE)
    account = await releases.account_of(cluster, rendering.NAMESPACE, tmp_path)
    for path, manifest in filled_claim(SOURCE, cluster.namespace).items():
        await cluster.send("POST", path, manifest)
    names = await _make_objects(cluster, share=1 if in_full else SHORT)
    async with releases.running_operator(account):
        await wait_until(
            lambda: _all_settled(cluster),
            what=f"{len(names)} objects settle",
            seconds=LIMIT_SECONDS,
        )
    before = await _objects(cluster)
    making = releases.calls_of(cluster.plane, account.user)

    def calls() -> list[Manifest]:
        return releases.calls_of(cluster.plane, account.user)[len(making) :]

    async def each_had_its_passes() -> bool:
        await asyncio.sleep(1)  # the log is long
        return min(_passes(calls())[name] for name in names) >= PASSES

    [port] = layout.free_ports(1)
    settings = {"DSO_RESYNC_SECONDS": RESYNC_SECONDS, "DSO_HTTP_PORT": str(port)}
    async with releases.running_operator(account, **settings):
        await _wait_for_passes(port, count=PASSES * len(names))
        await wait_until(each_had_its_passes, what=f"{PASSES} passes each", seconds=LIMIT_SECONDS)

    assert len(names) == (100 if in_full else 24)
    assert len(_writes(making)) > 5 * len(names)
    assert not _writes(calls())
    assert before == await _objects(cluster)


async def _make_objects(cluster: Cluster, *, share: int) -> list[str]:
    """Of each kind a share of its objects, one at least."""
    names = []
    for kind, (count, spec) in KINDS.items():
        for number in range(max(1, count // share)):
            names.append(f"{kind}-{number}x")
            manifest = deepseek(names[-1], cluster.namespace, **spec)
            manifest["spec"] = {k: v for k, v in manifest["spec"].items() if v is not None}
            await cluster.send("POST", cluster.path(), manifest)
    return names


async def _objects(cluster: Cluster) -> dict[str, str]:
    """The version of every object and child: equal versions were written by nobody."""
    found = [*(await cluster.send("GET", cluster.path()))["items"]]
    for group, plural in CHILD_PATHS:
        found += await cluster.list(group, plural)
    return {
        item["metadata"]["uid"]: f"{item['metadata']['name']} {item['metadata']['resourceVersion']}"
        for item in found
    }


async def _all_settled(cluster: Cluster) -> bool:
    items = (await cluster.send("GET", cluster.path()))["items"]
    await asyncio.sleep(1)  # many objects are a long answer
    return all(map(_is_settled, items))


def _is_settled(item: Manifest) -> bool:
    """Everything that a pass could still say of it has been said."""
    kind = item["metadata"]["name"].partition("-")[0]
    status = item.get("status", {})
    if condition(item, "Ready").get("reason") != READY[kind]:
        return False
    if kind == "unknown":
        return True
    if READY[kind] == "Serving" and condition(item, "Reconciling").get("status") != "False":
        return False
    replicas = item["spec"]["replicas"]
    ready = replicas if READY[kind] == "Serving" else 0
    return bool(status["replicas"] == replicas and status["desired"]["readyReplicas"] == ready)


async def _wait_for_passes(port: int, *, count: int) -> None:
    """So many passes that found nothing to do, and as many full lists as each object needs."""
    async with aiohttp.ClientSession() as session:

        async def enough() -> bool:
            await asyncio.sleep(1)  # it has better things to do than to be asked
            try:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    metrics = _samples(await answer.text())
            except aiohttp.ClientConnectionError:
                return False
            resyncs = metrics(
                "deepseek_operator_api_calls_total", verb="list", resource="deepseekdeployments"
            )
            passes = metrics("deepseek_operator_reconcile_passes_total", result="unchanged")
            return resyncs > PASSES and passes >= count

        await wait_until(enough, what=f"{count} passes", seconds=LIMIT_SECONDS)


def _samples(text: str) -> Callable[..., float]:
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]

    def total(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    return total


def _passes(calls: list[Manifest]) -> Counter[str]:
    """Passes by object: each begins with a read of it."""
    return Counter(
        str(entry["objectRef"]["name"])
        for entry in calls
        if entry["verb"] == "get"
        and entry.get("objectRef", {}).get("resource") == "deepseekdeployments"
    )


def _writes(calls: list[Manifest]) -> list[str]:
    """Everything but reads, and but the Lease by which it leads."""
    return [
        f"{entry['verb']} {entry['requestURI']}"
        for entry in calls
        if entry["verb"] not in ("get", "list", "watch")
        and entry.get("objectRef", {}).get("resource") != "leases"
    ]

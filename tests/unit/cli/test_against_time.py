"""How long a rollout takes, by what a cluster tells: what is fetched, how warm-ups went, which way it goes."""

from collections.abc import Callable
from typing import Any

import pytest

from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.cli.clusters import V3, cluster_of, empty, running
from tests.unit.cli.test_planning import OBJECT
from tests.unit.samples import deepseek
from tests.unit.test_observe_nodes import put
from tests.unit.world import World, served


async def test_what_is_on_its_way_already_is_told_as_such(planned: Callable[..., Any]) -> None:
    world = served(deepseek(**V3))
    new = {**V3, "quantization": "fp8"}
    world.carry_out(world.plan(deepseek(generation=2, **new)))

    found = await planned(cluster_of(world, new), new)

    assert "is on its way already, and" in found["changes"]["message"]
    assert found["time"]["strategy"] == "BlueGreen"
    assert any("under way already" in note for note in found["time"]["notes"])


async def test_what_the_first_rollout_begins_with_is_not_counted(
    planned: Callable[..., Any],
) -> None:
    entry = {"model": "DeepSeek-R1", "source": "pvc://r1", "accelerator": {"count": 8}}

    found = await planned(empty(), {**V3, "rollout": {"strategy": "Canary", "from": entry}})

    assert found["time"]["strategy"] == "First"
    assert any(note.startswith("rollout.from comes first") for note in found["time"]["notes"])
    # It is a revision of the history once the other serves.
    assert "let go" not in {one["action"] for one in found["children"]["objects"]}


async def test_weights_on_their_way_take_as_long_as_their_fetch_says(
    planned: Callable[..., Any],
) -> None:
    fetched = {name: value for name, value in V3.items() if name != "source"}
    api = cluster_of(World(), fetched)
    claim = (await planned(api, fetched))["children"]["objects"]
    [volume] = [one["name"] for one in claim if one["kind"] == "PersistentVolumeClaim"]
    progress = {"phase": "Fetching", "bytesDone": 600 * 10**9, "bytesPerSecond": 10**9}
    api.objects[OBJECT]["status"] = {"weights": [{"claim": volume, "source": "s", **progress}]}

    [fetch] = [
        one for one in (await planned(api, fetched))["time"]["parts"] if one["name"] == "fetch"
    ]

    assert 80 < fetch["seconds"] < 100
    assert "as the fetch measures it" in fetch["why"]


async def test_weights_that_are_there_take_no_time(planned: Callable[..., Any]) -> None:
    fetched = {name: value for name, value in V3.items() if name != "source"}
    world = served(deepseek(**fetched))
    found = await planned(cluster_of(world, fetched), {**fetched, "quantization": "fp8"})

    [fetch] = [one for one in found["time"]["parts"] if one["name"] == "fetch"]
    assert (fetch["seconds"], fetch["why"]) == (0, "the weights are fetched already")


async def test_warm_ups_of_before_say_how_long_one_takes(planned: Callable[..., Any]) -> None:
    world = served(deepseek(**V3))
    of = {"revision": world.stored["serving"]["revision"], "at": "2026-03-01T11:00:00Z"}
    times = {"a": 40, "b": 95}
    world.stored["warmup"] = [
        {"pod": pod, "seconds": seconds, "requests": 9, **of} for pod, seconds in times.items()
    ]

    found = await planned(cluster_of(world, V3), {**V3, "quantization": "fp8"})

    [warm] = [one for one in found["time"]["parts"] if one["name"] == "warm-up"]
    assert warm["seconds"] == 95
    assert found["time"]["complete"]


@pytest.mark.parametrize(("nodes", "way"), [(3, "Canary"), (1, "Replace")])
async def test_auto_takes_as_long_as_what_it_would_choose(
    nodes: int, way: str, planned: Callable[..., Any]
) -> None:
    api = running(V3, nodes=nodes)
    put(
        api,
        machines.engine("e", of="chat", revision=target_key(deepseek(**V3).spec), on="n0", gpus=8),
    )
    after = {**V3, "quantization": "fp8", "rollout": {"strategy": "Auto"}}

    assert (await planned(api, after))["time"]["strategy"] == way

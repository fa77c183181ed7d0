"""How long a rollout takes, by what a cluster tells: what is fetched, how warm-ups went, which way it goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.cli.clusters import NODES, V3, cluster_of, empty, plan, running, write
from tests.unit.cli.test_planning import OBJECT
from tests.unit.samples import Manifest, deepseek
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


R1: Manifest = {"model": "DeepSeek-R1", "source": "pvc://r1", "accelerator": {"count": 8}}


def first(entry: Manifest, **rollout: Any) -> Manifest:
    return {**V3, "rollout": {"strategy": "Canary", "from": entry, **rollout}}


async def test_what_the_first_rollout_begins_with_comes_before_its_course(
    planned: Callable[..., Any],
) -> None:
    found = await planned(empty(), first(R1))

    names = [one["name"] for one in found["time"]["parts"]]
    assert found["time"]["strategy"] == "Canary"
    assert names[:3] == ["from: fetch", "from: start", "from: warm-up"]
    assert names[3:7] == ["fetch", "start", "warm-up", "step 1"]
    assert names[-1] == "decision"
    assert any(note.startswith("rollout.from comes first") for note in found["time"]["notes"])
    assert [(way["strategies"][0], way["accelerators"]) for way in found["peak"]["ways"]] == [
        ("Canary", 16),
        ("Replace", 8),
    ]
    assert found["peak"]["servingCounted"]
    # It is a revision of the history once the other serves.
    assert "let go" not in {one["action"] for one in found["children"]["objects"]}


async def test_the_first_rollout_has_no_course_without_another(
    planned: Callable[..., Any],
) -> None:
    found = await planned(empty(), first(R1, skipInitial=True))

    assert found["time"]["strategy"] == "First"
    assert [one["name"] for one in found["time"]["parts"]] == ["fetch", "start", "warm-up"]
    assert [way["strategies"] for way in found["peak"]["ways"]] == [[]]


async def test_what_serves_already_is_not_begun_with_again(planned: Callable[..., Any]) -> None:
    found = await planned(running(V3), first(R1, strategy="BlueGreen"))

    assert not any(one["name"].startswith("from: ") for one in found["time"]["parts"])


async def test_a_beginning_that_is_not_sized_is_noted(planned: Callable[..., Any]) -> None:
    found = await planned(empty(), first({"model": "tiny", "source": "pvc://tiny"}))

    [note] = [one for one in found["notes"] if "spec.rollout.from" in one]
    assert note.startswith("not sized, so neither its accelerators nor its time are counted")
    assert "step 1" in [one["name"] for one in found["time"]["parts"]]


async def test_weights_that_the_first_rollout_begins_with_may_be_there(
    planned: Callable[..., Any],
) -> None:
    entry = {"model": "DeepSeek-R1", "accelerator": {"product": "NVIDIA-H200"}}
    alone = (await planned(empty(), {**entry, "gateway": {}}))["children"]["objects"]
    [volume] = [one["name"] for one in alone if one["kind"] == "PersistentVolumeClaim"]
    api = cluster_of(World(), first(entry))
    progress = {"phase": "Ready", "bytesDone": 1, "bytesPerSecond": 1}
    api.objects[OBJECT]["status"] = {"weights": [{"claim": volume, "source": "s", **progress}]}

    [fetch] = [
        one
        for one in (await planned(api, first(entry)))["time"]["parts"]
        if one["name"] == "from: fetch"
    ]

    assert fetch["why"] == "the weights are fetched already"


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


@pytest.mark.parametrize(
    ("serves", "last"),
    [
        pytest.param(
            True,
            "fits, beside nothing else: while BlueGreen rolls it out, what serves",
            id="takes-over",
        ),
        pytest.param(False, "fits", id="first"),
    ],
)
async def test_of_accelerators_that_are_named_it_is_not_known_what_is_free(
    *, serves: bool, last: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = running(V3) if serves else empty()

    assert await plan(api, write(tmp_path, {**V3, "quantization": "fp8"}), *NODES) == 0

    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith(last)
    assert serves or said == last

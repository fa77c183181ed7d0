"""The first rollout of an object that says what it begins with, and what becomes of one whose status is lost."""

import json
from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from tests.unit.samples import CPU_SPEC, LATER, NO_GATEWAY, Manifest, conditions, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service
from tests.unit.test_fallbacks import key
from tests.unit.world import World

SMALL: Manifest = {**CPU_SPEC, "model": "small", "source": "pvc://models/small", "replicas": 3}
FETCHED: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
PHASES = ("Starting", "Shifting", "Analyzing", "Promoting", "Watching")


def asking(block: Manifest = SMALL, *, strategy: Manifest | None = None, **spec: Any) -> Any:
    """An object whose first rollout begins with a block."""
    rollout = {**(CANARY if strategy is None else strategy), "from": block}
    return deepseek(**{**CPU_SPEC, "replicas": 2, "gateway": {}, "rollout": rollout, **spec})


def passes(world: World, deployment: DeepSeekDeployment, count: int = 4) -> Manifest:
    """Passes on pods that do not start."""
    for _ in range(count):
        world.carry_out(world.plan(deployment))
    return world.stored


def engines(world: World) -> dict[str, int]:
    return {
        item["metadata"]["labels"]["serving.deepseek.dev/revision"]: item["spec"]["replicas"]
        for item in world.observed().engines
    }


def test_one_apply_brings_the_baseline_to_serve_and_then_compares_with_it() -> None:
    service, both = Service(), asking()

    service.until(both, "Watching")

    seen = [
        (status.get("serving", {}).get("model"), status.get("rollout", {}).get("phase"))
        for status in service.history
    ]
    assert list(dict.fromkeys(seen)) == [
        (None, None),
        *((("tiny" if phase in PHASES[3:] else "small"), phase) for phase in PHASES),
    ]
    assert service.stored["rollout"]["stable"] == key(SMALL)
    assert service.replicas == {key(SMALL): 3, key(CPU_SPEC): 2}
    service.until(both, "Succeeded")
    for _ in range(3):
        service.one_pass(both)
    assert service.replicas == {key(CPU_SPEC): 2}
    assert conditions(service.stored)["RolledOut"]["status"] == "True"


def test_a_bad_model_leaves_the_baseline_in_service() -> None:
    service, both = Service(), asking()
    service.until(both, "Analyzing")
    service.bad[key(CPU_SPEC)] = 0.5

    service.until(both, "RolledBack", "Watching")
    for _ in range(3):
        service.one_pass(both)

    assert service.stored["serving"]["model"] == "small"
    assert service.replicas == {key(SMALL): 3}
    assert conditions(service.stored)["RolledOut"]["reason"] == "RolledBack"


@pytest.mark.parametrize("provider", ["Embedded", "None"])
def test_the_baseline_serves_before_the_model_with_any_strategy(provider: str) -> None:
    world = World()
    both = asking(strategy={"strategy": "BlueGreen"}, gateway={"provider": provider})
    passes(world, both)
    assert engines(world) == {key(SMALL): 3}

    world.start_pods(key(SMALL), ready=1)
    passes(world, both)

    assert world.stored["serving"]["model"] == "small"
    assert engines(world) == {key(SMALL): 3, key(CPU_SPEC): 2}
    world.settle(both)
    assert world.stored["serving"]["model"] == "tiny"


def test_while_the_baseline_starts_nothing_is_made_of_the_model_and_status_says_so() -> None:
    world, both = World(), asking()

    status = passes(world, both)

    assert engines(world) == {key(SMALL): 3}
    assert "serving" not in status
    assert status["desired"]["model"] == "tiny"
    found = conditions(status)
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "Starting")
    said = "no replica of small, which comes first (rollout.from), answers yet"
    assert found["Ready"]["message"] == said
    assert found["RolledOut"]["reason"] == "BaselineStarting"
    assert found["RolledOut"]["message"].startswith("small comes to serve first (rollout.from)")
    assert found["Stalled"]["status"] == "False"
    assert found["Reconciling"]["status"] == "True"


def test_what_keeps_the_baseline_from_serving_is_told_with_whose_it_is() -> None:
    world, both = World(), asking(FETCHED)

    found = conditions(passes(world, both, count=2))

    assert found["Ready"]["message"].startswith(f"{FETCHED['model']} comes first (rollout.from): ")
    assert found["RolledOut"]["message"].startswith(f"{FETCHED['model']} comes to serve first")


def test_another_model_while_the_baseline_starts_is_the_one_that_follows() -> None:
    service = Service()
    passes(service, asking())
    other = asking(model="other", source="pvc://models/other", generation=2)
    passes(service, other)
    assert engines(service) == {key(SMALL): 3}

    service.until(other, "Analyzing")

    assert service.stored["rollout"]["stable"] == key(SMALL)
    assert key(CPU_SPEC) not in service.replicas


def test_without_replicas_nobody_starts_and_the_baseline_still_comes_first() -> None:
    service, nobody = Service(), asking(replicas=0)

    for _ in range(4):
        service.one_pass(nobody)

    assert service.replicas == {key(SMALL): 0}
    assert conditions(service.stored)["Ready"]["reason"] == "ScaledToZero"
    service.until(asking(generation=2), "Analyzing")
    assert service.stored["rollout"]["stable"] == key(SMALL)


def test_a_baseline_that_is_the_model_changes_nothing() -> None:
    world, same = World(), asking({**CPU_SPEC, "replicas": 9})

    world.settle(same)

    assert engines(world) == {key(CPU_SPEC): 2}
    assert "rollout" not in world.stored


def test_the_initial_rollout_is_skipped_on_request() -> None:
    world = World()
    strategy = {**CANARY, "skipInitial": True}

    world.settle(asking(strategy=strategy))

    assert world.stored["serving"]["model"] == "tiny"
    assert engines(world) == {key(CPU_SPEC): 2}


def test_a_baseline_that_does_not_come_may_be_skipped_later() -> None:
    world = World()
    passes(world, asking())

    skipped = asking(strategy={**CANARY, "skipInitial": True}, generation=2)
    passes(world, skipped)
    assert engines(world) == {key(CPU_SPEC): 2}
    world.settle(skipped)

    assert world.stored["serving"]["model"] == "tiny"
    assert engines(world) == {key(CPU_SPEC): 2}


@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param(
            {"model": "DeepSeek-V4"}, "spec.rollout.from.model: DeepSeek-V4", id="unknown"
        ),
        pytest.param(FETCHED, "DeepSeek-R1-Distill-Qwen-7B", id="weights"),
    ],
)
def test_a_baseline_that_cannot_come_says_why_and_what_may_be_done(
    block: Manifest, said: str
) -> None:
    world, both = World(), asking(block)
    world.carry_out(world.plan(both))
    world.end_jobs(code=2)

    status = passes(world, both)

    stalled = conditions(status)["Stalled"]
    assert stalled["status"] == "True"
    assert stalled["message"].startswith("rollout.from: ")
    assert said in stalled["message"]
    assert stalled["message"].count("to begin with tiny at once set spec.rollout.skipInitial") == 1
    assert key(CPU_SPEC) not in engines(world)


def test_of_a_baseline_that_is_not_known_nothing_is_said_of_weights() -> None:
    found = conditions(passes(World(), asking({"model": "DeepSeek-V4"})))

    assert (found["WeightsReady"]["status"], found["WeightsReady"]["reason"]) == (
        "Unknown",
        "WeightsUnknown",
    )


def test_fetched_weights_of_the_model_stay_though_the_baseline_comes_first_again() -> None:
    """Its only ready pod is gone when the status is lost: what follows it is kept all the same."""
    world = World()
    both = asking(model=FETCHED["model"], source=None)
    world.settle(both, ready=False)
    world.start_pods(key(SMALL), ready=1)
    passes(world, both)
    world.end_jobs()
    passes(world, both)
    assert len(engines(world)) == 2
    world.start_pods(ready=0)
    world.stored = {}

    passes(world, both)

    assert engines(world) == {key(SMALL): 3}
    assert len(world.observed().claims) == 1


def test_what_stalls_the_baseline_is_not_held_against_the_model() -> None:
    fetched: Manifest = {"model": "DeepSeek-V3", "source": None, "accelerator": {}}
    world, both = World(), asking(FETCHED, **fetched)
    world.carry_out(world.plan(both))
    world.end_jobs(code=2)
    passes(world, both)
    # The next attempt has told nothing yet: what stalled the last one still stands.
    world.carry_out(world.plan(both, now=LATER))
    assert conditions(world.plan(both, now=LATER).status)["Stalled"]["status"] == "True"

    strategy = {**CANARY, "skipInitial": True}
    status = passes(world, asking(FETCHED, strategy=strategy, **fetched, generation=2))

    assert conditions(status)["Stalled"]["status"] == "False"


def test_a_model_that_cannot_be_served_leaves_the_baseline_alone() -> None:
    world, both = World(), asking(model="DeepSeek-V4", source=None)

    world.settle(both)

    assert world.stored["serving"]["model"] == "small"
    found = conditions(world.stored)
    assert (found["Ready"]["status"], found["Stalled"]["reason"]) == ("True", "UnknownModel")


def test_the_baseline_has_a_cache_of_its_own_and_inherits_what_is_the_clusters() -> None:
    block = {**FETCHED, "cache": {"storageClassName": "fast"}}
    toleration = {"key": "gpu", "operator": "Exists"}
    world, both = World(), asking(block, pod={"tolerations": [toleration], "labels": {"a": "b"}})

    world.settle(both)

    [claim] = world.observed().claims
    assert claim["spec"]["storageClassName"] == "fast"
    running = world.observed().engine_set(world.stored["serving"]["revision"])
    assert running is not None
    template = running["spec"]["template"]
    assert toleration.items() <= template["spec"]["tolerations"][-1].items()
    assert "a" not in template["metadata"]["labels"]


@pytest.mark.parametrize("phase", PHASES[:3])
def test_a_canary_whose_status_is_lost_begins_anew_with_what_serves(phase: str) -> None:
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, phase)
    service.stored = {}

    status = service.one_pass(new)

    assert status["serving"]["revision"] == old
    assert (status["rollout"]["phase"], status["rollout"]["stable"]) == ("Starting", old)
    assert service.weights == {old: 100}
    assert service.replicas[old] == 8
    service.bad[status["rollout"]["candidate"]] = 0.5
    service.until(new, "RolledBack", "Watching")
    assert service.stored["serving"]["revision"] == old


def test_what_was_promoted_stays_though_its_status_is_lost() -> None:
    service, both = Service(), asking()
    service.until(both, "Watching")
    service.stored = {}

    status = service.one_pass(both)

    assert status["serving"]["model"] == "tiny"
    assert service.weights == {key(CPU_SPEC): 100}


def test_a_lost_status_is_recorded_before_anything_follows_from_it() -> None:
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.stored = {}

    assert service.plan(new, now=service.now + timedelta(seconds=5)).records


@pytest.mark.parametrize("told", ["", "{", '{"routes": []}', "[]", '{"routes": [{}]}'])
def test_without_what_gateways_were_told_ready_pods_tell_who_serves(told: str) -> None:
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    [old] = service.replicas
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.stored = {}
    service.find("ConfigMap")["data"]["gateway.json"] = told

    plan = service.plan(new, now=service.now)

    assert plan.status["serving"]["revision"] == old
    [document] = [item for item in plan.apply if item["kind"] == "ConfigMap"]
    routes = json.loads(document["data"]["gateway.json"])["routes"]
    assert [(one["revision"], one["weight"]) for one in routes] == [(old, 100)]


def test_a_lost_status_without_a_gateway_is_read_off_the_clients_service() -> None:
    plain = {**CPU_SPEC, "gateway": NO_GATEWAY}
    world = World()
    world.settle(deepseek(**plain))
    new = deepseek(**{**plain, "source": "pvc://models/better"}, generation=2)
    world.carry_out(world.plan(new))
    world.stored = {}

    assert world.plan(new).status["serving"]["revision"] == key(CPU_SPEC)

"""An object with `autoscaling`, through the whole plan: the number is decided, kept in status, and followed."""

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest

from deepseek_operator import scaling
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import weights
from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.plan import Plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import target_key
from deepseek_operator.rollout.switch import Roles
from tests.unit.samples import CPU_SPEC, IMAGES, NOW, Manifest, deepseek
from tests.unit.test_replicas import LLAMA, engines
from tests.unit.world import World, served

ELASTIC: Manifest = {**CPU_SPEC, "autoscaling": {"max": 6}}
OTHER: Manifest = {**ELASTIC, "source": "pvc://models/other"}

BUSY, IDLE = 0.75, 0.05
"""Parts of a KV cache: about as much as may be, and next to nothing."""


def engine(key: str, name: str, cache_use: float) -> Engine:
    """One that has been asked twice."""
    figures = EngineFigures(
        finished={"stop": 1000 + round(600 * cache_use)},
        running=cache_use,
        waiting=0.0,
        cache_use=cache_use,
    )
    return Engine(
        name,
        key,
        is_ready=True,
        figures=figures,
        earlier=EngineFigures(finished={"stop": 1000}),
        apart_seconds=15.0,
        ready_after=120.0,
    )


class Passes:
    """Pass after pass, 15 seconds apart; every replica tells the same."""

    def __init__(self, deployment: DeepSeekDeployment, world: World | None = None) -> None:
        self.world = world or World()
        self.deployment = deployment
        self.now: datetime = NOW
        self.last: Plan | None = None

    @property
    def key(self) -> str:
        return target_key(self.deployment.spec)

    def one(self, use: float | None = None, *, ready: bool = True) -> Plan:
        """`use` of a replica's cache, which all of a revision share; None: nobody tells."""
        if ready:
            self.world.start_pods()
        self.world.told = ()
        if use is not None:
            self.world.told = tuple(
                engine(key, f"{key}-{number}", use / count)
                for key, count in engines(self.world).items()
                for number in range(count)
            )
        plan = self.world.plan(self.deployment, now=self.now)
        self.world.carry_out(plan)
        self.now += timedelta(seconds=15)
        self.last = plan
        return plan

    def some(self, use: float | None, minutes: float) -> Manifest:
        """What is decided of the target in the end."""
        for _ in range(round(4 * minutes)):
            self.one(use)
        return self.entry()

    def entry(self, key: str | None = None) -> Manifest:
        [found] = [
            one for one in self.world.stored["autoscaling"] if one["revision"] == (key or self.key)
        ]
        return dict(found)


@pytest.fixture
def passes() -> Passes:
    made = Passes(deepseek(**ELASTIC))
    for _ in range(4):
        made.one()
    return made


def test_a_new_object_begins_with_its_least_and_says_so(passes: Passes) -> None:
    assert engines(passes.world) == {passes.key: 1}
    found = passes.entry()
    assert (found["replicas"], found["min"], found["max"]) == (1, 1, 6)
    assert (found["reason"], found["message"]) == ("Started", "begins with 1")


def test_full_replicas_get_others_beside_them_and_the_spec_stays(passes: Passes) -> None:
    before = copy.deepcopy(passes.deployment.spec)
    passes.some(2 * BUSY, 1)

    found = passes.entry()
    assert found["replicas"] == 2
    assert found["reason"] == "Use"
    assert engines(passes.world) == {passes.key: 2}
    assert passes.world.stored["serving"]["replicas"] == 2
    assert passes.deployment.spec == before


def test_status_is_written_before_pods_follow(passes: Passes) -> None:
    passes.some(IDLE, 1)
    assert passes.last is not None
    assert not passes.last.records

    plan = passes.last
    for _ in range(8):
        plan = passes.one(2 * BUSY)
        if plan.records:
            break
    assert plan.records

    [made] = [
        item
        for item in plan.apply
        if item["kind"] == "Deployment" and passes.key in item["metadata"]["name"]
    ]
    assert made["spec"]["replicas"] == passes.entry()["replicas"] == 2


def test_fewer_come_after_the_delay(passes: Passes) -> None:
    assert passes.some(2 * BUSY, 2)["replicas"] >= 2
    assert passes.some(IDLE, 9)["replicas"] >= 2

    assert passes.some(IDLE, 12)["replicas"] == 1
    assert engines(passes.world) == {passes.key: 1}


def test_nobody_who_tells_is_no_reason_for_another_number(passes: Passes) -> None:
    had = passes.some(2 * BUSY, 2)["replicas"]

    found = passes.some(None, 30)

    assert found["replicas"] == had
    assert found["held"] == "no engine tells its figures"


def test_while_nobody_tells_nothing_is_written(passes: Passes) -> None:
    passes.some(IDLE, 2)
    passes.some(None, 3)

    for _ in range(8):
        passes.now += timedelta(seconds=15)
        assert passes.world.writes(passes.world.plan(passes.deployment, now=passes.now)) == []


def test_a_pass_at_rest_looks_again_soon(passes: Passes) -> None:
    assert passes.one(IDLE).requeue_seconds == scaling.LOOK_SECONDS == 15.0
    assert served(deepseek()).plan(deepseek()).requeue_seconds is None


def test_between_two_decisions_nothing_is_written(passes: Passes) -> None:
    passes.one(IDLE)
    passes.now -= timedelta(seconds=10)

    assert passes.world.writes(passes.world.plan(passes.deployment, now=passes.now)) == []


def test_it_is_the_same_revision_with_and_without() -> None:
    assert target_key(deepseek(**ELASTIC).spec) == target_key(deepseek(**CPU_SPEC).spec)


def test_an_object_that_runs_begins_with_what_it_has() -> None:
    passes = Passes(deepseek(**ELASTIC), served(deepseek(**CPU_SPEC, replicas=3)))
    passes.one()

    assert passes.entry()["replicas"] == 3
    assert engines(passes.world) == {passes.key: 3}


def test_without_it_replicas_set_the_number_again(passes: Passes) -> None:
    passes.some(2 * BUSY, 2)
    passes.deployment = deepseek(**CPU_SPEC, replicas=4, generation=2)
    passes.one()

    assert "autoscaling" not in passes.world.stored
    assert engines(passes.world) == {passes.key: 4}


def test_a_new_revision_begins_with_as_many_and_neither_gets_fewer(passes: Passes) -> None:
    """BlueGreen: the old one serves until all of the new one's pods are ready."""
    old = passes.key
    had = passes.some(2 * BUSY, 2)["replicas"]
    passes.deployment = deepseek(**OTHER, generation=2)

    for _ in range(80):
        passes.one(IDLE, ready=False)

    assert engines(passes.world) == {old: had, passes.key: had}
    assert passes.entry()["message"] == f"revision {old} has {had}"
    assert passes.entry(old)["held"].endswith(f"rollout of revision {passes.key} is under way")


def test_the_old_revision_gets_more_while_the_new_one_starts(passes: Passes) -> None:
    old = passes.key
    passes.some(IDLE, 1)
    passes.deployment = deepseek(**OTHER, generation=2)
    for _ in range(12):
        passes.one(2 * BUSY, ready=False)

    assert passes.entry(old)["replicas"] > 1
    assert engines(passes.world)[old] == passes.entry(old)["replicas"]


def test_once_the_new_one_serves_its_number_alone_is_told(passes: Passes) -> None:
    passes.some(IDLE, 1)
    passes.deployment = deepseek(**OTHER, generation=2)
    passes.some(IDLE, 2)

    assert [one["revision"] for one in passes.world.stored["autoscaling"]] == [passes.key]


def test_a_smaller_revision_begins_with_as_many_as_do_the_same() -> None:
    """By what replicas of both were sized for: one of 8B does less than one of 1.5B."""
    small = {**LLAMA, "model": "DeepSeek-R1-Distill-Qwen-1.5B", "source": "pvc://small"}
    bounds: Manifest = {"autoscaling": {"min": 2, "max": 50}}
    passes = Passes(deepseek(**small, **bounds))
    for _ in range(4):
        passes.one()
    passes.deployment = deepseek(**LLAMA, **bounds, generation=2)
    passes.one()

    found = passes.entry()
    rates = [
        float((resolve_shape(one, one.spec, images=IMAGES).sizing or {})["requestsPerSecond"])
        for one in (deepseek(**small), deepseek(**LLAMA))
    ]
    assert rates[0] > rates[1]
    assert found["replicas"] == -(-2 * rates[0] // rates[1])
    assert "as they were sized" in found["message"]


def test_a_revision_that_gave_its_pods_up_is_not_given_any() -> None:
    entries = ({"revision": "old", "replicas": 5}, {"revision": "new", "replicas": 3})
    found = scaling.Scaling(deepseek(), entries)
    counts = {"old": 0, "new": 3, "fallback": 2}
    roles = Roles("new", "old", counts, takes_over=False, resting={"old": 5})

    assert found.raised(roles).replicas == {"old": 0, "new": 3, "fallback": 2}


def test_a_fallback_says_its_own_number() -> None:
    entry = {**CPU_SPEC, "source": "pvc://models/small", "replicas": 2}
    deployment = deepseek(**ELASTIC, gateway={"replicas": 1}, fallback=[entry])

    asking = deployment.asking_for(deployment.spec.fallback[0])

    assert (asking.spec.replicas, asking.spec.autoscaling) == (2, None)


@pytest.mark.parametrize(
    ("most", "mode"),
    [pytest.param(1, "ReadWriteOnce", id="one"), pytest.param(2, "ReadWriteMany", id="several")],
)
def test_the_volume_is_that_of_all_replicas_that_there_may_be(most: int, mode: str) -> None:
    spec: dict[str, Any] = {"model": "m", "source": "hf://org/m", "autoscaling": {"max": most}}
    deployment = deepseek(**spec)
    shape = resolve_shape(deployment, deployment.spec, images=IMAGES)
    name = weights.claim_of(shape)
    assert name is not None

    claim = weights.build_claim(deployment, shape, name, size=None, complete=None)

    assert claim["spec"]["accessModes"] == [mode]

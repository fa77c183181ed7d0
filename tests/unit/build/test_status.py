"""Conditions while pods come and go: what users may rely on, and what is still to be done."""

import copy
import dataclasses

import pytest

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.plan import make_plan
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.samples import CPU_SPEC, IMAGES, LATER, Manifest, conditions, deepseek
from tests.unit.test_warming import TIMED_OUT, answers, ended, pod, run
from tests.unit.world import World, served

OLD = deepseek(**CPU_SPEC, replicas=2)
NEW = deepseek(**{**CPU_SPEC, "source": "pvc://models/better"}, replicas=2, generation=2)


OLD_KEY, NEW_KEY = revision_key(OLD.spec), revision_key(NEW.spec)
UNLOCKED = deepseek(**CPU_SPEC, warmup={"enabled": False}, replicas=2)

ONE = pod()
OTHER = pod("other", creationTimestamp="2026-03-01T11:10:00Z")
OPEN = pod(gate=("True", "containerd://1: warmed up"))


def told(world: World, deployment: DeepSeekDeployment) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition, as the next pass stores them."""
    world.carry_out(world.plan(deployment, now=LATER))
    return {
        kind: (item["status"], item["reason"]) for kind, item in conditions(world.stored).items()
    }


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        pytest.param(
            2,
            {"Ready": ("True", "Serving"), "Reconciling": ("False", "UpToDate"),
             "RolledOut": ("True", "RolledOut"), "Warm": ("True", "WarmedUp")},
            id="all",
        ),
        pytest.param(
            1,
            {"Ready": ("True", "Serving"), "Reconciling": ("True", "RollingOut"),
             "RolledOut": ("False", "CandidateStarting"), "Warm": ("Unknown", "NotStarted")},
            id="one-lost",
        ),
        pytest.param(
            0,
            {"Ready": ("False", "Starting"), "Reconciling": ("True", "RollingOut"),
             "RolledOut": ("False", "CandidateStarting"), "Warm": ("Unknown", "NotStarted")},
            id="all-lost",
        ),
    ],
)  # fmt: skip
def test_conditions_follow_the_pods_that_are_ready(
    ready: int, expected: dict[str, tuple[str, str]]
) -> None:
    world = served(OLD)
    world.start_pods(ready=ready)

    always = {"Stalled": ("False", "NotStalled"), "WeightsReady": ("True", "WeightsGiven")}
    assert told(world, OLD) == {**expected, **always}
    assert world.stored["serving"]["readyReplicas"] == ready


def test_users_are_not_said_to_be_served_by_the_pods_of_a_revision_they_do_not_reach() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    world.start_pods(revision_key(OLD.spec), ready=0)
    world.start_pods(revision_key(NEW.spec), ready=1)

    assert told(world, NEW)["Ready"] == ("False", "Starting")


def test_a_pod_that_is_lost_and_comes_back_leaves_two_transitions_of_ready() -> None:
    world = served(OLD)
    before: Manifest = conditions(world.stored)["Ready"]
    world.start_pods(ready=0)
    told(world, OLD)
    lost = conditions(world.stored)["Ready"]
    world.start_pods()
    told(world, OLD)

    assert before["lastTransitionTime"] != lost["lastTransitionTime"]
    assert conditions(world.stored)["Ready"]["status"] == "True"
    assert conditions(world.stored)["Stalled"]["lastTransitionTime"] == before["lastTransitionTime"]


def starting(deployment: DeepSeekDeployment = OLD) -> World:
    """Its Deployment is there, and no pod is ready."""
    world = World()
    world.settle(deployment, ready=False)
    return world


def read(
    world: World,
    *pods: Manifest,
    runs: tuple[Manifest, ...] = (),
    deployment: DeepSeekDeployment = OLD,
) -> Manifest:
    """The status after a pass that finds these pods and these runs of warm-ups; it is stored."""
    observed = dataclasses.replace(world.observed(), pods=pods, warmers=runs)
    stored = copy.deepcopy(world.stored)
    world.stored = make_plan(deployment, observed, stored=stored, images=IMAGES, now=LATER).status
    DeepSeekDeploymentStatus.model_validate(world.stored)
    return world.stored


def warm(status: Manifest) -> tuple[str, str, str]:
    condition = conditions(status)["Warm"]
    return condition["status"], condition["reason"], condition["message"]


def results(status: Manifest) -> list[tuple[str, str]]:
    """Revisions and pods whose warm-up the status tells of."""
    return [(entry["revision"], entry["pod"]) for entry in status.get("warmup", [])]


SAID_OF_FAILURE = "pod one: its warm-up failed: TimedOut: 600 s; raise warmup.timeout"
SAID_OF_DIFFERENCE = (
    "pod other: its answer to the fixed prompt differs from that of pod one at token 1: "
    "log-probability of 'yes' is -9.00 and not -1.00 (tolerance 0.10)"
)
DIFFERS = (
    ended(ONE, logProbabilities=answers()),
    ended(OTHER, logProbabilities=answers(-9.0)),
)


@pytest.mark.parametrize(
    ("pods", "runs", "expected"),
    [
        pytest.param([], [], ("Unknown", "NotStarted", "pods are starting"), id="no-pods"),
        pytest.param(
            [pod(engine={"started": False})], [],
            ("Unknown", "NotStarted", "pods are starting"), id="cold",
        ),
        pytest.param(
            [ONE], [], ("False", "WarmingUp", "pod one: its warm-up begins"), id="begins"
        ),
        pytest.param(
            [ONE], [run(ONE)],
            ("False", "WarmingUp", "pod one: warming up since 2026-03-01T11:50:00Z"), id="warming",
        ),
        pytest.param(
            [OPEN, OTHER], [run(OTHER)],
            ("False", "WarmingUp", "pod other: warming up since 2026-03-01T11:50:00Z"),
            id="the-second-is-warming",
        ),
        pytest.param(
            [ONE], [ended(ONE, code=10, opened=False, failure=TIMED_OUT)],
            ("False", "WarmupFailed", SAID_OF_FAILURE),
            id="failed",
        ),
        pytest.param(
            [ONE, OTHER], list(DIFFERS),
            ("False", "AnswersDiffer", SAID_OF_DIFFERENCE),
            id="differs",
        ),
        pytest.param(
            [ONE], [ended(ONE)], ("Unknown", "NotStarted", "pods are starting"), id="just-opened"
        ),
    ],
)  # fmt: skip
def test_why_users_may_not_reach_a_pod_is_told(
    pods: list[Manifest], runs: list[Manifest], expected: tuple[str, str, str]
) -> None:
    assert warm(read(starting(), *pods, runs=tuple(runs))) == expected


def test_before_there_is_a_pod_nothing_is_said_to_be_cold() -> None:
    assert warm(read(World())) == ("Unknown", "NotStarted", "no pod has started")


def test_pods_that_all_serve_are_warm() -> None:
    assert warm(read(served(OLD))) == ("True", "WarmedUp", "every pod was warmed up")


@pytest.mark.parametrize("world", [starting(UNLOCKED), served(UNLOCKED)], ids=["starts", "serves"])
def test_pods_without_locks_are_served_cold_and_that_is_said(world: World) -> None:
    found = warm(read(world, pod(locked=False), deployment=UNLOCKED))

    message = "spec.warmup.enabled is false: pods are served cold"
    assert found == ("False", "NotWarmed", message)


def test_while_a_revision_without_locks_serves_not_every_pod_is_warm() -> None:
    world = served(UNLOCKED)
    locked = deepseek(**CPU_SPEC, replicas=2, generation=2)
    world.carry_out(world.plan(locked))

    assert warm(read(world, deployment=locked))[:2] == ("False", "NotWarmed")


def test_a_pod_that_serves_though_its_warm_up_failed_is_named_as_long_as_it_serves() -> None:
    world = starting()
    read(world, ONE, runs=(ended(ONE, failure=TIMED_OUT),))
    world.start_pods()

    expected = ("False", "ServedCold", "pod one serves though its warm-up failed: TimedOut: 600 s")
    for _ in range(2):
        assert warm(read(world)) == expected


def test_what_a_warm_up_told_is_kept_when_nobody_looks_any_more() -> None:
    world = starting()
    first = read(world, ONE, runs=(ended(ONE),))
    assert results(first) == [(OLD_KEY, "one")]
    world.start_pods()

    assert read(world).get("warmup") == first["warmup"]
    assert read(world, OPEN).get("warmup") == first["warmup"]


def test_each_pod_keeps_what_its_own_warm_up_told() -> None:
    world = starting()
    read(world, ONE, runs=(ended(ONE, failure=TIMED_OUT),))

    later = read(world, OPEN, OTHER, runs=(ended(OTHER),))

    assert results(later) == [(OLD_KEY, "one"), (OLD_KEY, "other")]
    assert ["failure" in entry for entry in later["warmup"]] == [True, False]
    world.start_pods()
    assert warm(read(world))[:2] == ("False", "ServedCold")


def test_a_warm_up_that_failed_tells_no_result() -> None:
    status = read(starting(), ONE, runs=(ended(ONE, code=10, opened=False),))

    assert "warmup" not in status


def test_each_revision_with_pods_has_its_last_warm_up_and_one_that_is_gone_has_none() -> None:
    world = starting()
    read(world, ONE, runs=(ended(ONE),))
    world.start_pods()
    world.settle(OLD)
    labels = {"serving.deepseek.dev/revision": NEW_KEY}
    new = pod("new", labels=labels)
    world.carry_out(world.plan(NEW))

    both = read(world, new, runs=(ended(new),), deployment=NEW)
    assert set(results(both)) == {(OLD_KEY, "one"), (NEW_KEY, "new")}
    world.settle(NEW)

    assert results(world.stored) == [(NEW_KEY, "new")]


def test_a_cold_candidate_is_told_while_what_serves_is_warm() -> None:
    world = served(OLD)
    world.carry_out(world.plan(NEW))
    new = pod("new", labels={"serving.deepseek.dev/revision": NEW_KEY})

    found = read(world, new, runs=(run(new),), deployment=NEW)

    assert warm(found)[:2] == ("False", "WarmingUp")
    assert conditions(found)["Ready"]["status"] == "True"
    assert conditions(found)["RolledOut"]["reason"] == "WarmingUp"

"""make_plan() of pods that are shut until they are warm: what is begun, kept, opened, and told."""

import copy
import dataclasses
import json

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import Observed
from deepseek_operator.plan import TROUBLE_SECONDS, Plan, make_plan
from deepseek_operator.rollout.revisions import revision_key, target_key
from deepseek_operator.warming import RETRY
from tests.unit.samples import CPU_SPEC, IMAGES, LATER, NOW, Manifest, conditions, deepseek
from tests.unit.test_warming import answers, ended, pod, run
from tests.unit.world import World, served

OBJECT = deepseek(**CPU_SPEC)
KEY = revision_key(OBJECT.spec)
REVISION = ("ControllerRevision", f"chat-{KEY}")
REFERENCE = "serving.deepseek.dev/log-probabilities"

ONE = pod()
OTHER = pod("other", creationTimestamp="2026-03-01T11:10:00Z")


def starting(deployment: DeepSeekDeployment = OBJECT) -> World:
    """The object's children are there, and no pod is ready."""
    world = World()
    world.settle(deployment, ready=False)
    return world


def seen(world: World, *pods: Manifest, runs: tuple[Manifest, ...] = ()) -> Observed:
    return dataclasses.replace(world.observed(), pods=pods, warmers=runs)


def planned(
    world: World,
    *pods: Manifest,
    runs: tuple[Manifest, ...] = (),
    deployment: DeepSeekDeployment = OBJECT,
) -> Plan:
    """The plan of a pass that finds these pods and these runs."""
    stored = copy.deepcopy(world.stored)
    observed = seen(world, *pods, runs=runs)
    return make_plan(deployment, observed, stored=stored, images=IMAGES, now=NOW)


def told(plan: Plan, kind: str = "Ready") -> tuple[str, str]:
    condition = conditions(plan.status)[kind]
    return condition["reason"], condition["message"]


def kept(plan: Plan) -> str | None:
    """What the plan keeps on the object's ControllerRevision."""
    [revision] = [item for item in plan.apply if item["kind"] == "ControllerRevision"]
    reference = revision["metadata"].get("annotations", {}).get(REFERENCE)
    return None if reference is None else str(reference)


def opened(plan: Plan) -> list[str]:
    return [
        gate["metadata"]["name"]
        for gate in plan.gates
        for condition in gate["status"]["conditions"]
        if condition["status"] == "True"
    ]


def test_a_started_engine_is_warmed_up_by_a_job_that_nothing_else_applies() -> None:
    plan = planned(starting(), ONE)

    assert len(plan.start) == 1
    assert not [item for item in plan.apply if item["kind"] == "Job"]
    assert plan.gates == ()
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_an_engine_that_is_being_warmed_up_is_not_said_to_be_silent() -> None:
    plan = planned(starting(), ONE, runs=(run(ONE),))

    assert told(plan) == ("WarmingUp", "pod one: warming up since 2026-03-01T11:50:00Z")
    assert told(planned(starting(), pod(locked=False)))[0] == "NotAnswering"


CRASHED = pod(engine={
    "started": False, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "message": "ValueError: no"}},
})  # fmt: skip


def test_an_engine_that_crashes_is_said_to_crash() -> None:
    assert told(planned(starting(), CRASHED))[0] == "EngineFailed"
    assert told(planned(starting(), CRASHED, OTHER))[0] == "EngineFailed"


def restarted() -> Manifest:
    """A pod whose engine runs again after a crash."""
    end = {"exitCode": 1, "message": "ValueError: no"}
    return pod(engine={"restartCount": 1, "lastState": {"terminated": end}})


def test_a_warm_ups_own_trouble_is_told_before_the_crash_of_the_process_before() -> None:
    again = restarted()
    failed = ended(again, code=10, opened=False)

    assert told(planned(starting(), again, runs=(run(again),)))[0] == "EngineFailed"
    assert told(planned(starting(), again, runs=(failed,)))[0] == "WarmupFailed"


def test_an_engine_that_loads_is_said_to_load() -> None:
    loading = pod("loading", engine={"started": False, "state": {"running": {"startedAt": "noon"}}})

    assert told(planned(starting(), loading))[0] == "EngineLoading"


def test_a_failed_warm_up_is_why_nobody_is_served() -> None:
    plan = planned(starting(), ONE, runs=(ended(ONE, code=10, opened=False),))

    assert told(plan)[0] == "WarmupFailed"
    assert told(plan, "Reconciling")[0] == "WarmupFailed"
    assert conditions(plan.status)["Stalled"]["status"] == "False"
    assert plan.requeue_seconds == TROUBLE_SECONDS


def test_a_pod_at_strength_is_not_said_to_be_cold() -> None:
    assert told(planned(served(OBJECT), ONE, runs=(run(ONE),)))[0] == "Serving"


def test_what_the_first_pod_answers_is_kept_by_its_revision() -> None:
    world = starting()

    plan = planned(world, ONE, runs=(ended(ONE, logProbabilities=answers()),))

    assert opened(plan) == ["one"]
    reference = kept(plan)
    assert reference is not None
    assert json.loads(reference) == {**answers(), "pod": "one"}
    assert f"apply ControllerRevision chat-{KEY}" in world.writes(plan)


def test_what_a_revision_keeps_outlives_every_pass_that_reads_no_pods() -> None:
    world = starting()
    plan = planned(world, ONE, runs=(ended(ONE, logProbabilities=answers()),))
    world.carry_out(plan)
    world.settle(OBJECT)

    assert kept(plan) == world.children[REVISION]["metadata"]["annotations"].get(REFERENCE)
    assert kept(planned(world)) == kept(plan)
    assert not world.writes(planned(world))


def test_a_later_pod_that_answers_otherwise_stays_shut() -> None:
    world = starting()
    world.carry_out(planned(world, ONE, runs=(ended(ONE, logProbabilities=answers()),)))
    differs = ended(OTHER, logProbabilities=answers(-9.0))

    plan = planned(world, OTHER, runs=(differs,))

    assert told(plan)[0] == "AnswersDiffer"
    assert plan.gates == ()
    assert json.loads(str(kept(plan)))["pod"] == "one"


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param((), id="none"),
        pytest.param((run(ONE),), id="under-way"),
        pytest.param((ended(ONE, said=""),), id="silent"),
        pytest.param((ended(ONE, opened=False),), id="not-opened"),
        pytest.param((ended(ONE, code=1),), id="failed"),
        pytest.param((ended(ONE, "containerd://0"),), id="of-the-process-before"),
        pytest.param((ended(OTHER),), id="of-another-pod"),
    ],
)
def test_nothing_opens_without_a_result(runs: tuple[Manifest, ...]) -> None:
    plan = planned(starting(), ONE, runs=runs)

    assert plan.gates == ()
    assert kept(plan) is None


def test_a_failed_warm_up_is_deleted_for_another_once_it_has_been_told_for_a_while() -> None:
    world = starting()
    failed = ended(ONE, code=10, opened=False)
    due = make_plan(
        OBJECT,
        seen(world, ONE, runs=(failed,)),
        stored=world.stored,
        images=IMAGES,
        now=NOW + RETRY,
    )

    assert planned(world, ONE, runs=(failed,)).delete == ()
    [job] = due.delete
    assert job["kind"] == "Job"
    assert due.start == ()
    assert [job["metadata"]["name"]] == [
        item["metadata"]["name"] for item in planned(world, ONE).start
    ]


def test_pods_without_locks_are_left_alone() -> None:
    unlocked = deepseek(**CPU_SPEC, warmup={"enabled": False})
    own = pod(locked=False, labels={"serving.deepseek.dev/revision": target_key(unlocked.spec)})

    plan = planned(starting(unlocked), own, deployment=unlocked)

    assert (plan.start, plan.gates) == ((), ())
    assert "warm" not in json.dumps([item for item in plan.apply if item["kind"] == "Deployment"])


def test_turning_the_warm_up_off_rolls_out_pods_without_locks_and_keeps_what_serves() -> None:
    world = served(OBJECT)
    unlocked = deepseek(**CPU_SPEC, warmup={"enabled": False}, generation=2)

    plan = world.plan(unlocked)

    key = target_key(unlocked.spec)
    deployments = [item["metadata"]["name"] for item in plan.apply if item["kind"] == "Deployment"]
    assert deployments == [f"chat-{KEY}", f"chat-{key}"]
    assert plan.delete == ()


def test_the_pods_of_both_revisions_are_warmed_up() -> None:
    world = served(OBJECT)
    new = deepseek(**{**CPU_SPEC, "source": "pvc://models/better"}, generation=2)
    world.carry_out(world.plan(new, now=LATER))
    candidate = pod("new", labels={"serving.deepseek.dev/revision": revision_key(new.spec)})

    plan = planned(world, ONE, candidate, deployment=new)

    owners = [item["metadata"]["ownerReferences"][0]["name"] for item in plan.start]
    assert owners == ["one", "new"]
    assert told(plan)[0] == "Serving"
    assert told(plan, "RolledOut")[0] == "WarmingUp"


def test_the_same_cluster_gives_the_same_plan() -> None:
    world = starting()
    runs = (ended(ONE, logProbabilities=answers()), run(OTHER))

    assert planned(world, ONE, OTHER, runs=runs) == planned(world, ONE, OTHER, runs=runs)

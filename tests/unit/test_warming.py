"""plan_warming(): which engine processes users may reach, and what is written about the others."""

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children
from deepseek_operator.build import warmup as builders
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import JOB_LABEL, Complaint, Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.warming import RETRY, Warming, is_locked, needs_warmup, plan_warming
from deepseek_operator.warmth import Phase
from tests.unit.samples import IMAGES, NOW, Manifest, check_against_kubernetes, deepseek

GATE = "serving.deepseek.dev/warm"
PROCESS, RESTARTED = "containerd://1", "containerd://2"

OBJECT = deepseek()
SHAPE = resolve_shape(OBJECT, OBJECT.spec, images=IMAGES)

RESULT: Manifest = {
    "opened": True,
    "requests": 41,
    "seconds": 12.5,
    "failure": None,
    "logProbabilities": None,
    "shapes": {},
}


def pod(
    name: str = "one",
    *,
    container: str | None = PROCESS,
    ip: str | None = "10.0.0.1",
    gate: tuple[str, str] | None = None,
    engine: Manifest | None = None,
    locked: bool = True,
    **metadata: Any,
) -> Manifest:
    """An engine pod that has started; `gate` is the status and the message of its readiness gate."""
    gates = {"readinessGates": [{"conditionType": GATE}]} if locked else {}
    status = {"name": "engine", "containerID": container, "started": True, "ready": False}
    condition = {"type": GATE, "status": gate[0], "message": gate[1]} if gate else None
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-03-01T11:00:00Z",
            "labels": {
                "serving.deepseek.dev/deployment": "chat",
                "serving.deepseek.dev/revision": SHAPE.key,
            },
            **metadata,
        },
        "spec": gates,
        "status": {
            "podIP": ip,
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                *([condition] if condition else []),
            ],
            "containerStatuses": [
                {"name": "other", "started": True, "state": {"running": {}}, "containerID": "x"},
                {**status, "state": {"running": {}}, **(engine or {})},
            ],
        },
    }


def run(of: Manifest, container: str = PROCESS, **status: Any) -> Manifest:
    """A pod of the Job that warms up a process."""
    job = builders.warmup_name(of, container)
    owner = {"kind": "Job", "name": job, "uid": f"uid-of-{job}", "controller": True}
    return {
        "metadata": {
            "name": f"{job}-pod",
            "namespace": "team",
            "creationTimestamp": "2026-03-01T11:50:00Z",
            "labels": {JOB_LABEL: job},
            "ownerReferences": [owner],
        },
        "spec": {"nodeName": "n"},
        "status": status,
    }


def ended(
    of: Manifest, container: str = PROCESS, *, code: int = 0, said: str | None = None, **result: Any
) -> Manifest:
    """A run that has ended at noon and told this result, or said something else."""
    end = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "message": json.dumps({**RESULT, **result}) if said is None else said,
        "finishedAt": "2026-03-01T12:00:00Z",
    }
    return run(
        of,
        container,
        phase="Failed" if code else "Succeeded",
        containerStatuses=[{"name": "warmup", "state": {"terminated": end}}],
    )


def answers(value: float = -1.0, *, prompt: str = "p") -> Manifest:
    """What the fixed prompt was answered."""
    return {"prompt": prompt, "runs": 3, "spread": 0.0, "positions": [[["yes", value]]]}


def kept(reference: str | None) -> Manifest:
    """The ControllerRevision, with what its first pod answered."""
    return children.build_controller_revision(OBJECT, SHAPE, number=1, reference=reference)


def warming(
    *pods: Manifest,
    runs: tuple[Manifest, ...] = (),
    now: datetime = NOW,
    deployment: DeepSeekDeployment = OBJECT,
    **read: Any,
) -> Warming:
    observed = Observed(pods=pods, warmers=runs, **read)
    return plan_warming(deployment, SHAPE, observed, now=now)


def phases(found: Warming) -> list[tuple[str, str]]:
    return [(one.pod, str(one.phase)) for one in found.pods]


def gates_of(found: Warming) -> list[tuple[str, str]]:
    """Pods and what their gates are to be."""
    conditions = [(gate["metadata"]["name"], gate["status"]["conditions"]) for gate in found.gates]
    return [(name, condition["status"]) for name, [condition] in conditions]


def said(found: Warming) -> tuple[str, str]:
    """Reason and message of what keeps users out."""
    assert found.finding is not None
    return str(found.finding.reason), found.finding.message


def names_of(manifests: tuple[Manifest, ...]) -> list[str]:
    return [item["metadata"]["name"] for item in manifests]


def nothing_written(found: Warming) -> bool:
    return (found.jobs, found.gates, found.delete) == ((), (), ())


def test_a_pod_without_the_gate_is_left_alone() -> None:
    old = pod(locked=False)

    assert warming(old) == Warming()
    assert not needs_warmup(old)


def test_a_pod_with_gates_of_others_only_is_left_alone() -> None:
    others = pod()
    others["spec"]["readinessGates"] = [{"conditionType": "example.com/balanced"}]

    assert not is_locked(others)
    assert warming(others) == Warming()


COLD = [
    pytest.param({"engine": {"started": False}}, id="loads"),
    pytest.param({"engine": {"state": {"waiting": {}}}}, id="waits"),
    pytest.param({"engine": {"state": {"terminated": {"exitCode": 1}}}}, id="crashed"),
    pytest.param({"engine": {"name": "sidecar"}}, id="no-engine"),
    pytest.param({"ip": None}, id="no-address"),
    pytest.param({"ip": ""}, id="empty-address"),
    pytest.param({"container": None}, id="no-container"),
    pytest.param({"container": ""}, id="empty-container"),
]


@pytest.mark.parametrize("given", COLD)
def test_an_engine_that_cannot_be_asked_yet_is_cold_and_gets_no_job(given: Manifest) -> None:
    cold = pod(**given)

    found = warming(cold)

    assert phases(found) == [("one", "Cold")]
    assert found.finding is None
    assert nothing_written(found)
    assert not needs_warmup(cold)


def test_a_pod_that_no_kubelet_has_seen_is_cold() -> None:
    new = {key: value for key, value in pod().items() if key != "status"}

    found = warming(new)

    assert phases(found) == [("one", "Cold")]
    assert nothing_written(found)


@pytest.mark.parametrize("given", COLD)
def test_a_gate_that_is_open_is_shut_once_its_engine_is_gone(given: Manifest) -> None:
    found = warming(pod(gate=("True", f"{PROCESS}: warmed up"), **given))

    assert phases(found) == [("one", "Cold")]
    assert gates_of(found) == [("one", "False")]


def test_a_started_engine_gets_one_job_of_its_own() -> None:
    started = pod()

    found = warming(started)

    assert names_of(found.jobs) == [builders.warmup_name(started, PROCESS)]
    assert phases(found) == [("one", "Warming")]
    assert said(found) == ("WarmingUp", "pod one: its warm-up begins")
    assert (found.gates, found.delete) == ((), ())
    assert needs_warmup(started)
    check_against_kubernetes(found.jobs[0])


def test_a_job_whose_pod_is_refused_says_so() -> None:
    started = pod()
    [job] = warming(started).jobs
    refused = {f"Job/{job['metadata']['name']}": (Complaint("FailedCreate", "exceeded quota"),)}

    found = warming(started, warmups=(job,), complaints=refused)

    assert said(found) == ("PodsRefused", "pod one: its warm-up: pods are refused: exceeded quota")
    assert nothing_written(found)


def test_a_job_is_of_one_pod_and_one_process() -> None:
    one, other = pod(), pod("other", creationTimestamp="2026-03-01T11:00:01Z")
    again = pod(container=RESTARTED)
    reborn = pod(uid="uid-of-another")

    found = [warming(one, other), warming(again), warming(reborn)]

    jobs = [job for each in found for job in names_of(each.jobs)]
    assert len(set(jobs)) == len(jobs) == 4


def test_every_pod_of_a_revision_is_warmed_up_in_the_order_in_which_they_were_made() -> None:
    late, early = pod("late", creationTimestamp="2026-03-01T11:30:00Z"), pod("early")

    found = warming(late, early)

    assert phases(found) == [("early", "Warming"), ("late", "Warming")]
    assert names_of(found.jobs) == [builders.warmup_name(each, PROCESS) for each in (early, late)]
    assert said(found)[1].startswith("pod early: ")


def test_pods_of_another_revision_and_pods_on_their_way_out_are_nobodys_concern() -> None:
    leaving = pod("leaving", deletionTimestamp="2026-03-01T11:59:00Z")
    other = pod("other", labels={"serving.deepseek.dev/revision": "another"})

    assert warming(leaving, other) == Warming()
    assert warming(leaving, other, runs=(ended(leaving), ended(other))) == Warming()


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"phase": "Pending"}, id="pending"),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [{"name": "warmup", "state": {"running": {}}}],
            },
            id="running",
        ),
        pytest.param({}, id="not-seen-by-a-kubelet"),
    ],
)
def test_a_run_under_way_is_awaited(status: Manifest) -> None:
    started = pod()

    found = warming(started, runs=(run(started, **status),))

    assert phases(found) == [("one", "Warming")]
    assert said(found) == ("WarmingUp", "pod one: warming up since 2026-03-01T11:50:00Z")
    assert nothing_written(found)


UNSCHEDULABLE: Manifest = {
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]
}
NO_IMAGE: Manifest = {
    "containerStatuses": [
        {"name": "warmup", "image": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}
    ]
}
WAITS: Manifest = {
    "containerStatuses": [{"name": "warmup", "state": {"waiting": {"reason": "ContainerCreating"}}}]
}


@pytest.mark.parametrize(
    ("status", "complaints", "reason", "words"),
    [
        pytest.param(UNSCHEDULABLE, (), "Unschedulable", "0/1 nodes", id="no-node"),
        pytest.param(NO_IMAGE, (), "ImagePullFailed", "image i cannot be pulled", id="no-image"),
        pytest.param(
            WAITS,
            ('configmap "system-prompts" not found',),
            "VolumeNotMounted",
            'configmap "system-prompts" not found',
            id="no-prompts",
        ),
    ],
)
def test_what_keeps_a_run_from_starting_is_told(
    status: Manifest, complaints: tuple[str, ...], reason: str, words: str
) -> None:
    started = pod()
    stuck = run(started, **status)

    said_of_it = tuple(Complaint("FailedMount", said) for said in complaints)
    found = warming(started, runs=(stuck,), complaints={stuck["metadata"]["name"]: said_of_it})

    assert phases(found) == [("one", "Warming")]
    assert reason == said(found)[0]
    assert said(found)[1].startswith("pod one: warming up since 2026-03-01T11:50:00Z; its warm-up:")
    assert words in said(found)[1]
    assert nothing_written(found)


def test_a_run_that_succeeded_opens_the_gate_for_this_very_process() -> None:
    started = pod()

    found = warming(started, runs=(ended(started),))

    assert phases(found) == [("one", "Warm")]
    assert found.finding is None
    [gate] = found.gates
    assert gate["metadata"] == {"name": "one", "namespace": "team", "uid": "uid-of-one"}
    assert gate["status"]["conditions"] == [
        {
            "type": GATE,
            "status": "True",
            "reason": "WarmedUp",
            "message": f"{PROCESS}: warmed up in 12.5 s by 41 requests",
            "lastTransitionTime": "2026-03-01T12:00:00Z",
        }
    ]
    assert (found.jobs, found.delete) == ((), ())
    assert found.pods[0].result == RESULT


def test_the_gate_that_is_written_is_the_gate_that_is_read() -> None:
    started = pod()
    [gate] = warming(started, runs=(ended(started),)).gates
    [condition] = gate["status"]["conditions"]

    opened = pod(gate=(condition["status"], condition["message"]))

    assert not needs_warmup(opened)
    assert nothing_written(warming(opened))


def test_a_pod_that_is_open_for_its_process_needs_nothing() -> None:
    opened = pod(gate=("True", f"{PROCESS}: warmed up in 12 s"))

    for runs in ((), (ended(opened),), (ended(opened, code=10, opened=False),)):
        found = warming(opened, runs=runs)

        assert phases(found) == [("one", "Warm")]
        assert found.finding is None
        assert nothing_written(found)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(f"{PROCESS}: warmed up", id="of-the-process-before"),
        pytest.param(f"{RESTARTED}0: warmed up", id="of-a-longer-name"),
        pytest.param(f"warmed up: {RESTARTED}: ", id="named-later"),
        pytest.param("warmed up", id="of-nobody"),
        pytest.param("", id="silent"),
    ],
)
def test_a_pod_that_is_open_for_another_process_is_shut_and_warmed_up_anew(message: str) -> None:
    restarted = pod(container=RESTARTED, gate=("True", message))

    found = warming(restarted, runs=(ended(restarted, PROCESS),))

    assert gates_of(found) == [("one", "False")]
    assert "was restarted" in found.gates[0]["status"]["conditions"][0]["message"]
    assert names_of(found.jobs) == [builders.warmup_name(restarted, RESTARTED)]
    assert phases(found) == [("one", "Warming")]
    assert needs_warmup(restarted)


def test_a_gate_that_is_shut_is_not_shut_again() -> None:
    shut = pod(gate=("False", "the engine was restarted"))

    for runs in ((), (run(shut),), (ended(shut, code=10, opened=False),)):
        assert warming(shut, runs=runs).gates == ()


def test_a_gate_of_another_process_is_shut_while_the_new_one_is_warmed_up() -> None:
    restarted = pod(container=RESTARTED, gate=("True", f"{PROCESS}: warmed up"))

    for again in (run(restarted, RESTARTED), ended(restarted, RESTARTED, code=1, opened=False)):
        assert gates_of(warming(restarted, runs=(again,))) == [("one", "False")]


TIMED_OUT = {"reason": "TimedOut", "message": "600 s", "remedy": "raise warmup.timeout"}


@pytest.mark.parametrize("reason", ["NotAnswering", "WrongModel", "NotFinite", "TimedOut"])
def test_a_failed_run_says_why_and_what_to_do(reason: str) -> None:
    started = pod()
    failure = {"reason": reason, "message": "so it is", "remedy": "do this"}

    found = warming(started, runs=(ended(started, code=10, opened=False, failure=failure),))

    assert phases(found) == [("one", "Failed")]
    assert said(found) == (
        "WarmupFailed", f"pod one: its warm-up failed: {reason}: so it is; do this",
    )  # fmt: skip
    assert nothing_written(found)


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        pytest.param(1, "Traceback", "exit code 1 (Error)", id="no-json"),
        pytest.param(1, "[]", "exit code 1 (Error)", id="a-list"),
        pytest.param(137, "", "exit code 137 (Error)", id="killed"),
        pytest.param(0, "", "exit code 0 (Completed)", id="silent"),
        pytest.param(0, "{}", "exit code 0 (Completed)", id="empty"),
        pytest.param(0, '{"opened": tr', "exit code 0 (Completed)", id="cut"),
    ],
)
def test_a_run_that_left_no_result_has_failed(code: int, message: str, words: str) -> None:
    started = pod()

    found = warming(started, runs=(ended(started, code=code, said=message),))

    assert phases(found) == [("one", "Failed")]
    assert said(found) == ("WarmupFailed", f"pod one: its warm-up failed: {words}")
    assert found.gates == ()


def test_a_run_that_was_evicted_before_its_container_began_has_failed() -> None:
    started = pod()

    found = warming(started, runs=(run(started, phase="Failed"),))

    assert phases(found) == [("one", "Failed")]
    assert said(found)[0] == "WarmupFailed"
    assert names_of(found.delete) == [builders.warmup_name(started, PROCESS)]


@pytest.mark.parametrize(
    ("code", "opened"),
    [
        pytest.param(0, False, id="not-opened"),
        pytest.param(14, True, id="exit-code"),
        pytest.param(14, False, id="neither"),
    ],
)
def test_nothing_opens_unless_the_run_says_that_it_has_opened(code: int, *, opened: bool) -> None:
    started = pod()

    found = warming(started, runs=(ended(started, code=code, opened=opened),))

    assert phases(found) == [("one", "Failed")]
    assert found.gates == ()
    assert found.reference is None


def test_a_pod_that_is_to_serve_though_its_warm_up_failed_opens_and_says_so() -> None:
    started = pod()

    found = warming(started, runs=(ended(started, failure=TIMED_OUT),))

    assert phases(found) == [("one", "Warm")]
    assert found.finding is None
    [condition] = found.gates[0]["status"]["conditions"]
    assert condition["status"] == "True"
    assert condition["message"].startswith(f"{PROCESS}: ")
    assert condition["message"].endswith(", though TimedOut")


@pytest.mark.parametrize(
    ("after", "again"),
    [
        pytest.param(timedelta(0), False, id="at-once"),
        pytest.param(RETRY - timedelta(seconds=1), False, id="too-soon"),
        pytest.param(RETRY, True, id="due"),
        pytest.param(timedelta(days=1), True, id="long-after"),
    ],
)
def test_a_failed_job_is_kept_for_a_while_and_then_made_anew(
    after: timedelta, *, again: bool
) -> None:
    started = pod()
    job = builders.warmup_name(started, PROCESS)

    found = warming(started, runs=(ended(started, code=10, opened=False),), now=NOW + after)

    assert phases(found) == [("one", "Failed")]
    assert found.jobs == ()
    assert found.delete == (
        (
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": job, "namespace": "team", "uid": f"uid-of-{job}"},
            },
        )
        if again
        else ()
    )


def test_what_no_job_controls_is_not_ours_to_delete() -> None:
    started = pod()
    orphan = ended(started, code=10, opened=False)
    orphan["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "x", "uid": "x"}]

    assert warming(started, runs=(orphan,), now=NOW + RETRY).delete == ()
    del orphan["metadata"]["ownerReferences"]
    assert warming(started, runs=(orphan,), now=NOW + RETRY).delete == ()


def test_the_newest_run_speaks_for_a_job() -> None:
    started = pod()
    before = ended(started, code=10, opened=False)
    after = ended(started)
    after["metadata"]["creationTimestamp"] = "2026-03-01T11:55:00Z"

    for runs in ((before, after), (after, before)):
        assert phases(warming(started, runs=runs)) == [("one", "Warm")]


def test_a_run_of_another_process_says_nothing_of_this_one() -> None:
    restarted = pod(container=RESTARTED)

    found = warming(restarted, runs=(ended(restarted, PROCESS),))

    assert phases(found) == [("one", "Warming")]
    assert found.gates == ()
    assert len(found.jobs) == 1


FIRST, SECOND = pod("first"), pod("second", creationTimestamp="2026-03-01T11:10:00Z")
REFERENCE = json.dumps({**answers(), "pod": "first"})


def test_what_the_first_pod_answers_is_what_its_revision_keeps() -> None:
    found = warming(FIRST, runs=(ended(FIRST, logProbabilities=answers()),))

    assert found.reference is not None
    assert json.loads(found.reference) == {**answers(), "pod": "first"}
    assert gates_of(found) == [("first", "True")]


def test_a_pod_that_was_not_asked_opens_and_keeps_nothing() -> None:
    found = warming(FIRST, runs=(ended(FIRST),))

    assert gates_of(found) == [("first", "True")]
    assert found.reference is None


def test_what_a_revision_keeps_it_goes_on_keeping() -> None:
    again = warming(
        SECOND,
        runs=(ended(SECOND, logProbabilities=answers(-1.05)),),
        revisions=(kept(REFERENCE),),
    )

    assert again.reference == REFERENCE
    assert warming(revisions=(kept(REFERENCE),)).reference == REFERENCE
    assert warming(revisions=(kept(None),)).reference is None


def test_a_second_pod_that_agrees_with_the_first_opens() -> None:
    found = warming(
        SECOND,
        runs=(ended(SECOND, logProbabilities=answers()),),
        revisions=(kept(REFERENCE),),
    )

    assert gates_of(found) == [("second", "True")]


def test_a_pod_that_answers_otherwise_stays_shut_and_what_serves_is_not_touched() -> None:
    serving = pod("first", gate=("True", f"{PROCESS}: warmed up"))

    found = warming(
        serving,
        SECOND,
        runs=(ended(SECOND, logProbabilities=answers(-9.0)),),
        revisions=(kept(REFERENCE),),
    )

    assert phases(found) == [("first", "Warm"), ("second", "Failed")]
    assert nothing_written(found)
    reason, message = said(found)
    assert reason == "AnswersDiffer"
    assert "pod second" in message
    assert "pod first" in message
    assert found.reference == REFERENCE


def test_a_pod_that_answers_otherwise_is_asked_again_after_a_while() -> None:
    differs = ended(SECOND, logProbabilities=answers(-9.0))

    found = warming(SECOND, runs=(differs,), revisions=(kept(REFERENCE),), now=NOW + RETRY)

    assert names_of(found.delete) == [builders.warmup_name(SECOND, PROCESS)]


@pytest.mark.parametrize(
    ("value", "opened"),
    [pytest.param(-1.0, True, id="alike"), pytest.param(-9.0, False, id="otherwise")],
)
def test_of_two_pods_that_end_in_one_pass_the_second_is_compared_with_the_first(
    value: float, *, opened: bool
) -> None:
    runs = (
        ended(FIRST, logProbabilities=answers()),
        ended(SECOND, logProbabilities=answers(value)),
    )

    found = warming(SECOND, FIRST, runs=runs)

    opens = [("first", "True"), ("second", "True")]
    assert gates_of(found) == opens[: 1 + opened]
    assert json.loads(str(found.reference))["pod"] == "first"


def test_a_pod_that_failed_is_nobodys_reference() -> None:
    runs = (
        ended(FIRST, code=14, opened=False, logProbabilities=answers(-9.0)),
        ended(SECOND, logProbabilities=answers()),
    )

    found = warming(FIRST, SECOND, runs=runs)

    assert gates_of(found) == [("second", "True")]
    assert json.loads(str(found.reference))["pod"] == "second"


def test_the_first_pod_that_is_shut_says_why() -> None:
    runs = (ended(SECOND, code=1, said="", opened=False),)

    found = warming(pod("first", gate=("True", f"{PROCESS}: warm")), SECOND, runs=runs)

    assert isinstance(found.finding, Finding)
    assert said(found)[1].startswith("pod second: ")


def test_the_same_cluster_gives_the_same_plan() -> None:
    def planned() -> Warming:
        return warming(
            pod("first"),
            SECOND,
            pod("third", container=RESTARTED, gate=("True", f"{PROCESS}: warm")),
            runs=(ended(FIRST, logProbabilities=answers()), run(SECOND)),
        )

    assert planned() == planned()


def test_the_job_is_of_the_frozen_shape() -> None:
    frozen = dataclasses.replace(SHAPE, template=json.loads(json.dumps(SHAPE.template)))
    frozen.template["spec"]["initContainers"][0]["image"] = "registry.example/toolbox:old"
    assert isinstance(frozen, Shape)

    [job] = plan_warming(OBJECT, frozen, Observed(pods=(pod(),)), now=NOW).jobs

    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/toolbox:old"


def test_a_phase_is_a_word_of_the_status() -> None:
    assert [str(phase) for phase in Phase] == ["Cold", "Warming", "Failed", "Warm"]


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        pytest.param("Failed", "Job was active too long", "Job was active too long", id="late"),
        pytest.param("Complete", None, "its pod is gone", id="collected"),
    ],
)
@pytest.mark.parametrize(("after", "again"), [(timedelta(0), False), (RETRY, True)])
def test_a_job_that_ended_and_left_no_run_has_failed(
    kind: str, message: str | None, said: str, after: timedelta, *, again: bool
) -> None:
    started = pod()
    job = builders.build_warmup_job(OBJECT, SHAPE, started, container_id=PROCESS)
    condition = {"type": kind, "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    told = {"message": message} if message else {}
    job["status"] = {"conditions": [{**condition, **told}]}

    found = warming(started, warmups=(job,), now=NOW + after)

    assert phases(found) == [("one", "Failed")]
    assert said in str(found.finding)
    assert found.jobs == ()
    assert found.delete == ((job,) if again else ())


def test_a_job_that_has_no_run_yet_is_not_made_again_by_another_name() -> None:
    started = pod()
    job = builders.build_warmup_job(OBJECT, SHAPE, started, container_id=PROCESS)

    found = warming(started, warmups=(job,))

    assert phases(found) == [("one", "Warming")]
    assert found.delete == ()

"""What a pass writes of warm-ups: Jobs that are there once, and gates of the very pods it read."""

import copy
from typing import Any

import pytest

from deepseek_operator.build import warmup as builders
from deepseek_operator.errors import Conflict, Stalled
from deepseek_operator.execute import execute
from deepseek_operator.observed import JOB_LABEL
from deepseek_operator.plan import Plan
from deepseek_operator.reconcile import Key, reconcile
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import IMAGES, LATER, NOW, Manifest, conditions
from tests.unit.test_reconcile import KEY, OBJECT, put_object, settle
from tests.unit.test_warming import OBJECT as DEPLOYMENT
from tests.unit.test_warming import SHAPE, answers, ended, pod
from tests.unit.world import World

PODS = "/api/v1/namespaces/team/pods"
JOBS = "/apis/batch/v1/namespaces/team/jobs"
GATE = "serving.deepseek.dev/warm"

ONE = pod()
JOB = builders.build_warmup_job(DEPLOYMENT, SHAPE, ONE, container_id="containerd://1")
JOB_PATH = f"{JOBS}/{JOB['metadata']['name']}"
GATE_OF_ONE = builders.build_gate(
    ONE, is_open=True, reason="WarmedUp", message="containerd://1: warm", now=NOW
)


def plan(**parts: Any) -> Plan:
    """A plan of these parts alone."""
    nothing: dict[str, Any] = {
        "apply": (), "delete": (), "status": {}, "records": False, "requeue_seconds": None,
    }  # fmt: skip
    return Plan(**{**nothing, **parts})


async def carry_out(api: FakeApi, **parts: Any) -> int:
    """The number of writes of a plan of these parts."""
    return await execute(api.kube(), DEPLOYMENT, World().observed(), plan(**parts))


def serving_but_for_one_pod(api: FakeApi) -> None:
    """The Deployment's pods are not ready any more."""
    [deployment] = api.of_kind("Deployment").values()
    deployment["status"]["readyReplicas"] = 0


def put_pod(api: FakeApi, manifest: Manifest) -> None:
    api.put(f"{PODS}/{manifest['metadata']['name']}", {"kind": "Pod", **manifest})


def put_run(api: FakeApi, manifest: Manifest) -> None:
    """A run of a warm-up, with the labels of its Job's template."""
    labels = JOB["spec"]["template"]["metadata"]["labels"]
    own = copy.deepcopy(manifest)
    own["metadata"]["labels"] = {**labels, JOB_LABEL: manifest["metadata"]["labels"][JOB_LABEL]}
    put_pod(api, own)


async def one_pass(api: FakeApi) -> int:
    outcome = await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=LATER)
    return outcome.writes


def gate_of(api: FakeApi, name: str = "one") -> Manifest | None:
    status = api.objects[f"{PODS}/{name}"]["status"]
    found = [item for item in status.get("conditions", []) if item["type"] == GATE]
    return found[0] if found else None


async def test_a_warm_up_begins_once() -> None:
    api = FakeApi()

    assert await carry_out(api, start=(JOB,)) == 1
    before = copy.deepcopy(api.objects)
    assert await carry_out(api, start=(JOB,)) == 0

    assert api.objects == before
    assert api.writes() == [f"POST {JOBS}", f"POST {JOBS}"]


async def test_a_job_that_is_there_already_is_left_as_it_is() -> None:
    """Whatever the spec says by now: what has begun is not begun anew."""
    api = FakeApi()
    api.put(JOB_PATH, {**JOB, "spec": {"suspend": True}})

    assert await carry_out(api, start=(JOB,)) == 0
    assert api.objects[JOB_PATH]["spec"] == {"suspend": True}


async def test_a_job_that_the_server_refuses_stalls_with_its_words() -> None:
    api = FakeApi(fault=lambda call: "422" if call.path == JOBS else None)

    with pytest.raises(Stalled, match=r"Job warmup-.* is refused: injected"):
        await carry_out(api, start=(JOB,))


async def test_a_gate_is_written_to_the_status_of_its_pod() -> None:
    api = FakeApi()
    put_pod(api, ONE)

    assert await carry_out(api, gates=(GATE_OF_ONE,)) == 1

    [call] = api.calls
    assert (call.method, call.path) == ("PATCH", f"{PODS}/one/status")
    assert call.body == GATE_OF_ONE
    assert call.body["metadata"]["uid"] == "uid-of-one"
    assert call.query["force"] == "true"
    assert gate_of(api) == GATE_OF_ONE["status"]["conditions"][0]


@pytest.mark.parametrize("pods", [[pod(uid="uid-of-another")], []], ids=["replaced", "gone"])
async def test_a_pod_that_is_another_by_now_is_not_opened(pods: list[Manifest]) -> None:
    api = FakeApi()
    for each in pods:
        put_pod(api, each)
    before = copy.deepcopy(api.objects)

    with pytest.raises(Conflict, match="Pod one: "):
        await carry_out(api, gates=(GATE_OF_ONE,))

    assert api.objects == before


async def test_gates_are_opened_after_everything_else() -> None:
    api = FakeApi()
    put_pod(api, ONE)
    old = api.put(f"{JOBS}/old", {**JOB, "metadata": {**JOB["metadata"], "name": "old"}})

    await carry_out(api, start=(JOB,), delete=(old,), gates=(GATE_OF_ONE,))

    assert api.writes() == [f"POST {JOBS}", f"DELETE {JOBS}/old", f"PATCH {PODS}/one/status"]


async def started() -> FakeApi:
    """An object whose one pod has started and is shut."""
    api = FakeApi()
    put_object(api)
    await settle(api)
    serving_but_for_one_pod(api)
    put_pod(api, ONE)
    return api


async def test_a_pass_begins_the_warm_up_of_an_engine_that_has_started() -> None:
    api = await started()

    await one_pass(api)

    assert list(api.of_kind("Job")) == [JOB["metadata"]["name"]]
    assert gate_of(api) is None
    ready = conditions(api.objects[OBJECT]["status"])["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "WarmingUp")


async def test_a_pass_that_finds_a_result_keeps_the_answer_and_then_opens_the_gate() -> None:
    api = await started()
    await one_pass(api)
    put_run(api, ended(ONE, logProbabilities=answers()))
    api.calls.clear()

    await one_pass(api)

    gate = gate_of(api)
    assert gate is not None
    assert (gate["status"], gate["message"].partition(": ")[0]) == ("True", "containerd://1")
    [revision] = api.of_kind("ControllerRevision")
    kinds = [write.rpartition("/namespaces/team/")[2] for write in api.writes()]
    assert kinds.index(f"controllerrevisions/{revision}") < kinds.index("pods/one/status")


async def test_a_pod_stays_shut_when_its_answer_cannot_be_kept() -> None:
    """The next pod would have nothing to be compared with."""
    api = await started()
    await one_pass(api)
    put_run(api, ended(ONE, logProbabilities=answers()))

    def no_revisions(call: Call) -> str | None:
        return "409" if call.method == "PATCH" and "/controllerrevisions/" in call.path else None

    api.fault = no_revisions
    with pytest.raises(Conflict):
        await one_pass(api)

    assert gate_of(api) is None


async def test_once_open_a_pod_costs_no_write() -> None:
    api = await started()
    await one_pass(api)
    put_run(api, ended(ONE, logProbabilities=answers()))
    await one_pass(api)

    await one_pass(api)
    assert await one_pass(api) == 0

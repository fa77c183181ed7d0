"""What is read of weights, and what is not."""

import json
from typing import Any

import pytest

from deepseek_operator.build import weights as builders
from deepseek_operator.observe import observe
from deepseek_operator.observed import Observed
from deepseek_operator.resolve import resolve_shape
from tests.unit.fake_api import FakeApi
from tests.unit.samples import CPU_SPEC, IMAGES, Manifest, deepseek
from tests.unit.world import World, served

NAMESPACE = "/api/v1/namespaces/team"
CLAIMS, PODS, EVENTS = (
    f"{NAMESPACE}/{plural}" for plural in ("persistentvolumeclaims", "pods", "events")
)
JOBS = "/apis/batch/v1/namespaces/team/jobs"

FETCHED: Manifest = {"model": "tiny", "source": "hf://org/tiny", "accelerator": {"kind": "CPU"}}
OBJECT = deepseek(**FETCHED)
SHAPE = resolve_shape(OBJECT, OBJECT.spec, images=IMAGES)
CLAIM = str(builders.claim_of(SHAPE))
LABELS = {
    "app.kubernetes.io/managed-by": "deepseek-operator",
    "serving.deepseek.dev/weights": CLAIM,
}


def stored(*entries: tuple[str, str]) -> Manifest:
    """A status that tells of these claims and their phases."""
    weights = [{"claim": claim, "source": "s", "phase": phase} for claim, phase in entries]
    return {"observedGeneration": 1, "weights": weights}


READY, WAITING = stored((CLAIM, "Ready")), stored((CLAIM, "Waiting"))


def put_claim(api: FakeApi, *, complete: str | None = None, phase: str = "Bound") -> None:
    claim = builders.build_claim(OBJECT, SHAPE, CLAIM, size="9Gi", complete=complete)
    claim["metadata"]["uid"] = "uid-of-claim"
    api.put(f"{CLAIMS}/{CLAIM}", {**claim, "status": {"phase": phase}})


def put_job(api: FakeApi) -> None:
    api.put(f"{JOBS}/{CLAIM}", builders.build_fetch_job(OBJECT, SHAPE, CLAIM))


def put_pod(api: FakeApi, name: str, *, phase: str = "Running", job: str = CLAIM) -> None:
    labels = {**LABELS, "batch.kubernetes.io/job-name": job}
    metadata = {"name": name, "labels": labels}
    api.put(f"{PODS}/{name}", {"kind": "Pod", "metadata": metadata, "status": {"phase": phase}})


def put_event(api: FakeApi, name: str, *, at: str, kind: str = "Warning", uid: str) -> None:
    api.put(
        f"{EVENTS}/{name}",
        {
            "kind": "Event",
            "metadata": {"name": name, "creationTimestamp": f"2026-03-01T12:0{at}:00Z"},
            "involvedObject": {"uid": uid},
            "type": kind,
            "message": f"{name} said so",
        },
    )


def put_children(api: FakeApi, world: World) -> None:
    """The children of an object as a world has them."""
    folders = {
        "ControllerRevision": "/apis/apps/v1/namespaces/team/controllerrevisions",
        "Deployment": "/apis/apps/v1/namespaces/team/deployments",
        "Service": f"{NAMESPACE}/services",
    }
    for (kind, name), child in world.children.items():
        api.put(f"{folders[kind]}/{name}", child)


async def observed(api: FakeApi, *, status: Manifest, **spec: Any) -> Observed:
    api.calls.clear()
    return await observe(api.kube(), deepseek(**(spec or FETCHED)), stored=status)


def read(api: FakeApi) -> list[str]:
    """What was read of weights, in order."""
    ours = (CLAIMS, JOBS, PODS, EVENTS)
    return [call.path for call in api.calls if call.path.startswith(ours)]


@pytest.mark.parametrize("status", [{}, {"observedGeneration": 1}], ids=["new", "served"])
async def test_an_object_with_a_volume_of_the_users_own_reads_no_claim(status: Manifest) -> None:
    api = FakeApi()
    put_children(api, served(deepseek()))
    put_claim(api)

    found = await observed(api, status=status, **CPU_SPEC)

    assert read(api) == []
    assert found.claims == ()


async def test_weights_of_a_fallback_are_read_beside_a_volume_of_the_users_own() -> None:
    api = FakeApi()
    put_claim(api)
    put_job(api)

    found = await observed(api, status={}, **CPU_SPEC, gateway={}, fallback=[FETCHED])

    assert [claim["metadata"]["name"] for claim in found.claims] == [CLAIM]
    assert [job["metadata"]["name"] for job in found.jobs] == [CLAIM]


async def test_a_served_object_reads_its_claims_and_nothing_else_of_its_weights() -> None:
    api = FakeApi(logs={"p": '{"bytesDone": 1}'})
    put_claim(api, complete="{}")
    put_job(api)
    put_pod(api, "p")

    found = await observed(api, status=READY)

    assert read(api) == [CLAIMS]
    assert [claim["metadata"]["name"] for claim in found.claims] == [CLAIM]
    assert found.claims[0]["kind"] == "PersistentVolumeClaim"
    assert (found.jobs, found.fetchers, found.progress) == ((), (), {})


@pytest.mark.parametrize(
    "spec",
    [FETCHED, {"model": "DeepSeek-V3"}, {**CPU_SPEC, "rollout": {"from": FETCHED}}],
    ids=["source", "catalog", "baseline"],
)
async def test_a_new_object_reads_whatever_there_is(spec: Manifest) -> None:
    api = FakeApi()
    put_claim(api)
    put_job(api)
    put_pod(api, "p", phase="Pending")

    found = await observed(api, status={}, **spec)

    assert read(api) == [CLAIMS, JOBS, PODS]
    assert len(found.claims) == len(found.jobs) == len(found.fetchers) == 1
    assert found.jobs[0]["kind"] == "Job"


async def test_there_are_no_pods_to_be_read_without_a_job() -> None:
    api = FakeApi()

    await observed(api, status={})

    assert read(api) == [CLAIMS, JOBS]


async def test_only_what_carries_our_marks_is_read() -> None:
    api = FakeApi()
    put_claim(api)
    put_job(api)
    metadata: Manifest = {"name": "models", "labels": {"serving.deepseek.dev/weights": "models"}}
    api.put(f"{CLAIMS}/models", {"kind": "PersistentVolumeClaim", "metadata": metadata})
    api.put(f"{JOBS}/models", {"kind": "Job", "metadata": metadata})
    api.put(f"{PODS}/models", {"kind": "Pod", "metadata": metadata})

    found = await observed(api, status=WAITING)

    assert [item["metadata"]["name"] for item in found.shared] == [CLAIM, CLAIM]
    assert found.fetchers == ()


async def test_while_weights_are_awaited_jobs_pods_and_what_these_say_are_read() -> None:
    api = FakeApi(logs={"p": '{"bytesDone": 1}'})
    put_claim(api)
    put_job(api)
    put_pod(api, "p")

    found = await observed(api, status=WAITING)

    assert read(api) == [CLAIMS, JOBS, PODS, f"{PODS}/p/log"]
    assert found.progress == {"p": '{"bytesDone": 1}'}
    assert api.calls[-1].query["container"] == "fetch"


@pytest.mark.parametrize(
    ("status", "complete", "awaited"),
    [
        pytest.param(READY, "{}", False, id="there"),
        pytest.param(READY, None, True, id="emptied"),
        pytest.param(WAITING, "{}", True, id="filled-since-the-last-pass"),
        pytest.param(stored((CLAIM, "Ready"), ("weights-next", "Sizing")), "{}", True, id="next"),
        pytest.param({"observedGeneration": 1}, "{}", True, id="never-told"),
    ],
)
async def test_jobs_are_read_as_long_as_something_is_not_known_to_be_there(
    status: Manifest, complete: str | None, *, awaited: bool
) -> None:
    api = FakeApi()
    put_claim(api, complete=complete)

    await observed(api, status=status)

    assert awaited is (JOBS in read(api))


async def test_what_others_wait_for_is_nothing_to_wait_for() -> None:
    api = FakeApi()
    put_claim(api, complete="{}")
    other = builders.build_claim(deepseek("other", **FETCHED), SHAPE, "weights-other", size="9Gi")
    api.put(f"{CLAIMS}/weights-other", other)

    found = await observed(api, status=READY)

    assert len(found.claims) == 2
    assert JOBS not in read(api)


@pytest.mark.parametrize(
    ("phase", "job"),
    [
        pytest.param("Pending", CLAIM, id="not-running-yet"),
        pytest.param("Succeeded", CLAIM, id="ended"),
        pytest.param("Running", "weights-other", id="for-somebody-else"),
        pytest.param("Running", f"{CLAIM}-listing", id="only-listing"),
    ],
)
async def test_no_log_is_read_of_a_pod_that_brings_nothing_here(phase: str, job: str) -> None:
    api = FakeApi(logs={"p": '{"bytesDone": 1}'})
    put_claim(api)
    put_job(api)
    put_pod(api, "p", phase=phase, job=job)

    found = await observed(api, status=WAITING)

    assert f"{PODS}/p/log" not in read(api)
    assert (len(found.fetchers), found.progress) == (1, {})


@pytest.mark.parametrize(
    ("log", "line"),
    [
        pytest.param('{"bytesDone": 1}\n{"bytesDone": 2}\n', '{"bytesDone": 2}', id="the-last"),
        pytest.param('{"bytesDone": 1}\nretrying in 4 s\n', '{"bytesDone": 1}', id="before-words"),
        pytest.param('{"bytesDone": 1}\n{"bytesDo', '{"bytesDone": 1}', id="before-half-a-line"),
        pytest.param('{"bytesDone": 1}\n{no\n17\n', '{"bytesDone": 1}', id="before-no-object"),
        pytest.param("hf: 429\nretrying in 4 s\n", None, id="only-words"),
        pytest.param("", None, id="nothing"),
    ],
)
async def test_the_last_object_of_a_log_is_the_progress(log: str, line: str | None) -> None:
    api = FakeApi(logs={"p": log})
    put_claim(api)
    put_job(api)
    put_pod(api, "p")

    found = await observed(api, status=WAITING)

    assert found.progress == ({} if line is None else {"p": line})
    assert all(isinstance(json.loads(text), dict) for text in found.progress.values())


async def test_a_log_that_is_gone_keeps_nothing_from_being_observed() -> None:
    api = FakeApi()
    put_claim(api)
    put_job(api)
    put_pod(api, "p")

    assert (await observed(api, status=WAITING)).progress == {}


async def test_the_provisioners_last_warning_is_read_while_a_volume_is_pending() -> None:
    api = FakeApi()
    put_claim(api, phase="Pending")
    put_event(api, "late", at="2", uid="uid-of-claim")
    put_event(api, "early", at="1", uid="uid-of-claim")
    put_event(api, "usual", at="3", kind="Normal", uid="uid-of-claim")
    put_event(api, "elsewhere", at="4", uid="uid-of-another")

    found = await observed(api, status=WAITING)

    assert found.warnings == {CLAIM: ("late said so",)}


MET = {"startTime": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("pods", "status", "told"),
    [
        pytest.param((), MET, True, id="none"),
        pytest.param(("p",), MET, False, id="one"),
        pytest.param((), {}, False, id="its-controller-has-not-met-it"),
        pytest.param((), {**MET, "conditions": [{"type": "Failed"}]}, False, id="it-has-ended"),
    ],
)
async def test_why_a_job_may_not_make_its_pod_is_read_from_events(
    pods: tuple[str, ...], status: Manifest, *, told: bool
) -> None:
    api = FakeApi()
    put_claim(api)
    put_job(api)
    api.objects[f"{JOBS}/{CLAIM}"]["metadata"]["uid"] = "uid-of-job"
    api.objects[f"{JOBS}/{CLAIM}"]["status"] = status
    for name in pods:
        put_pod(api, name)
    put_event(api, "quota", at="1", uid="uid-of-job")
    api.objects[f"{EVENTS}/quota"]["reason"] = "FailedCreate"

    found = await observed(api, status=WAITING)

    said = [item.message for item in found.complaints.get(f"Job/{CLAIM}", ())]
    assert said == ["quota said so"] * told
    assert (EVENTS in read(api)) is told


async def test_a_volume_that_is_there_is_not_asked_after() -> None:
    api = FakeApi()
    put_claim(api, phase="Bound")
    put_event(api, "late", at="2", uid="uid-of-claim")

    found = await observed(api, status=WAITING)

    assert EVENTS not in read(api)
    assert found.warnings == {}


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param((), id="nothing-gone"),
        pytest.param(("Deployment",), id="its-pods-gone"),
        pytest.param(("ControllerRevision",), id="its-history-gone"),
    ],
)
async def test_an_object_that_leaves_its_fetched_weights_still_reads_its_claims(
    gone: tuple[str, ...],
) -> None:
    """Whatever a pass that was cut off left of it: else it would never let them go."""
    api = FakeApi()
    world = served(OBJECT)
    world.children = {place: item for place, item in world.children.items() if place[0] not in gone}
    put_children(api, world)
    put_claim(api, complete="{}")

    found = await observed(api, status={"observedGeneration": 2}, **CPU_SPEC)

    assert read(api)[:1] == [CLAIMS]
    assert JOBS not in read(api)
    assert len(found.claims) == 1


async def test_an_object_reads_the_claims_that_its_status_tells_of() -> None:
    api = FakeApi()
    put_claim(api, complete="{}")

    found = await observed(api, status=READY, **CPU_SPEC)

    assert len(found.claims) == 1

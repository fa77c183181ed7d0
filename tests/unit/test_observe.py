"""observe(): what is read, and what is not."""

from collections.abc import Sequence

import pytest

from deepseek_operator.engines.figures import Engine
from deepseek_operator.observe import observe
from deepseek_operator.observed import Observed
from deepseek_operator.reconcile import Key, reconcile
from tests.unit import test_warming as warming
from tests.unit.fake_api import FakeApi
from tests.unit.samples import CPU_SPEC, IMAGES, NOW, Manifest, deepseek
from tests.unit.test_reconcile import KEY, put_object, settle

PODS = "/api/v1/namespaces/team/pods"
EVENTS = "/api/v1/namespaces/team/events"
STORED: Manifest = {"observedGeneration": 1}
LABELS = {"serving.deepseek.dev/deployment": "chat"}


def put_pod(api: FakeApi, name: str, status: Manifest) -> Manifest:
    return api.put(
        f"{PODS}/{name}",
        {
            "kind": "Pod",
            "metadata": {"name": name, "labels": LABELS, "uid": f"uid-of-{name}"},
            "spec": {"nodeName": "n"},
            "status": {"containerStatuses": [{"name": "engine", **status}]},
        },
    )


def put_event(api: FakeApi, name: str, *, reason: str, at: str, pod: str = "p") -> None:
    api.put(
        f"{EVENTS}/{name}",
        {
            "kind": "Event",
            "metadata": {"name": name, "creationTimestamp": at},
            "involvedObject": {"uid": f"uid-of-{pod}"},
            "type": "Warning",
            "reason": reason,
            "message": f"{name} said so",
        },
    )


def words(observed: Observed) -> dict[str, list[str]]:
    """What events said, by pod."""
    return {name: [item.message for item in said] for name, said in observed.complaints.items()}


async def put_service_of(api: FakeApi, name: str, metadata: Manifest) -> set[str]:
    """Put a Service like the object's own, but with other metadata; the names observed then."""
    put_object(api)
    await settle(api)
    own = api.of_kind("Service")["chat"]
    other = {**own, "metadata": {**own["metadata"], "name": name, **metadata}}
    api.put(f"/api/v1/namespaces/team/services/{name}", other)
    observed = await observe(api.kube(), deepseek(), stored=STORED)
    assert all(item["kind"] for item in observed.children)
    return {item["metadata"]["name"] for item in observed.services}


async def test_what_another_object_controls_is_not_a_child() -> None:
    theirs = {"kind": "DeepSeekDeployment", "name": "x", "uid": "another", "controller": True}

    observed = await put_service_of(FakeApi(), "theirs", {"ownerReferences": [theirs]})

    assert len(observed) == 2
    assert "theirs" not in observed


async def test_an_orphan_with_our_marks_is_a_child() -> None:
    assert "orphan" in await put_service_of(FakeApi(), "orphan", {"ownerReferences": []})


async def test_what_only_looks_like_ours_is_not_a_child() -> None:
    unmarked: Manifest = {"ownerReferences": [], "annotations": {}}

    assert "lookalike" not in await put_service_of(FakeApi(), "lookalike", unmarked)


async def test_pods_are_read_only_while_some_do_not_serve() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.calls.clear()
    await observe(api.kube(), deepseek(), stored=STORED)
    assert PODS not in {call.path for call in api.calls}

    api.of_kind("Deployment").popitem()[1]["status"]["readyReplicas"] = 0
    await observe(api.kube(), deepseek(), stored=STORED)

    assert PODS in {call.path for call in api.calls}


async def test_the_log_of_a_failed_run_is_read() -> None:
    api = FakeApi(logs={"p": "ValueError: no\n"})
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "healthy", {"state": {"running": {}}})
    put_pod(api, "p", {"state": {}, "lastState": {"terminated": {"exitCode": 1}}})

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert observed.logs == {"p": "ValueError: no\n"}
    assert observed.complaints == {"p": ()}


async def test_a_log_that_is_gone_keeps_nothing_from_being_observed() -> None:
    api = FakeApi()
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "p", {"state": {}, "lastState": {"terminated": {"exitCode": 1}}})

    assert (await observe(api.kube(), deepseek(), stored=STORED)).logs == {"p": ""}


async def test_the_last_word_on_a_volume_is_read_from_events() -> None:
    api = FakeApi()
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "p", {"state": {"waiting": {"reason": "ContainerCreating"}}})
    put_event(api, "late", reason="FailedMount", at="2026-03-01T12:02:00Z")
    put_event(api, "early", reason="FailedAttachVolume", at="2026-03-01T12:01:00Z")
    put_event(api, "other", reason="NodeHasDiskPressure", at="2026-03-01T12:03:00Z")
    put_event(api, "elsewhere", reason="FailedMount", at="2026-03-01T12:04:00Z", pod="q")

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert words(observed) == {"p": ["early said so", "late said so"]}
    assert observed.logs == {}


RUNS = ("app.kubernetes.io/managed-by=deepseek-operator", "serving.deepseek.dev/warmup=chat")


async def with_pods(*pods: Manifest) -> FakeApi:
    """An object with these pods, which are not ready."""
    api = FakeApi()
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    for each in pods:
        api.put(f"{PODS}/{each['metadata']['name']}", each)
    return api


def put_run(
    api: FakeApi,
    name: str = "run",
    *,
    status: Manifest | None = None,
    labels: dict[str, str] | None = None,
) -> None:
    """A run of a warm-up of the object, unless its labels say otherwise."""
    own = {key: value for key, _, value in (pair.partition("=") for pair in RUNS)}
    manifest = warming.run(warming.pod(), **(status or {"phase": "Running"}))
    manifest["metadata"] |= {
        "name": name,
        "uid": f"uid-of-{name}",
        "labels": {**own, **(labels or {})},
    }
    api.put(f"{PODS}/{name}", {"kind": "Pod", **manifest})


def runs_are_read(api: FakeApi) -> bool:
    asked = [call.query.get("labelSelector", "") for call in api.calls if call.path == PODS]
    return ",".join(RUNS) in asked


@pytest.mark.parametrize(
    ("pods", "read"),
    [
        pytest.param([], False, id="no-pods"),
        pytest.param([warming.pod(engine={"started": False})], False, id="loads"),
        pytest.param([warming.pod(ip=None)], False, id="no-address"),
        pytest.param([warming.pod(locked=False)], False, id="no-locks"),
        pytest.param([warming.pod(gate=("True", "containerd://1: warm"))], False, id="open"),
        pytest.param([warming.pod()], True, id="shut"),
        pytest.param(
            [warming.pod(gate=("True", "containerd://0: warm"))], True, id="open-for-another"
        ),
        pytest.param([warming.pod("a", locked=False), warming.pod("b")], True, id="one-of-two"),
    ],
)
async def test_runs_are_read_only_while_a_started_engine_is_shut(
    pods: list[Manifest], *, read: bool
) -> None:
    api = await with_pods(*pods)
    put_run(api)
    api.calls.clear()

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert read is runs_are_read(api)
    assert [item["metadata"]["name"] for item in observed.warmers] == ["run"] * read


async def test_the_runs_of_other_objects_and_of_strangers_are_not_read() -> None:
    api = await with_pods(warming.pod())
    put_run(api, "theirs", labels={"serving.deepseek.dev/warmup": "other"})
    put_run(api, "stranger", labels={"app.kubernetes.io/managed-by": "somebody"})

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert observed.warmers == ()
    assert [item["metadata"]["name"] for item in observed.pods] == ["one"]


async def test_a_run_that_waits_for_its_prompts_says_so_by_an_event() -> None:
    api = await with_pods(warming.pod())
    waits = {"name": "warmup", "state": {"waiting": {"reason": "ContainerCreating"}}}
    put_run(api, status={"containerStatuses": [waits]})
    put_event(api, "missing", reason="FailedMount", at="2026-03-01T12:01:00Z", pod="run")

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert words(observed) == {"run": ["missing said so"]}


async def test_what_a_failed_run_wrote_is_not_taken_for_an_engines_log() -> None:
    api = await with_pods(warming.pod())
    api.logs["run"] = "ValueError: of the run\n"
    ended = {"name": "warmup", "state": {"terminated": {"exitCode": 1}}}
    put_run(api, status={"containerStatuses": [ended]})

    assert (await observe(api.kube(), deepseek(), stored=STORED)).logs == {}


async def test_a_pod_that_fetches_a_copy_of_the_weights_is_asked_how_far_it_is() -> None:
    api = FakeApi(logs={"p": 'begin\n{"bytesDone": 1}', "q": '{"bytesDone": 2}'})
    put_object(api)
    await settle(api)
    deployment = api.of_kind("Deployment")
    [one] = deployment.values()
    one["status"]["readyReplicas"] = 0
    for name, state in (("p", {"running": {}}), ("q", {"terminated": {"exitCode": 0}})):
        pod = put_pod(api, name, {"ready": False})
        pod["status"]["initContainerStatuses"] = [{"name": "fetch", "state": state}]

    found = await observe(api.kube(), deepseek(), stored=STORED)

    assert found.progress == {"p": '{"bytesDone": 1}'}


CANARY: Manifest = {"gateway": {}, "rollout": {"strategy": "Canary"}}


@pytest.mark.parametrize(
    ("spec", "rollout", "asked"),
    [
        pytest.param(CANARY, {"run": "1-new", "phase": "Starting"}, True, id="starts"),
        pytest.param(CANARY, {"run": "1-new", "phase": "Watching"}, True, id="may-come-back"),
        pytest.param(
            {"rollout": {"strategy": "Replace"}},
            {"run": "1-new", "phase": "Stopping"},
            True,
            id="replaced",
        ),
        pytest.param(CANARY, {"run": "1-new", "phase": "Succeeded"}, False, id="over"),
        pytest.param(CANARY, {"run": "1-new", "phase": "RolledBack"}, False, id="went-back"),
        pytest.param(CANARY, {"phase": "Idle"}, False, id="unreadable"),
        pytest.param(CANARY, {}, False, id="none"),
        pytest.param({"gateway": {}}, {"run": "1-new", "phase": "Starting"}, False, id="forgotten"),
        pytest.param({"autoscaling": {"max": 3}}, {}, True, id="scaled"),
    ],
)
async def test_engines_are_asked_only_while_a_run_is_under_way_and_with_autoscaling(
    spec: Manifest, rollout: Manifest, *, asked: bool
) -> None:
    two = warming.pod("two")
    two["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    api = await with_pods(warming.pod("one"), two)
    pods: list[str] = []

    async def ask(found: Sequence[Manifest]) -> tuple[Engine, ...]:
        pods.extend(pod["metadata"]["name"] for pod in found)
        return (Engine("one", "new", is_ready=True),)

    observed = await observe(
        api.kube(),
        deepseek(**CPU_SPEC, **spec),
        stored={**STORED, "rollout": rollout},
        ask_engines=ask,
    )

    assert pods == (["one", "two"] if asked else [])
    assert [engine.pod for engine in observed.told] == ["one"] * asked
    assert [pod["metadata"]["name"] for pod in observed.ending] == ["two"] * asked
    assert observed.told_by("old") == ()
    assert [*observed.restarts.values()] == [{"one": 0}] * asked


@pytest.mark.parametrize(
    ("rollout", "found"),
    [
        pytest.param({}, 0, id="one-revision"),
        pytest.param({"from": {"model": "small", "source": "pvc://m"}}, 1, id="two-at-once"),
    ],
)
async def test_an_object_of_the_first_generation_may_have_lost_its_status(
    rollout: Manifest, found: int
) -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)

    observed = await observe(api.kube(), deepseek(**CPU_SPEC, rollout=rollout), stored={})

    assert len(observed.engines) == found


JOBS = "/apis/batch/v1/namespaces/team/jobs"


def put_exam(api: FakeApi, name: str, *, of: str = "chat", uid: str = "uid-of-chat") -> None:
    owner = {"kind": "DeepSeekDeployment", "name": of, "uid": uid, "controller": True}
    labels = {
        "app.kubernetes.io/managed-by": "deepseek-operator",
        "serving.deepseek.dev/quality": of,
    }
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    api.put(f"{JOBS}/{name}", {"kind": "Job", "metadata": metadata})
    api.put(
        f"{PODS}/{name}-x", {"kind": "Pod", "metadata": {"name": f"{name}-x", "labels": labels}}
    )


@pytest.mark.parametrize("examined", [True, False])
async def test_examinations_are_read_only_once_there_was_one(*, examined: bool) -> None:
    api = await with_pods(warming.pod("one"))
    put_exam(api, "quality-1")
    put_exam(api, "quality-2", of="other", uid="uid-of-other")
    put_exam(api, "quality-3", uid="uid-of-an-object-of-this-name-before")
    run: Manifest = {"run": "1-new", "phase": "Starting"}
    if examined:
        run["quality"] = {"before": "step 1"}

    observed = await observe(
        api.kube(), deepseek(**CPU_SPEC, **CANARY), stored={**STORED, "rollout": run}
    )

    assert [job["metadata"]["name"] for job in observed.exams] == ["quality-1"] * examined
    assert (observed.exam("quality-1") is not None) is examined
    assert (len(observed.examiners) > 0) is examined

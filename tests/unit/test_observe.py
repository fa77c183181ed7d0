"""observe(): what is read, and what is not."""

from deepseek_operator.observe import observe
from deepseek_operator.reconcile import Key, reconcile
from tests.unit.fake_api import FakeApi
from tests.unit.samples import IMAGES, NOW, Manifest, deepseek
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
    assert observed.warnings == {}


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
    put_event(api, "other", reason="Unhealthy", at="2026-03-01T12:03:00Z")
    put_event(api, "elsewhere", reason="FailedMount", at="2026-03-01T12:04:00Z", pod="q")

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert observed.warnings == {"p": ("late said so",)}
    assert observed.logs == {}

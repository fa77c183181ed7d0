"""observe(): what is read, and what is not."""

from deepseek_operator.observe import observe
from deepseek_operator.reconcile import Key, reconcile
from tests.unit.fake_api import FakeApi
from tests.unit.samples import IMAGES, NOW, Manifest, deepseek
from tests.unit.test_reconcile import KEY, put_object, settle

PODS = "/api/v1/namespaces/team/pods"
EVENTS = "/api/v1/namespaces/team/events"
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


async def test_children_are_those_that_the_object_controls() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    stolen = dict(next(iter(api.of_kind("PodDisruptionBudget").values()), {}))
    assert stolen == {}
    foreign = dict(api.of_kind("Service")["chat"])
    foreign["metadata"] = {**foreign["metadata"], "name": "foreign", "ownerReferences": []}
    api.put("/api/v1/namespaces/team/services/foreign", foreign)

    observed = await observe(api.kube(), deepseek())

    assert "foreign" not in {item["metadata"]["name"] for item in observed.services}
    assert 4 == len(observed.children)
    assert all(item["kind"] for item in observed.children)


async def test_pods_are_read_only_while_some_do_not_serve() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    api.calls.clear()
    await observe(api.kube(), deepseek())
    assert PODS not in {call.path for call in api.calls}

    api.of_kind("Deployment").popitem()[1]["status"]["readyReplicas"] = 0
    await observe(api.kube(), deepseek())

    assert PODS in {call.path for call in api.calls}


async def test_the_log_of_a_failed_run_is_read() -> None:
    api = FakeApi(logs={"p": "ValueError: no\n"})
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "healthy", {"state": {"running": {}}})
    put_pod(api, "p", {"state": {}, "lastState": {"terminated": {"exitCode": 1}}})

    observed = await observe(api.kube(), deepseek())

    assert {"p": "ValueError: no\n"} == observed.logs
    assert {} == observed.warnings


async def test_a_log_that_is_gone_keeps_nothing_from_being_observed() -> None:
    api = FakeApi()
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "p", {"state": {}, "lastState": {"terminated": {"exitCode": 1}}})

    assert {"p": ""} == (await observe(api.kube(), deepseek())).logs


async def test_the_last_word_on_a_volume_is_read_from_events() -> None:
    api = FakeApi()
    put_object(api)
    await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=NOW)
    put_pod(api, "p", {"state": {"waiting": {"reason": "ContainerCreating"}}})
    put_event(api, "late", reason="FailedMount", at="2026-03-01T12:02:00Z")
    put_event(api, "early", reason="FailedAttachVolume", at="2026-03-01T12:01:00Z")
    put_event(api, "other", reason="Unhealthy", at="2026-03-01T12:03:00Z")
    put_event(api, "elsewhere", reason="FailedMount", at="2026-03-01T12:04:00Z", pod="q")

    observed = await observe(api.kube(), deepseek())

    assert {"p": ("late said so",)} == observed.warnings
    assert {} == observed.logs

"""Root causes in words, from statuses as the kubelet, the scheduler and vLLM really write them."""

from typing import Any

import pytest

from deepseek_operator.diagnosis import MESSAGE_LIMIT, Finding, diagnose
from deepseek_operator.observed import Complaint, Observed
from tests.unit.samples import Manifest

KEY = "0123456789"
LABELS = {"serving.deepseek.dev/revision": KEY}

VLLM_OUT_OF_MEMORY = """\
INFO 03-01 12:00:00 [api_server.py:1] vLLM API server version 0.33.0
(EngineCore_DP0 pid=12) ERROR 03-01 12:00:09 [core.py:708] EngineCore failed to start.
(EngineCore_DP0 pid=12) Traceback (most recent call last):
(EngineCore_DP0 pid=12)   File "gpu_worker.py", line 1, in load_model
(EngineCore_DP0 pid=12) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.
(APIServer pid=1) Traceback (most recent call last):
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""
WRONG_WEIGHTS = """\
(APIServer pid=1) OSError: Can't load the configuration of '/weights/tiny'. Make sure it exists.
"""


def container(name: str = "engine", **fields: Any) -> Manifest:
    return {
        "name": name, "image": f"registry.example/{name}:1", "ready": False, "restartCount": 0,
        "state": {}, "lastState": {}, **fields,
    }  # fmt: skip


def pod(
    *statuses: Manifest, name: str = "chat-1", created: str = "2026-03-01T12:00:00Z", **status: Any
) -> Manifest:
    return {
        "metadata": {"name": name, "labels": LABELS, "creationTimestamp": created},
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "engine", "resources": {"limits": {"memory": "16Gi"}}}],
        },
        "status": {
            "initContainerStatuses": [item for item in statuses if item["name"] == "tools"],
            "containerStatuses": [item for item in statuses if item["name"] != "tools"],
            **status,
        },
    }


def waiting(reason: str, message: str | None = None) -> Manifest:
    said = {} if message is None else {"message": message}
    return {"waiting": {"reason": reason, **said}}


def ended(code: int, **fields: Any) -> Manifest:
    return {"terminated": {"exitCode": code, "reason": "Error", **fields}}


def of(*pods: Manifest, **observed: Any) -> Finding | None:
    return diagnose(Observed(pods=pods, **observed), KEY)


BACK_OFF = waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


@pytest.mark.parametrize(
    ("broken", "observed", "reason", "message"),
    [
        pytest.param(
            pod(
                conditions=[
                    {
                        **UNSCHEDULED,
                        "message": '0/1 nodes are available: persistentvolumeclaim "models" not '
                        "found. not found",
                    }
                ]
            ),
            {},
            "Unschedulable",
            'pod chat-1: 0/1 nodes are available: persistentvolumeclaim "models" not found. '
            "not found",
            id="claim-missing",
        ),
        pytest.param(
            pod(conditions=[{**UNSCHEDULED, "message": "0/3 nodes: Insufficient nvidia.com/gpu."}]),
            {},
            "Unschedulable",
            "pod chat-1: 0/3 nodes: Insufficient nvidia.com/gpu.",
            id="no-accelerator-free",
        ),
        pytest.param(
            pod(conditions=[UNSCHEDULED]),
            {},
            "Unschedulable",
            "pod chat-1: Unschedulable",
            id="unschedulable-without-a-message",
        ),
        pytest.param(
            pod(container(state=waiting("ErrImagePull", "manifest unknown: tag 9 not found"))),
            {},
            "ImagePullFailed",
            "pod chat-1, container engine: image registry.example/engine:1 cannot be pulled: "
            "manifest unknown: tag 9 not found",
            id="image-does-not-exist",
        ),
        pytest.param(
            pod(container("tools", state=waiting("ImagePullBackOff"))),
            {},
            "ImagePullFailed",
            "pod chat-1, container tools: image registry.example/tools:1 cannot be pulled: "
            "ImagePullBackOff",
            id="image-of-the-tools",
        ),
        pytest.param(
            pod(
                container(state=waiting("CreateContainerConfigError", 'secret "hub" not found')),
            ),
            {},
            "ContainerConfigError",
            'pod chat-1, container engine: cannot be created: secret "hub" not found',
            id="secret-missing",
        ),
        pytest.param(
            pod(
                container(restartCount=3, state=BACK_OFF, lastState=ended(137, reason="OOMKilled"))
            ),
            {"logs": {"chat-1": "Loading safetensors checkpoint shards: 40%"}},
            "OutOfMemory",
            "pod chat-1, container engine: out of memory (exit code 137), restarting; memory limit "
            "16Gi: raise pod.resources.limits.memory",
            id="killed-for-memory",
        ),
        pytest.param(
            pod(container(restartCount=1, state=BACK_OFF, lastState=ended(1))),
            {"logs": {"chat-1": VLLM_OUT_OF_MEMORY}},
            "EngineFailed",
            "pod chat-1, container engine: exit code 1, restarting: torch.OutOfMemoryError: CUDA "
            "out of memory. Tried to allocate 1.00 GiB.",
            id="engine-crashed-at-start",
        ),
        pytest.param(
            pod(container(state=ended(1))),
            {"logs": {"chat-1": WRONG_WEIGHTS}},
            "EngineFailed",
            "pod chat-1, container engine: exit code 1: OSError: Can't load the configuration of "
            "'/weights/tiny'. Make sure it exists.",
            id="wrong-weights",
        ),
        pytest.param(
            pod(container(state=ended(2, message="vllm: error: unrecognized arguments: --sed=7"))),
            {},
            "EngineFailed",
            "pod chat-1, container engine: exit code 2: vllm: error: unrecognized arguments: "
            "--sed=7",
            id="log-not-read-yet",
        ),
        pytest.param(
            pod(container(state=ended(139))),
            {},
            "EngineFailed",
            "pod chat-1, container engine: exit code 139: it wrote nothing",
            id="silent-crash",
        ),
        pytest.param(
            pod(container("tools", state=ended(1, message="OSError: [Errno 28] No space left"))),
            {},
            "EngineFailed",
            "pod chat-1, container tools: exit code 1: OSError: [Errno 28] No space left",
            id="tools-failed",
        ),
        pytest.param(
            pod(container(state=waiting("ContainerCreating"))),
            {
                "complaints": {
                    "chat-1": (Complaint("FailedMount", "MountVolume.SetUp failed: timed out"),)
                }
            },
            "VolumeNotMounted",
            "pod chat-1: MountVolume.SetUp failed: timed out",
            id="volume-not-mounted",
        ),
        pytest.param(
            pod(container(started=False, state={"running": {"startedAt": "12:00"}})),
            {},
            "EngineLoading",
            "pod chat-1, container engine: loading since 12:00",
            id="still-loading",
        ),
        pytest.param(
            pod(container(started=True, state={"running": {"startedAt": "12:00"}})),
            {},
            "NotAnswering",
            "pod chat-1, container engine: started, but it does not answer a completion yet",
            id="started-and-silent",
        ),
    ],
)
def test_the_root_cause_is_named_in_words(
    broken: Manifest, observed: dict[str, Any], reason: str, message: str
) -> None:
    assert Finding(reason, message) == of(broken, **observed)  # type: ignore[arg-type]


def test_refused_pods_are_told_of_by_their_deployment() -> None:
    failure = {
        "type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden: quota',
    }  # fmt: skip
    deployment = {"metadata": {"labels": LABELS}, "status": {"conditions": [failure]}}

    found = of(deployments=(deployment,))

    assert found is not None
    assert (
        found.reason, found.message,
    ) == ("PodsRefused", 'pods are refused: pods "x" is forbidden: quota')  # fmt: skip


@pytest.mark.parametrize(
    "healthy",
    [
        pytest.param(pod(), id="no-container-yet"),
        pytest.param(pod(container(state=waiting("ContainerCreating"))), id="creating"),
        pytest.param(
            pod(container(ready=True, started=True, state={"running": {}})), id="answering"
        ),
        pytest.param(
            pod(container(ready=True, started=True, state={"running": {}}, lastState=ended(1))),
            id="recovered-from-a-crash",
        ),
        pytest.param(
            pod(container("tools", ready=True, state=ended(0, reason="Completed"))), id="tools-done"
        ),
        pytest.param(pod(conditions=[{"type": "PodScheduled", "status": "True"}]), id="scheduled"),
    ],
)
def test_nothing_is_said_of_a_pod_without_trouble(healthy: Manifest) -> None:
    assert of(healthy) is None


def test_nothing_is_said_without_pods() -> None:
    deployment = {
        "metadata": {"labels": LABELS},
        "status": {"conditions": [{"type": "Available", "status": "True"}]},
    }

    assert of() is None
    assert of(deployments=(deployment,)) is None


def test_a_crash_is_told_of_rather_than_the_loading_that_follows() -> None:
    crashed = pod(
        container(restartCount=1, started=False, state={"running": {}}, lastState=ended(1)),
    )

    found = of(crashed)

    assert found is not None
    assert found.reason == "EngineFailed"


def test_pods_of_other_revisions_and_pods_on_their_way_out_do_not_count() -> None:
    other, leaving = pod(container(state=ended(1))), pod(container(state=ended(1)))
    other["metadata"]["labels"] = {"serving.deepseek.dev/revision": "other"}
    leaving["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    assert of(other, leaving) is None


def test_the_oldest_pod_in_trouble_is_the_one_named() -> None:
    newer = pod(container(state=ended(1)), name="newer", created="2026-03-01T13:00:00Z")
    older = pod(container(state=ended(1)), name="older")

    found = of(newer, older)

    assert found is not None
    assert "pod older" in found.message


def test_a_growing_count_of_restarts_does_not_change_the_message() -> None:
    few = of(pod(container(restartCount=2, state=BACK_OFF, lastState=ended(1))))
    many = of(pod(container(restartCount=99, state=BACK_OFF, lastState=ended(1))))

    assert few == many


def test_a_cause_is_one_short_line() -> None:
    found = of(pod(container(state=waiting("ErrImagePull", "a\n b\t" + "x" * 2000))))

    assert found is not None
    assert len(found.message) == MESSAGE_LIMIT
    assert found.message.endswith("…")
    assert "a b x" in found.message


@pytest.mark.parametrize(
    ("containers", "limit"),
    [
        pytest.param([{"name": "engine"}], "none (the node ran out)", id="no-limit"),
        pytest.param([{"name": "other"}], "unknown", id="container-not-in-the-spec"),
    ],
)
def test_the_memory_limit_is_named_where_there_is_one(
    containers: list[Manifest], limit: str
) -> None:
    killed = pod(container(state=ended(137, reason="OOMKilled")))
    killed["spec"]["containers"] = containers

    found = of(killed)

    assert found is not None
    assert f"memory limit {limit}:" in found.message


@pytest.mark.parametrize(
    "message",
    ["OSError: 401 for token hf_abcdefghijklmnop", "header: Bearer abcdefghijklmnop"],
)
def test_a_secret_never_reaches_a_finding(message: str) -> None:
    found = of(pod(container(state=ended(1, message=message))))

    assert found is not None
    assert "abcdefgh" not in found.message

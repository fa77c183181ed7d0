"""Further causes for which pods do not serve: what nodes, probes, quotas and volumes do to them."""

from typing import Any

import pytest

from deepseek_operator.diagnosis import Finding, diagnose_pods
from deepseek_operator.observed import Complaint, Observed
from tests.unit.samples import Manifest
from tests.unit.test_diagnosis import BACK_OFF, container, ended, of, pod, waiting

LOADS = container(started=False, state={"running": {"startedAt": "12:09"}})
CREATING = container(state=waiting("ContainerCreating"))
RUN = {"startedAt": "2026-03-01T12:00:00Z", "finishedAt": "2026-03-01T12:10:30Z"}
PLACE = "spec.containers{engine}"
UNHEALTHY = Complaint(
    "Unhealthy", "Startup probe failed: connection refused", "2026-03-01T12:09:55Z", PLACE
)
KILLING = Complaint(
    "Killing",
    "Container engine failed startup probe, will be restarted",
    "2026-03-01T12:10:00Z",
    PLACE,
)
PULLING = Complaint("Pulling", 'Pulling image "registry.example/engine:1"', "2026-03-01T12:02:00Z")
UNMOUNTED = Complaint("FailedMount", "MountVolume.SetUp failed: timed out", "2026-03-01T12:01:00Z")
NO_NETWORK = Complaint(
    "FailedCreatePodSandBox", "Failed to create pod sandbox: no addresses", "2026-03-01T12:03:00Z"
)
SILENT_BACK_OFF = waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/engine:1"')
UNAUTHORIZED = Complaint(
    "Failed", 'Failed to pull image "registry.example/engine:1": 401 Unauthorized'
)


def gone(reason: str, message: str, *statuses: Manifest, **fields: Any) -> Manifest:
    """A pod that its node evicted or turned away."""
    return pod(*statuses, phase="Failed", reason=reason, message=message, **fields)


def said(*complaints: Complaint) -> dict[str, Any]:
    return {"complaints": {"chat-1": complaints}}


def conditions(**states: str | tuple[str, str]) -> list[Manifest]:
    found = []
    for kind, state in states.items():
        status, reason = (state, None) if isinstance(state, str) else state
        found.append({"type": kind, "status": status, **({"reason": reason} if reason else {})})
    return found


ENGINE = "pod chat-1, container engine: "
UNKNOWN_PROBES = "killed (SIGKILL): its node ran out of memory, or a probe failed for too long"


@pytest.mark.parametrize(
    ("broken", "observed", "reason", "message"),
    [
        pytest.param(
            pod(container(restartCount=4, state=BACK_OFF, lastState=ended(0, reason="Completed"))),
            {"logs": {"chat-1": "usage: vllm serve\n\nFor full list: vllm serve --help=all\n"}},
            "EngineFailed",
            f"{ENGINE}ended with exit code 0, restarting: For full list: vllm serve --help=all",
            id="an-engine-that-prints-its-help",
        ),
        pytest.param(
            pod(container("warden", state=ended(0, reason="Completed"))),
            {},
            "EngineFailed",
            "pod chat-1, container warden: ended with exit code 0: it wrote nothing",
            id="ended-as-if-all-were-well",
        ),
        pytest.param(
            pod(container(restartCount=1, state={"running": {}}, lastState=ended(0, **RUN))),
            {"logs": {"chat-1": "loading shards: 40%"}, **said(UNHEALTHY, KILLING)},
            "EngineFailed",
            f"{ENGINE}ended with exit code 0, restarting: killed, as a probe failed for too long "
            "(Startup probe failed: connection refused); its log ends with: loading shards: 40%",
            id="killed-by-its-start-up-probe",
        ),
        pytest.param(
            pod(container(restartCount=1, state=BACK_OFF, lastState=ended(137, **RUN))),
            said(KILLING),
            "EngineFailed",
            f"{ENGINE}exit code 137, restarting: killed, as a probe failed for too long (Startup "
            "probe failed); it wrote nothing",
            id="a-probe-that-nothing-was-kept-of",
        ),
        pytest.param(
            pod(container(restartCount=2, state=BACK_OFF, lastState=ended(137, **RUN))),
            {
                "logs": {"chat-1": "loading shards: 90%"},
                **said(Complaint("Killing", KILLING.message, "2026-03-01T11:00:00Z", PLACE)),
            },
            "EngineFailed",
            f"{ENGINE}exit code 137, restarting: {UNKNOWN_PROBES}; its log ends with: loading "
            "shards: 90%",
            id="killed-by-somebody-an-hour-after-a-probe",
        ),
        pytest.param(
            pod(container(state=ended(137))),
            said(Complaint("Killing", "Container warden failed liveness probe", "2026", PLACE)),
            "EngineFailed",
            f"{ENGINE}exit code 137: {UNKNOWN_PROBES}; it wrote nothing",
            id="killed-while-a-probe-of-another-failed",
        ),
        pytest.param(
            pod(
                container(
                    state=ended(
                        137, reason="ContainerStatusUnknown", message="could not be located"
                    )
                )
            ),
            {},
            "EngineFailed",
            f"{ENGINE}exit code 137: could not be located",
            id="lost-by-the-kubelet",
        ),
        pytest.param(
            pod(
                container(
                    restartCount=3,
                    state=BACK_OFF,
                    lastState=ended(128, reason="StartError", message='exec: "vllm": not found'),
                )
            ),
            {},
            "ContainerConfigError",
            f'{ENGINE}cannot be created: exec: "vllm": not found',
            id="no-such-program-in-the-image",
        ),
        pytest.param(
            gone(
                "Evicted",
                "The node was low on resource: ephemeral-storage.",
                container(state=ended(137)),
            ),
            {},
            "PodFailed",
            "pod chat-1: Evicted: The node was low on resource: ephemeral-storage.",
            id="evicted",
        ),
        pytest.param(
            gone("UnexpectedAdmissionError", "Pod was rejected: no healthy devices present"),
            {},
            "PodFailed",
            "pod chat-1: UnexpectedAdmissionError: Pod was rejected: no healthy devices present",
            id="turned-away-by-its-node",
        ),
        pytest.param(
            pod(phase="Failed", message="it was"),
            {},
            "PodFailed",
            "pod chat-1: it was",
            id="failed-without-a-reason",
        ),
        pytest.param(
            pod(container(state=ended(3)), phase="Failed"),
            {},
            "EngineFailed",
            f"{ENGINE}exit code 3: it wrote nothing",
            id="failed-without-a-word",
        ),
        pytest.param(
            pod(
                container(ready=True, started=True, state={"running": {}}),
                conditions=conditions(ContainersReady="True", Ready="False"),
            ),
            {},
            "NodeNotReady",
            "pod chat-1: its node node-1 is not heard of",
            id="node-away",
        ),
        pytest.param(
            pod(container(state=waiting("InvalidImageName", 'couldn\'t parse "Engine:1"'))),
            {},
            "ImagePullFailed",
            f'{ENGINE}image registry.example/engine:1 cannot be pulled: couldn\'t parse "Engine:1"',
            id="no-name-of-an-image",
        ),
        pytest.param(
            pod(container(state=waiting("ErrImageNeverPull"))),
            {},
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: ErrImageNeverPull",
            id="an-image-that-is-never-pulled",
        ),
        pytest.param(
            pod(container(state=waiting("SignatureValidationFailed", "signature of nobody"))),
            {},
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: signature of nobody",
            id="signature-not-trusted",
        ),
        pytest.param(
            pod(container(state=SILENT_BACK_OFF)),
            said(Complaint("Failed", "Error: ImagePullBackOff"), UNAUTHORIZED),
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: {UNAUTHORIZED.message}",
            id="back-off-of-an-older-kubelet",
        ),
        pytest.param(
            pod(container(state=SILENT_BACK_OFF)),
            {},
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: Back-off pulling image "
            '"registry.example/engine:1"',
            id="back-off-whose-event-is-gone",
        ),
        pytest.param(
            pod(
                container(
                    state=waiting(
                        "ImagePullBackOff",
                        'Back-off pulling image "registry.example/engine:1": ErrImagePull: denied',
                    )
                )
            ),
            said(UNAUTHORIZED),
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: Back-off pulling image "
            '"registry.example/engine:1": ErrImagePull: denied',
            id="back-off-that-says-why",
        ),
        pytest.param(
            pod(container(state=waiting("CreateContainerConfigError", "couldn't find key t"))),
            {},
            "ContainerConfigError",
            f"{ENGINE}cannot be created: couldn't find key t",
            id="no-such-key-in-the-secret",
        ),
        pytest.param(
            pod(container(state=waiting("RunContainerError", "no such device: nvidia.com/gpu=0"))),
            {},
            "ContainerConfigError",
            f"{ENGINE}cannot be created: no such device: nvidia.com/gpu=0",
            id="the-runtime-does-not-know-the-device",
        ),
        pytest.param(
            pod(container(state=waiting("PostStartHookError"))),
            {},
            "ContainerConfigError",
            f"{ENGINE}cannot be created: PostStartHookError",
            id="any-other-word-of-the-kubelet",
        ),
        pytest.param(
            pod(CREATING),
            said(NO_NETWORK),
            "PodNotSetUp",
            "pod chat-1: Failed to create pod sandbox: no addresses",
            id="no-network",
        ),
        pytest.param(
            pod(CREATING),
            said(Complaint("FailedAttachVolume", "Multi-Attach error for volume pv-1")),
            "VolumeNotMounted",
            "pod chat-1: Multi-Attach error for volume pv-1",
            id="volume-of-another-node",
        ),
        pytest.param(
            pod(CREATING),
            said(UNMOUNTED, PULLING),
            "ImagePulling",
            'pod chat-1: Pulling image "registry.example/engine:1", since 2026-03-01T12:02:00Z',
            id="an-image-is-pulled-after-all",
        ),
        pytest.param(
            pod(LOADS, container("tools", state={})),
            said(UNMOUNTED, UNHEALTHY),
            "EngineLoading",
            f"{ENGINE}loading since 12:09",
            id="a-volume-that-came-late",
        ),
    ],
)
def test_the_cause_is_named_where_statuses_hide_it(
    broken: Manifest, observed: dict[str, Any], reason: str, message: str
) -> None:
    assert Finding(reason, message) == of(broken, **observed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("healthy", "observed"),
    [
        pytest.param(pod(CREATING), said(PULLING, Complaint("Pulled", "", "3")), id="pulled"),
        pytest.param(pod(CREATING), said(UNHEALTHY), id="not-about-its-creation"),
        pytest.param(
            pod(container("tools", state=ended(0, reason="Completed")), CREATING),
            {},
            id="what-comes-first-is-done",
        ),
        pytest.param(
            pod(conditions=conditions(ContainersReady="True", Ready="True")), {}, id="ready"
        ),
        pytest.param(
            pod(
                conditions=conditions(
                    ContainersReady="True", Ready=("False", "ReadinessGatesNotReady")
                )
            ),
            {},
            id="the-kubelet-waits-for-the-gate",
        ),
        pytest.param(
            pod(conditions=conditions(ContainersReady="False", Ready="False")), {}, id="no-reason"
        ),
    ],
)
def test_nothing_is_said_of_what_goes_its_way(healthy: Manifest, observed: dict[str, Any]) -> None:
    assert of(healthy, **observed) is None


def test_a_run_that_is_done_is_no_failure() -> None:
    done = pod(container("warmup", state=ended(0)), phase="Succeeded")
    done["spec"]["restartPolicy"] = "Never"

    assert diagnose_pods(Observed(), (done,)) is None


@pytest.mark.parametrize(
    ("policy", "failed"),
    [
        pytest.param({"restartPolicy": "Always"}, True, id="sidecar"),
        pytest.param({}, False, id="once"),
    ],
)
def test_a_sidecar_that_ends_is_a_failure(policy: Manifest, *, failed: bool) -> None:
    broken = pod(container("tools", state=ended(0)))
    broken["spec"]["initContainers"] = [{"name": "tools", **policy}]

    assert (of(broken) is not None) is failed


@pytest.mark.parametrize(
    ("model", "probe", "told"),
    [
        pytest.param("V3-tuned", "Startup", True, id="unknown"),
        pytest.param("DeepSeek-V3", "Startup", False, id="known"),
        pytest.param("V3-tuned", "Liveness", False, id="another-probe"),
    ],
)
def test_who_is_killed_while_it_loads_an_unknown_model_is_told_of_the_catalog(
    model: str, probe: str, *, told: bool
) -> None:
    killing = f"Container engine failed {probe.lower()} probe, will be restarted"
    complaints = (Complaint("Killing", killing, "2026-03-01T12:10:00Z", PLACE),)
    observed = Observed(complaints={"chat-1": complaints})
    broken = pod(container(restartCount=1, state=BACK_OFF, lastState=ended(137, **RUN)))
    annotations = {"serving.deepseek.dev/model": model}
    made_by = {"kind": "Deployment", "metadata": {"name": "x", "annotations": annotations}}

    found = diagnose_pods(observed, (broken,), made_by=made_by)

    assert found is not None
    assert (f"add {model} to the catalog" in found.message) is told

"""A warm-up's Job, and the readiness gate that it opens."""

import copy
import json
from typing import Any

import pytest

from deepseek_operator.build import warmup
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from deepseek_serving.warmup.spec import WarmupSpec
from tests.unit.samples import (
    CPU_SPEC,
    EVERY_FIELD,
    IMAGES,
    NOW,
    Manifest,
    check_against_kubernetes,
    deepseek,
)

PROCESS = "containerd://1"
ENGINE_LABEL = "serving.deepseek.dev/deployment"
PROMPTS: Manifest = {"prompts": {"name": "system-prompts"}}

SPECS = [
    pytest.param(CPU_SPEC, id="cpu"),
    pytest.param({"model": "DeepSeek-V3"}, id="catalog"),
    pytest.param(EVERY_FIELD, id="every-field"),
]


def pod(*, ip: str = "10.0.0.1", uid: str = "uid-of-one") -> Manifest:
    """An engine pod with an address."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": "team", "uid": uid, "resourceVersion": "7"},
        "status": {"podIP": ip},
    }


def shape_of(**spec: Any) -> Shape:
    deployment = deepseek(**spec)
    return resolve_shape(deployment, deployment.spec, images=IMAGES)


def job(
    of: Manifest | None = None, *, frozen: Shape | None = None, process: str = PROCESS, **spec: Any
) -> Manifest:
    """The Job for an object of this spec, whose pods are of its shape or of the frozen one."""
    given = spec or CPU_SPEC
    return warmup.build_warmup_job(
        deepseek(**given), frozen or shape_of(**given), of or pod(), container_id=process
    )


def pod_of(built: Manifest) -> Manifest:
    return dict(built["spec"]["template"]["spec"])


def container_of(built: Manifest) -> Manifest:
    [container] = pod_of(built)["containers"]
    return dict(container)


def told(built: Manifest) -> Manifest:
    """The document that the runner reads."""
    annotations = built["spec"]["template"]["metadata"]["annotations"]
    return dict(json.loads(annotations["serving.deepseek.dev/warmup-spec"]))


@pytest.mark.parametrize("spec", SPECS)
def test_a_warm_up_is_a_job_that_kubernetes_knows(spec: Manifest) -> None:
    check_against_kubernetes(job(**spec))


@pytest.mark.parametrize("spec", SPECS)
def test_the_runner_can_read_what_it_is_told(spec: Manifest) -> None:
    read = WarmupSpec.model_validate(told(job(**spec)))

    assert set(told(job(**spec))) <= {field.alias for field in WarmupSpec.model_fields.values()}
    assert read.model == deepseek(**spec).served_name


def test_a_warm_up_goes_with_the_very_pod_that_it_warms() -> None:
    [owner] = job(pod(uid="u"))["metadata"]["ownerReferences"]

    assert owner == {"apiVersion": "v1", "kind": "Pod", "name": "one", "uid": "u"}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(job(), True, id="the-same"),
        pytest.param(job(pod(ip="10.0.0.2")), True, id="another-address"),
        pytest.param(job(process="containerd://2"), False, id="restarted"),
        pytest.param(job(pod(uid="uid-of-two")), False, id="another-pod"),
    ],
)
def test_a_job_is_named_by_pod_and_process(other: Manifest, *, same: bool) -> None:
    assert same is (job()["metadata"]["name"] == other["metadata"]["name"])
    assert other["metadata"]["name"].startswith("warmup-")


def test_a_warm_up_run_is_no_engine_pod() -> None:
    """Services, budgets and the operator itself select engine pods by label."""
    built = job()
    labels = built["spec"]["template"]["metadata"]["labels"]
    engines = shape_of(**CPU_SPEC).template["metadata"]["labels"]

    assert ENGINE_LABEL in engines
    assert ENGINE_LABEL not in labels
    assert "serving.deepseek.dev/revision" not in labels
    assert labels["serving.deepseek.dev/warmup"] == "chat"
    assert labels["app.kubernetes.io/managed-by"] == "deepseek-operator"
    assert labels["app.kubernetes.io/name"] != engines["app.kubernetes.io/name"]
    assert built["metadata"]["labels"][ENGINE_LABEL] == "chat"


def test_a_warm_up_runs_where_engines_may_run() -> None:
    spec, engine = pod_of(job(**EVERY_FIELD)), shape_of(**EVERY_FIELD).template["spec"]

    for name in ("nodeSelector", "tolerations", "imagePullSecrets", "serviceAccountName"):
        assert engine[name] == spec[name]
    assert not {"affinity", "topologySpreadConstraints", "priorityClassName"} & set(spec)
    assert "nvidia.com/gpu" not in json.dumps(container_of(job(**EVERY_FIELD)))


def test_a_warm_up_asks_for_no_placement_that_engines_do_not() -> None:
    placement = {"nodeSelector", "tolerations", "imagePullSecrets", "serviceAccountName"}

    assert not placement & set(pod_of(job()))


def test_a_warm_up_may_not_more_than_it_must() -> None:
    spec, container = pod_of(job()), container_of(job())

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_a_warm_up_is_never_tried_again_by_its_job() -> None:
    built = job()

    assert built["spec"]["backoffLimit"] == 0
    assert pod_of(built)["restartPolicy"] == "Never"


def test_a_job_lives_longer_than_its_warm_up_may_take() -> None:
    built = job(**CPU_SPEC, warmup={"timeout": "1h30m"})
    document = told(built)

    assert document["maxSeconds"] == 5400
    assert built["spec"]["activeDeadlineSeconds"] > 5400 + document["waitSeconds"]


def test_prompts_are_mounted_where_the_runner_looks_for_them() -> None:
    built = job(**CPU_SPEC, warmup=PROMPTS)

    assert {"name": "prompts", "configMap": {"name": "system-prompts"}} in pod_of(built)["volumes"]
    mount = {"name": "prompts", "mountPath": "/etc/prompts", "readOnly": True}
    assert mount in container_of(built)["volumeMounts"]
    assert container_of(built)["args"][-1] == "--prompts=/etc/prompts"


def test_without_prompts_nothing_is_mounted_for_them() -> None:
    assert "prompts" not in json.dumps(pod_of(job()))


@pytest.mark.parametrize(
    ("ip", "host"),
    [
        pytest.param("10.0.0.1", "10.0.0.1", id="ipv4"),
        pytest.param("fd00::1:2", "[fd00::1:2]", id="ipv6"),
    ],
)
def test_engine_and_warden_are_asked_at_the_pods_own_address(ip: str, host: str) -> None:
    arguments = container_of(job(pod(ip=ip)))["args"]

    assert f"--url=http://{host}:8000" in arguments
    assert f"--warden=http://{host}:8001" in arguments


def test_the_warden_is_told_the_uid_of_its_own_pod() -> None:
    built = job(pod(uid="u"))
    annotations = built["spec"]["template"]["metadata"]["annotations"]
    [volume] = pod_of(built)["volumes"]
    paths = {item["path"]: item["fieldRef"] for item in volume["downwardAPI"]["items"]}
    field = paths["token"]["fieldPath"]

    assert "--token-file=/etc/warmup/token" in container_of(built)["args"]
    assert annotations[field.removeprefix("metadata.annotations['").removesuffix("']")] == "u"


def test_what_the_user_asks_for_is_what_the_runner_is_told() -> None:
    document = told(job(**EVERY_FIELD))

    assert document == {
        "engine": "vllm",
        "model": "team/chat",
        "maxConcurrentSequences": 64,
        "maxBatchedTokens": 8192,
        "thinks": document["thinks"],
        "structuredOutput": True,
        "shapes": [{"inputTokens": 512, "outputTokens": 64, "concurrency": 8}],
        "concurrency": [1, 8, 64],
        "maxSeconds": 300,
        "waitSeconds": 60,
        "onFailure": "Serve",
    }


def test_an_engines_limits_are_those_it_was_started_with() -> None:
    """The spec may have changed since; its pods have not."""
    frozen = shape_of(**CPU_SPEC, batching={"maxConcurrentSequences": 8, "maxBatchedTokens": 64})

    document = told(job(frozen=frozen, model="DeepSeek-V3", batching={"maxBatchedTokens": 9999}))

    assert (document["maxConcurrentSequences"], document["maxBatchedTokens"]) == (8, 64)


@pytest.mark.parametrize(
    ("spec", "limits"),
    [
        pytest.param(CPU_SPEC, (4, 2048), id="cpu"),
        pytest.param({"model": "DeepSeek-V3"}, (256, 8192), id="gpu"),
    ],
)
def test_limits_that_are_not_given_are_those_of_the_hardware(
    spec: Manifest, limits: tuple[int, int]
) -> None:
    shape = shape_of(**spec)
    args = shape.template["spec"]["containers"][0]["args"]
    bare = copy.deepcopy(shape.template)
    bare["spec"]["containers"][0]["args"] = [
        arg for arg in args if not arg.startswith(("--max-num-seqs", "--max-num-batched-tokens"))
    ]

    document = told(job(frozen=Shape("k", "m", "s", "i", bare), **spec))

    assert limits == (document["maxConcurrentSequences"], document["maxBatchedTokens"])


def test_the_job_runs_the_tools_that_its_engine_has() -> None:
    shape = shape_of(**CPU_SPEC)
    frozen = copy.deepcopy(shape.template)
    frozen["spec"]["initContainers"][0]["image"] = "registry.example/toolbox:old"

    built = job(frozen=Shape("k", "m", "s", "i", frozen))

    assert container_of(built)["image"] == "registry.example/toolbox:old"


@pytest.mark.parametrize(
    ("is_open", "status"),
    [pytest.param(True, "True", id="open"), pytest.param(False, "False", id="shut")],
)
def test_a_gate_is_our_one_condition_of_the_very_pod(*, is_open: bool, status: str) -> None:
    gate = warmup.build_gate(pod(), is_open=is_open, reason="Why", message="because", now=NOW)

    assert gate == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": "team", "uid": "uid-of-one"},
        "status": {
            "conditions": [
                {
                    "type": "serving.deepseek.dev/warm",
                    "status": status,
                    "reason": "Why",
                    "message": "because",
                    "lastTransitionTime": "2026-03-01T12:00:00Z",
                }
            ]
        },
    }


def test_what_is_built_is_built_from_what_it_is_given_and_leaves_it_alone() -> None:
    shape, of = shape_of(**EVERY_FIELD), pod()
    before = copy.deepcopy((shape, of))

    assert job(of, frozen=shape, **EVERY_FIELD) == job(of, frozen=shape, **EVERY_FIELD)
    assert before == (shape, of)

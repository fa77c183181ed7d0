"""What brings weights into the cluster: the claim's name, the claim, and its Jobs."""

import copy
import re
from typing import Any

import pytest

from deepseek_operator.api.serving import Cache
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import weights
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from tests.unit.samples import (
    CPU_SPEC,
    EVERY_FIELD,
    IMAGES,
    Manifest,
    check_against_kubernetes,
    deepseek,
)

SHA = "0" * 64
HUB: Manifest = {"model": "m", "source": "hf://org/m"}
REGISTRY: Manifest = {"model": "m", "source": "oci://registry.example/m:1"}

FETCHED = [
    pytest.param(HUB, id="plain"),
    pytest.param({"model": "DeepSeek-V3"}, id="catalog"),
    pytest.param(EVERY_FIELD, id="every-field"),
]
JOBS = [
    pytest.param(weights.build_fetch_job, id="fetch"),
    pytest.param(weights.build_listing_job, id="listing"),
]


def shape_of(deployment: DeepSeekDeployment) -> Shape:
    return resolve_shape(deployment, deployment.spec, images=IMAGES)


def claim_of(deployment: DeepSeekDeployment) -> str:
    found = weights.claim_of(shape_of(deployment))
    assert found is not None
    return found


def claim(name: str = "chat", *, size: str | None = None, **spec: Any) -> Manifest:
    """The claim of an object with a cache of its own."""
    deployment = deepseek(name, **{**HUB, **spec})
    return weights.build_claim(
        deployment, shape_of(deployment), claim_of(deployment), size=size, complete=None
    )


def job(build: Any = weights.build_fetch_job, **spec: Any) -> Manifest:
    deployment = deepseek(**(spec or HUB))
    built = build(deployment, shape_of(deployment), claim_of(deployment))
    assert isinstance(built, dict)
    return built


def pod_of(built: Manifest) -> Manifest:
    return dict(built["spec"]["template"]["spec"])


def container_of(built: Manifest) -> Manifest:
    [container] = pod_of(built)["containers"]
    return dict(container)


def environment_of(built: Manifest) -> dict[str, Any]:
    return {item["name"]: item for item in container_of(built)["env"]}


@pytest.mark.parametrize(
    ("source", "readable"),
    [
        pytest.param("hf://deepseek-ai/DeepSeek-V3", "deepseek-v3", id="repository"),
        pytest.param("hf://org/DeepSeek_R1.Distill@v1", "deepseek-r1-distill", id="revision"),
        pytest.param("s3://bucket/llama/70b/", "70b", id="prefix"),
        pytest.param(f"https://host/m.tar.gz#sha256={SHA}", "m-tar-gz", id="file"),
        pytest.param("hf://org/" + "a" * 90, "a" * 36, id="cut"),
        pytest.param("hf://org/" + "a" * 35 + "-bcd", "a" * 35, id="no-dash-at-the-cut"),
        pytest.param("hf://org/___", "", id="nothing-readable"),
    ],
)
def test_a_claim_is_named_after_its_source(source: str, readable: str) -> None:
    name = weights.claim_name(FetchedSource(source), Cache())

    middle = f"{readable}-" if readable else ""
    assert re.fullmatch(f"weights-{middle}[0-9a-f]{{10}}", name)


@pytest.mark.parametrize("source", ["hf://org/" + "a" * 96, "hf://org/" + "a.b-" * 24, "hf://o/n"])
def test_a_claims_name_leaves_room_for_what_its_jobs_and_their_pods_add(source: str) -> None:
    name = weights.claim_name(FetchedSource(source), Cache())

    assert len(name) <= 55
    assert len(weights.listing_name(name)) <= 63
    assert re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)


def test_what_needs_another_volume_has_another_claim() -> None:
    asked = [
        ("hf://org/n", Cache()),
        ("hf://org/n@v1", Cache()),
        ("hf://other/n", Cache()),
        ("hf://org/n", Cache(storage_class_name="fast")),
        ("hf://org/n", Cache(storage_class_name="fast", access_mode="ReadWriteMany")),
        ("hf://org/n", Cache(access_mode="ReadWriteMany")),
        ("hf://org/n", Cache(access_mode="ReadWriteOnce")),
    ]

    found = {weights.claim_name(FetchedSource(source), cache) for source, cache in asked}

    assert len(found) == len(asked)


@pytest.mark.parametrize(
    "cache", [Cache(size="9Gi"), Cache(retain=True)], ids=["another-size", "kept"]
)
def test_what_the_same_volume_may_hold_is_the_same_claim(cache: Cache) -> None:
    source = FetchedSource("hf://org/n")

    assert weights.claim_name(source, cache) == weights.claim_name(source, Cache())


def test_all_objects_of_one_source_mean_one_claim() -> None:
    one, other = deepseek("one", **HUB), deepseek("other", **HUB, replicas=3)

    assert claim_of(one) == claim_of(other)


def test_a_volume_of_the_users_own_is_no_claim_of_ours() -> None:
    assert weights.claim_of(shape_of(deepseek(**CPU_SPEC))) is None


def test_a_revision_frozen_before_there_were_claims_fetches_for_itself() -> None:
    frozen = shape_of(deepseek(**HUB))
    template = copy.deepcopy(frozen.template)
    template["spec"]["volumes"] = [
        volume for volume in template["spec"]["volumes"] if volume["name"] != "weights"
    ]

    before = Shape(frozen.key, frozen.model, frozen.source, frozen.image, template)

    assert weights.claim_of(before) is None


@pytest.mark.parametrize(
    ("weights_bytes", "size"),
    [
        pytest.param(0, "1Gi", id="nothing"),
        pytest.param(1, "1Gi", id="a-byte"),
        pytest.param(100 * 2**30, "115Gi", id="fifteen-percent-more"),
        pytest.param(100 * 2**30 + 1, "116Gi", id="rounded-up"),
        pytest.param(642 * 2**30, "739Gi", id="large"),
    ],
)
def test_a_volume_has_room_beside_the_weights(weights_bytes: int, size: str) -> None:
    assert size == weights.size_with_margin(weights_bytes)


@pytest.mark.parametrize(
    ("spec", "access"),
    [
        pytest.param({}, "ReadWriteOnce", id="one-replica"),
        pytest.param({"replicas": 0}, "ReadWriteOnce", id="none"),
        pytest.param({"replicas": 2}, "ReadWriteMany", id="several"),
        pytest.param(
            {"replicas": 2, "cache": {"accessMode": "ReadWriteOnce"}},
            "ReadWriteOnce",
            id="several-on-one-node",
        ),
        pytest.param(
            {"cache": {"accessMode": "ReadWriteMany"}}, "ReadWriteMany", id="one-that-may-grow"
        ),
    ],
)
def test_a_volume_is_for_the_nodes_that_the_replicas_may_need(spec: Manifest, access: str) -> None:
    assert [access] == claim(**spec)["spec"]["accessModes"]


def test_the_class_of_a_volume_is_the_clusters_unless_the_user_names_one() -> None:
    assert "storageClassName" not in claim()["spec"]
    assert claim(cache={"storageClassName": "fast"})["spec"]["storageClassName"] == "fast"


def test_a_claim_that_exists_keeps_its_size_where_none_is_given() -> None:
    assert "resources" not in claim()["spec"]
    assert claim(size="9Gi")["spec"]["resources"] == {"requests": {"storage": "9Gi"}}


def test_a_claim_says_where_its_weights_are_from_and_once_filled_what_they_are() -> None:
    deployment = deepseek(**HUB)
    shape, name = shape_of(deployment), claim_of(deployment)

    filled = weights.build_claim(deployment, shape, name, size="9Gi", complete='{"bytes": 7}')

    source = {"serving.deepseek.dev/source": "hf://org/m"}
    assert claim()["metadata"]["annotations"] == source
    assert filled["metadata"]["annotations"] == {
        **source,
        "serving.deepseek.dev/complete": '{"bytes": 7}',
    }


def test_every_object_is_one_owner_and_none_the_controller() -> None:
    assert claim("one")["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "serving.deepseek.dev/v1alpha1",
            "kind": "DeepSeekDeployment",
            "name": "one",
            "uid": "uid-of-one",
        }
    ]


def test_a_claim_that_is_to_be_kept_has_no_owners() -> None:
    kept = claim(cache={"retain": True})["metadata"]

    assert kept["ownerReferences"] == []
    assert kept["annotations"]["serving.deepseek.dev/retain"] == "true"


@pytest.mark.parametrize("build", JOBS)
def test_a_job_goes_with_its_objects_though_the_volume_is_kept(build: Any) -> None:
    built = job(build, **HUB, cache={"retain": True})

    assert claim()["metadata"]["ownerReferences"] == built["metadata"]["ownerReferences"]


@pytest.mark.parametrize("build", JOBS)
def test_all_that_belongs_to_a_claim_carries_its_name(build: Any) -> None:
    built = job(build)

    labels = claim()["metadata"]["labels"]
    assert labels["serving.deepseek.dev/weights"] == claim()["metadata"]["name"]
    made_for = {"serving.deepseek.dev/revision": shape_of(deepseek(**HUB)).key}
    assert {**labels, **made_for} == built["metadata"]["labels"]
    assert labels == built["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("build", JOBS)
def test_no_label_makes_a_job_or_its_pods_those_of_an_engine(build: Any) -> None:
    built = job(build)

    for labels in (built["metadata"]["labels"], built["spec"]["template"]["metadata"]["labels"]):
        assert "serving.deepseek.dev/deployment" not in labels
        assert labels["app.kubernetes.io/name"] != "deepseek"


@pytest.mark.parametrize("build", JOBS)
def test_how_long_a_source_may_be_silent_is_the_users_word(build: Any) -> None:
    built = job(build, **HUB, cache={"stallTimeout": "1h2m3s"})

    assert "--stall-timeout=3723" in container_of(built)["args"]


def test_a_fetch_goes_into_the_folder_that_the_engine_reads() -> None:
    built = job()

    assert container_of(built)["args"] == [
        "--source=hf://org/m",
        "--target=/weights/model",
        "--stall-timeout=120",
    ]
    assert {"name": "weights", "mountPath": "/weights"} in container_of(built)["volumeMounts"]
    claimed = {"claimName": built["metadata"]["name"]}
    assert {"name": "weights", "persistentVolumeClaim": claimed} in pod_of(built)["volumes"]
    [engine] = shape_of(deepseek(**HUB)).template["spec"]["containers"]
    assert "/weights/model" in engine["command"] + engine["args"]


def test_a_listing_has_no_volume_to_wait_for() -> None:
    built = job(weights.build_listing_job)

    assert built["metadata"]["name"] == f"{claim()['metadata']['name']}-listing"
    assert container_of(built)["args"] == ["--source=hf://org/m", "--list", "--stall-timeout=120"]
    assert [volume["name"] for volume in pod_of(built)["volumes"]] == ["tmp"]


@pytest.mark.parametrize("build", JOBS)
def test_weights_are_fetched_where_the_engines_pods_may_run(build: Any) -> None:
    spec = {**EVERY_FIELD, "accelerator": {"product": "NVIDIA-H200"}}
    engine_pod = shape_of(deepseek(**spec)).template["spec"]
    placement = {
        "nodeSelector", "tolerations", "affinity", "imagePullSecrets", "serviceAccountName",
    }  # fmt: skip

    built = pod_of(job(build, **spec))

    assert placement <= set(built)
    assert {name: engine_pod[name] for name in placement}.items() <= built.items()
    assert built["nodeSelector"] == {"zone": "a", "nvidia.com/gpu.product": "NVIDIA-H200"}


@pytest.mark.parametrize("build", JOBS)
def test_fetching_takes_no_accelerator_and_no_place_of_an_engine(build: Any) -> None:
    built = job(build, **EVERY_FIELD)

    assert set(container_of(built)["resources"]["limits"]) == {"memory"}
    assert not {"priorityClassName", "runtimeClassName", "topologySpreadConstraints"} & set(
        pod_of(built)
    )


@pytest.mark.parametrize("build", JOBS)
def test_what_is_not_asked_for_does_not_stand_in_the_pod(build: Any) -> None:
    assert not {"nodeSelector", "tolerations", "imagePullSecrets"} & set(pod_of(job(build)))


@pytest.mark.parametrize("build", JOBS)
def test_a_job_has_only_those_variables_that_fetching_reads(build: Any) -> None:
    given = [
        {"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"},
        {"name": "HF_HUB_OFFLINE", "value": "1"},
        {"name": "HF_ENDPOINT", "value": "https://mirror.example"},
        {"name": "HTTPS_PROXY", "value": "http://proxy.example"},
        {"name": "AWS_REGION", "value": "eu-central-1"},
    ]

    built = environment_of(job(build, **HUB, pod={"env": given}))

    assert set(built) == {"HOME", "HF_ENDPOINT", "HTTPS_PROXY", "AWS_REGION"}
    assert built["HF_ENDPOINT"]["value"] == "https://mirror.example"


@pytest.mark.parametrize("build", JOBS)
def test_a_secret_stays_a_reference_and_stands_in_no_argument(build: Any) -> None:
    reference = {"secretKeyRef": {"name": "hub", "key": "token"}}
    given = [
        {"name": "HF_TOKEN", "valueFrom": reference},
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "in-the-open"},
    ]

    built = job(build, **HUB, pod={"env": given})

    assert environment_of(built)["HF_TOKEN"] == {"name": "HF_TOKEN", "valueFrom": reference}
    words = container_of(built)["command"] + container_of(built)["args"]
    assert not [word for word in words if "in-the-open" in word or "TOKEN" in word]


@pytest.mark.parametrize("build", JOBS)
def test_a_registry_is_asked_with_the_first_pull_secret(build: Any) -> None:
    secrets = [{"name": "first"}, {"name": "second"}]

    built = job(build, **REGISTRY, pod={"imagePullSecrets": secrets})

    assert environment_of(built)["DOCKER_CONFIG"]["value"] == "/etc/deepseek/registry"
    mount = {"name": "registry", "mountPath": "/etc/deepseek/registry", "readOnly": True}
    assert mount in container_of(built)["volumeMounts"]
    secret = {"secretName": "first", "optional": True}
    assert {"name": "registry", "secret": secret} in pod_of(built)["volumes"]


@pytest.mark.parametrize("build", JOBS)
def test_without_a_pull_secret_there_is_no_login(build: Any) -> None:
    built = job(build, **REGISTRY)

    assert "DOCKER_CONFIG" not in environment_of(built)
    assert "registry" not in {volume["name"] for volume in pod_of(built)["volumes"]}


@pytest.mark.parametrize("build", JOBS)
@pytest.mark.parametrize("spec", FETCHED)
def test_no_job_may_more_than_it_must(build: Any, spec: Manifest) -> None:
    built = job(build, **spec)

    assert pod_of(built)["securityContext"]["runAsNonRoot"] is True
    assert pod_of(built)["automountServiceAccountToken"] is False
    assert container_of(built)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("build", JOBS)
def test_what_fetching_writes_it_writes_into_volumes(build: Any) -> None:
    built = job(build)

    assert environment_of(built)["HOME"]["value"] == "/tmp"
    assert {"name": "tmp", "mountPath": "/tmp"} in container_of(built)["volumeMounts"]
    assert {"name": "tmp", "emptyDir": {}} in pod_of(built)["volumes"]


def test_the_files_are_of_the_user_that_the_engines_run_as() -> None:
    engine_pod = shape_of(deepseek(**HUB)).template["spec"]

    assert pod_of(job())["securityContext"] == engine_pod["securityContext"]


@pytest.mark.parametrize("build", JOBS)
def test_only_what_another_attempt_may_help_is_tried_again(build: Any) -> None:
    spec = job(build)["spec"]

    refused, disrupted = spec["podFailurePolicy"]["rules"]
    assert refused["action"] == "FailJob"
    assert refused["onExitCodes"] == {"containerName": "fetch", "operator": "In", "values": [2]}
    assert disrupted["action"] == "Ignore"
    assert pod_of({"spec": spec})["restartPolicy"] == "Never"
    assert spec["backoffLimit"] > 0


@pytest.mark.parametrize("spec", FETCHED)
def test_kubernetes_knows_the_claim_and_both_jobs(spec: Manifest) -> None:
    check_against_kubernetes(claim(size="9Gi", **spec))
    check_against_kubernetes(job(weights.build_fetch_job, **spec))
    check_against_kubernetes(job(weights.build_listing_job, **spec))


@pytest.mark.parametrize("build", JOBS)
def test_the_fetcher_is_of_the_toolbox_that_was_frozen_with_the_revision(build: Any) -> None:
    deployment = deepseek(**HUB)
    shape = shape_of(deployment)
    template = copy.deepcopy(shape.template)
    template["spec"]["initContainers"][0]["image"] = "registry.example/toolbox:old"
    frozen = Shape(shape.key, shape.model, shape.source, shape.image, template)

    built = build(deployment, frozen, claim_of(deployment))

    assert container_of(built)["image"] == "registry.example/toolbox:old"

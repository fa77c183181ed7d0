"""What the API server refuses on `kubectl apply`, and the words it uses: field and remedy."""

from typing import Any

import pytest

from tests.cluster.bad_autoscaling import BAD_AUTOSCALING
from tests.cluster.bad_engine import BAD_ENGINE, GOOD_ENGINE
from tests.cluster.bad_fields import BAD_FIELDS
from tests.cluster.bad_sizing import BAD_SIZING
from tests.cluster.bad_tenancy import BAD_TENANCY, GOOD_TENANCY
from tests.cluster.bad_traffic import BAD_TRAFFIC
from tests.cluster.objects import Cluster, Manifest, Refused, deepseek, spec


def pod(**fields: Any) -> Manifest:
    return spec(pod=fields)


def env(**variable: Any) -> Manifest:
    return pod(env=[variable])


BAD = [
    # structure and types
    pytest.param(spec(modle="x"), "spec.modle: field not declared", id="unknown field"),
    pytest.param(
        spec(engine={"nam": "vllm"}), "spec.engine.nam: field not declared", id="unknown in engine"
    ),
    pytest.param(pod(hostNetwork=True), "spec.pod.hostNetwork: field not", id="no host network"),
    pytest.param(pod(volumes=[]), "spec.pod.volumes: field not declared", id="no volumes"),
    pytest.param(
        pod(securityContext={}), "spec.pod.securityContext: field not", id="no security context"
    ),
    pytest.param(spec(replicas="two"), "spec.replicas: expected numeric (int or float), got string", id="replicas is a word"),
    pytest.param(spec(replicas=-1), ("spec.replicas", "should be greater than or equal to 0"), id="negative replicas"),
    pytest.param(spec(replicas=1001), ("spec.replicas", "should be less than or equal to 1000"), id="too many"),
    pytest.param(spec(replicas=1.5), ("spec.replicas", "must be of type integer"), id="half a replica"),
    pytest.param({"model": ""}, ("spec.model", "should be at least 1 chars long"), id="empty model"),
    pytest.param({"replicas": 1}, "spec.model: Required value", id="no model"),
    pytest.param(spec(model="Deep Seek"), ("spec.model", "should match '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'"), id="model with a space"),
    pytest.param(spec(model="x" * 97), "spec.model: Too long: may not be more than 96 bytes", id="model too long"),
    pytest.param(spec(model=7), "spec.model: expected string", id="model is a number"),
    pytest.param(spec(servedName="a b"), ("spec.servedName", "should match '^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$'"), id="served name with a space"),
    # source
    pytest.param(spec(source="models/tiny"), "write pvc://claim/path, hf://", id="no scheme"),
    pytest.param(spec(source="ftp://host/x"), "write pvc://claim/path, hf://", id="other scheme"),
    pytest.param(spec(source="s3://B/x"), "s3://bucket/prefix", id="bucket in capitals"),
    pytest.param(spec(source="oci://registry"), "oci://registry/repository", id="oci alone"),
    pytest.param(spec(source="https://host/x"), "https://host/file#sha256=", id="no checksum"),
    pytest.param(
        spec(source=f"https://host/x?token=t#sha256={'0' * 64}"),
        "without user, query",
        id="a secret in the address",
    ),
    pytest.param(
        spec(source="pvc://models/x", cache={"size": "1Gi"}), "pvc:// is a volume of yours", id="cache of one's own claim"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"size": "1"}), "at least 1Mi", id="cache without room"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"size": "much"}), ("spec.cache.size", "should match '"), id="cache of no size"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"accessMode": "ReadOnlyMany"}),
        'Unsupported value: "ReadOnlyMany": supported values: "ReadWriteOnce", "ReadWriteMany"',
        id="cache that nobody can fill",
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"stallTimeout": "two minutes"}),
        ("spec.cache.stallTimeout", "should match '"), id="patience without a unit",
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"storageClassName": "Fast!"}),
        ("spec.cache.storageClassName", "should match '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$'"),
        id="odd class",
    ),
    pytest.param(spec(source="pvc://"), "write pvc://claim/path", id="pvc without a claim"),
    pytest.param(spec(source="pvc://Models/x"), "write pvc://claim/path", id="upper-case claim"),
    pytest.param(spec(source="pvc://models/../x"), "write pvc://claim/path", id="path upwards"),
    pytest.param(spec(source="hf://onlyname"), "hf://organisation/name", id="hf without a slash"),
    pytest.param(spec(source="hf://a/b@"), "hf://organisation/name", id="hf empty revision"),
    # engine
    pytest.param(
        spec(engine={"name": "sglang"}), 'Unsupported value: "sglang": supported values: "vllm", "tensorrt-llm"',
        id="unknown engine",
    ),
    pytest.param(spec(engine={"image": ""}), ("spec.engine.image", "should be at least 1 chars long"), id="empty image"),
    pytest.param(
        spec(engine={"args": ["max-model-len=5"]}), "each entry is one flag", id="no dashes"
    ),
    pytest.param(
        spec(engine={"args": ["--max-model-len 5"]}), "each entry is one flag", id="flag and value"
    ),
    pytest.param(spec(engine={"args": "--x"}), "spec.engine.args: expected list", id="args is text"),
    pytest.param(
        spec(engine={"args": ["--port=9"]}), "--port is owned by the operator", id="owned port"
    ),
    pytest.param(
        spec(engine={"args": ["--por=9"]}), "engine.args: --por is the beginning of a flag", id="owned port, cut short"
    ),
    pytest.param(
        spec(engine={"args": ["--served_model_name=x"]}),
        "--served-model-name is owned by the operator", id="owned flag with underscores",
    ),
    pytest.param(
        spec(engine={"args": ["--seed=1", "--api-key=s"]}), "--api-key is owned", id="api key"
    ),
    pytest.param(
        spec(engine={"args": ["--tensor-parallel-size=2"]}), "--tensor-parallel-size is owned",
        id="parallelism",
    ),
    # accelerator
    pytest.param(
        spec(accelerator={"kind": "TPU"}), 'Unsupported value: "TPU": supported values: "GPU", "CPU"', id="unknown kind"
    ),
    pytest.param(
        spec(accelerator={"kind": "CPU", "count": 1}), "product, count, attention and decodeTimes are for kind GPU",
        id="count on CPU",
    ),
    pytest.param(
        spec(accelerator={"kind": "CPU", "product": "NVIDIA-H200"}),
        "product, count, attention and decodeTimes are for kind GPU", id="product on CPU",
    ),
    pytest.param(spec(accelerator={"count": 0}), ("spec.accelerator.count", "should be greater than or equal to 1"), id="no GPU at all"),
    pytest.param(
        spec(accelerator={"product": "H200 NVL"}), ("spec.accelerator.product", "should match '^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$'"), id="product label"
    ),
    # batching
    pytest.param(
        spec(batching={"maxConcurrentSequences": 0}), ("spec.batching.maxConcurrentSequences", "should be greater than or equal to 1"), id="no sequences"
    ),
    pytest.param(
        spec(batching={"maxConcurrentSequences": 64, "maxBatchedTokens": 32}),
        "maxBatchedTokens may not be below maxConcurrentSequences", id="fewer tokens than sequences",
    ),
    pytest.param(
        spec(batching={"maxBatchedTokens": "auto"}), "spec.batching.maxBatchedTokens: expected numeric (int or float), got string", id="word for a number"
    ),
    # pod
    pytest.param(
        pod(labels={"app.kubernetes.io/name": "x"}), "are the operator's", id="reserved label"
    ),
    pytest.param(
        pod(labels={"serving.deepseek.dev/revision": "x"}), "are the operator's", id="our label"
    ),
    pytest.param(pod(labels={"team": "a b"}), ("spec.pod.labels.team", "should match '"), id="bad label value"),
    pytest.param(pod(labels={"-team": "a"}), "keys are [prefix/]name", id="bad label key"),
    pytest.param(
        pod(annotations={"serving.deepseek.dev/x": "y"}), "are the operator's", id="annotation"
    ),
    pytest.param(env(name="1A", value="x"), ("spec.pod.env[0].name", "should match '^[A-Za-z_][A-Za-z0-9_]*$'"), id="variable name"),
    pytest.param(
        env(name="A", value="x", valueFrom={"secretKeyRef": {"name": "s", "key": "k"}}),
        "give value or valueFrom, not both", id="value twice",
    ),
    pytest.param(env(name="A", valueFrom={}), "exactly one of secretKeyRef", id="empty valueFrom"),
    pytest.param(
        env(
            name="A",
            valueFrom={
                "secretKeyRef": {"name": "s", "key": "k"},
                "configMapKeyRef": {"name": "s", "key": "k"},
            },
        ),
        "exactly one of secretKeyRef", id="two sources",
    ),
    pytest.param(
        env(name="A", valueFrom={"fieldRef": {"fieldPath": "spec.nodeName"}}),
        "fieldRef: field not declared", id="fieldRef",
    ),
    pytest.param(
        env(name="PYTHONPATH", value="/x"), "PYTHONPATH is owned by the operator", id="owned env"
    ),
    pytest.param(
        pod(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]), 'duplicate entries for key [name="A"]',
        id="same variable twice",
    ),
    pytest.param(
        pod(resources={"limits": {"nvidia.com/gpu": 8}}), "use accelerator.count", id="GPU resource"
    ),
    pytest.param(
        pod(resources={"limits": {"memry": "1Gi"}}), "use cpu, memory", id="unknown resource"
    ),
    pytest.param(
        pod(resources={"limits": {"memory": "lots"}}), ("spec.pod.resources.limits.memory", "should match '"),
        id="not a quantity",
    ),
    pytest.param(
        pod(resources={"requests": {"cpu": 4}, "limits": {"cpu": "2"}}),
        "a request may not be above its limit", id="request above limit",
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "operator": "Maybe"}]), 'Unsupported value: "Maybe": supported values: "Exists", "Equal"',
        id="toleration operator",
    ),
    pytest.param(
        pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "z",
                                        "whenUnsatisfiable": "DoNotSchedule"}]),
        ("spec.pod.topologySpreadConstraints[0].maxSkew", "should be greater than or equal to 1"), id="skew of nothing",
    ),
    pytest.param(
        pod(topologySpreadConstraints=[{"maxSkew": 2**31, "topologyKey": "z",
                                        "whenUnsatisfiable": "DoNotSchedule"}]),
        ("spec.pod.topologySpreadConstraints[0].maxSkew", "should be less than or equal to 2147483647"), id="skew beyond 32 bits",
    ),
    *(
        pytest.param(pod(**{field: "Not_a name"}), (f"spec.pod.{field}", "should match '^[a-z0-9]"), id=f"{field} that nothing can have")
        for field in ("priorityClassName", "runtimeClassName", "serviceAccountName")
    ),
    *(
        pytest.param(
            pod(tolerations=[{"key": key}]), ("spec.pod.tolerations[0].key", "should match '"), id=f"no key of a taint: {key}"
        )
        for key in ("a b", "-a", "A.example/b", "a/b/c", "a/", "/b", "x" * 64)
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "value": "a/b"}]), ("spec.pod.tolerations[0].value", "should match '"), id="no value of a taint"
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "effect": "NoExecute", "tolerationSeconds": 1.5}]),
        ("spec.pod.tolerations[0].tolerationSeconds", "must be of type integer"), id="half a second of a taint",
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "operator": "Exists", "value": "y"}]),
        "pod.tolerations: operator Exists asks for no value", id="toleration of any value",
    ),
    pytest.param(
        pod(tolerations=[{"value": "y"}]), "pod.tolerations: without a key only operator Exists", id="toleration without a key"
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "tolerationSeconds": 5}]),
        "pod.tolerations: tolerationSeconds counts for effect NoExecute alone", id="toleration for a while",
    ),
    pytest.param(
        pod(affinity={"nodeAffinty": {}}), "spec.pod.affinity.nodeAffinty: field not declared", id="affinity misspelt"
    ),
    pytest.param(
        pod(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}}),
        ("spec.pod.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey", "Required value"),
        id="near to what",
    ),
    pytest.param(
        pod(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 101, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}}),
        "should be less than or equal to 100", id="weighs too much",
    ),
    pytest.param(
        pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}]}}}),
        'Unsupported value: "Is": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"', id="no such comparison of labels",
    ),
    # what is switched off
    *(
        pytest.param(
            spec(warmup={"enabled": False, field: value}),
            f"warmup.{field}: enabled false asks engines nothing; remove the field, or set enabled: true",
            id=f"{field} of no warm-up",
        )
        for field, value in {
            "prompts": {"name": "p"}, "shapes": [{"inputTokens": 1, "outputTokens": 1}], "concurrency": [1],
            "timeout": "5m", "onFailure": "Serve",
        }.items()
    ),
    pytest.param(
        spec(engine={"args": ["--disable-access-log-for-endpoints=/x"]}),
        "--disable-access-log-for-endpoints is owned by the operator", id="owned access log",
    ),
    *BAD_FIELDS,
    *BAD_TRAFFIC,
    *BAD_SIZING,
    *BAD_AUTOSCALING,
    *BAD_ENGINE,
    *BAD_TENANCY,
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), BAD)
async def test_a_bad_object_is_refused_in_words(
    cluster: Cluster, body: Manifest, message: str | tuple[str, ...]
) -> None:
    """Each part of `message` is said: the field, and what it may be."""
    manifest = deepseek("chat", cluster.namespace)
    manifest["spec"] = body

    with pytest.raises(Refused) as refused:
        await cluster.apply(manifest)

    parts = (message,) if isinstance(message, str) else message
    assert [part for part in parts if part not in str(refused.value)] == [], str(refused.value)


@pytest.mark.parametrize("body", GOOD_ENGINE)
async def test_what_tensorrt_llm_can_serve_is_taken(cluster: Cluster, body: Manifest) -> None:
    manifest = deepseek("chat", cluster.namespace)
    manifest["spec"] = body

    stored = await cluster.apply(manifest)

    assert body["engine"].items() <= stored["spec"]["engine"].items()


@pytest.mark.parametrize("body", GOOD_TENANCY)
async def test_what_any_pod_of_the_namespace_may_do_is_taken(
    cluster: Cluster, body: Manifest
) -> None:
    manifest = deepseek("chat", cluster.namespace)
    manifest["spec"] = body

    stored = await cluster.apply(manifest)

    assert body.keys() <= stored["spec"].keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("chat.v1", "it becomes the name of a Service", id="dots"),
        pytest.param("1chat", "it becomes the name of a Service", id="digit first"),
        pytest.param("c" * 64, "at most 63", id="64 characters"),
        pytest.param("chat-0123456789", "that form names revisions", id="like a revision"),
        pytest.param("chat-gateway", "that form names gateways", id="like a gateway"),
    ],
)
async def test_a_name_that_cannot_serve_is_refused(
    cluster: Cluster, name: str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        await cluster.apply(deepseek(name, cluster.namespace))

    assert message in str(refused.value)


async def test_the_served_name_cannot_be_changed(cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, servedName="deepseek"))

    with pytest.raises(Refused, match="servedName is immutable"):
        await cluster.apply(deepseek("chat", cluster.namespace, servedName="other"))


async def test_the_default_served_name_may_be_written_out(cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace))

    stored = await cluster.apply(deepseek("chat", cluster.namespace, servedName="chat"))

    assert stored["spec"]["servedName"] == "chat"


SMALL: Manifest = {"model": "small", "source": "pvc://models/small"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param({}, {"from": SMALL}, "only be given when the object is made", id="later"),
        pytest.param({"from": SMALL}, {}, "rollout.from is immutable", id="removed"),
        pytest.param(
            {"from": SMALL},
            {"from": {**SMALL, "replicas": 2}},
            "to begin with spec.model at once set rollout.skipInitial: true",
            id="changed",
        ),
    ],
)
async def test_where_the_first_rollout_begins_cannot_be_changed(
    cluster: Cluster, before: Manifest, after: Manifest, message: str
) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, rollout=before))

    with pytest.raises(Refused, match=message):
        await cluster.apply(deepseek("chat", cluster.namespace, rollout=after))


async def test_the_first_rollout_may_be_skipped_later(cluster: Cluster) -> None:
    await cluster.apply(deepseek("chat", cluster.namespace, rollout={"from": SMALL}))

    stored = await cluster.apply(
        deepseek("chat", cluster.namespace, rollout={"from": SMALL, "skipInitial": True})
    )

    assert stored["spec"]["rollout"]["skipInitial"] is True

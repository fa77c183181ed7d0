"""What the API server refuses on `kubectl apply`, and the words it uses: field and remedy."""

from typing import Any

import pytest

from tests.cluster.objects import Cluster, Manifest, Refused, deepseek

GOOD: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}


def spec(**fields: Any) -> Manifest:
    return {**GOOD, **fields}


def pod(**fields: Any) -> Manifest:
    return spec(pod=fields)


def env(**variable: Any) -> Manifest:
    return pod(env=[variable])


BAD = [
    # structure and types
    pytest.param(
        spec(gateway={"provider": "None", "replicas": 3}),
        "gateway.replicas: provider None has no gateway that could do it",
        id="replicas of no gateway",
    ),
    pytest.param(
        spec(gateway={"provider": "None", "stickyHeader": "x-user"}),
        "gateway.stickyHeader: provider None",
        id="sticky without a gateway",
    ),
    pytest.param(spec(gateway={"provider": "Istio"}), 'supported values: "Embedded"', id="gateway of others"),
    pytest.param(spec(gateway={"stickyHeader": "X-User"}), "gateway.stickyHeader", id="header in capitals"),
    pytest.param(spec(gateway={"replicas": 0}), "gateway.replicas", id="a gateway of nobody"),
    pytest.param(spec(gateway={"timeouts": {"firstToken": "soon"}}), "firstToken", id="time-out in words"),
    pytest.param(
        spec(rollout={"steps": [{"weight": 5}]}),
        "rollout.steps: only strategy Canary has it",
        id="steps without a canary",
    ),
    pytest.param(
        spec(rollout={"autoPromote": False}), "rollout.autoPromote: only strategy", id="promotion without a canary"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary"}, gateway={"provider": "None"}),
        "Canary needs a gateway to split the traffic",
        id="canary without a gateway",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 96}]}), "rollout.steps[0].weight", id="nothing to compare with"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 50}, {"weight": 5}]}),
        "weights have to grow",
        id="steps down",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "steps": [{"weight": 5}, {"weight": 5}]}),
        "no two steps have the same weight",
        id="the same step twice",
    ),
    pytest.param(
        spec(rollout={"analysis": {"relative": "Never"}}), "rollout.analysis: only strategy Canary has it", id="analysis of nothing"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"timeToFirstToken": {"limit": "1h"}}}),
        "rollout.analysis.timeToFirstToken.limit",
        id="first token in hours",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"timePerOutputToken": {"limit": "81s"}}}),
        "rollout.analysis.timePerOutputToken.limit: at most 80s",
        id="longer than engines tell apart",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"truncated": {"maxPercent": 46}}}),
        "rollout.analysis.truncated.maxPercent",
        id="twice as many are nearly all",
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"empty": {}}}), "rollout.analysis.empty.maxPercent", id="a limit without a limit"
    ),
    pytest.param(
        spec(rollout={"strategy": "Canary", "analysis": {"relative": "Sometimes"}}), 'supported values: "Auto"', id="no such comparison"
    ),
    pytest.param(spec(rollout={"strategy": "Blue"}), 'supported values: "BlueGreen"', id="no such strategy"),
    pytest.param(
        spec(fallback=[GOOD], gateway={"provider": "None"}),
        "fallback: provider None has no gateway that could send requests on",
        id="fallback without a gateway",
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "when": ["Timeout"]}, GOOD]),
        "fallback: every entry has to have the same when",
        id="fallbacks for different reasons",
    ),
    pytest.param(spec(fallback=[{**GOOD, "when": ["Slow"]}]), 'supported values: "Unavailable"', id="no such reason"),
    pytest.param(spec(fallback=[{**GOOD, "when": []}]), "spec.fallback[0].when", id="fallback for no reason"),
    pytest.param(
        spec(fallback=[{**GOOD, "when": ["Timeout", "Timeout"]}]), "duplicate entries for key", id="the same reason twice"
    ),
    pytest.param(spec(fallback=[GOOD] * 5), "must have at most 4 items", id="five fallbacks"),
    pytest.param(spec(fallback=[{**GOOD, "replicas": 0}]), "spec.fallback[0].replicas", id="a fallback of nobody"),
    pytest.param(spec(fallback=[{"replicas": 1}]), "spec.fallback[0].model: Required value", id="fallback without a model"),
    pytest.param(
        spec(fallback=[{**GOOD, "gateway": {}}]), "spec.fallback[0].gateway: field not", id="a fallback's own gateway"
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "engine": {"args": ["--port=1"]}}]), "--port is owned", id="a fallback's port"
    ),
    pytest.param(
        spec(fallback=[{**GOOD, "accelerator": {"kind": "CPU", "count": 1}}]), "set kind: GPU", id="a fallback's count of cpus"
    ),
    pytest.param(
        spec(fallback=[{"model": "m", "source": "pvc://m", "cache": {"size": "1Gi"}}]),
        "pvc:// is a volume of yours",
        id="a fallback's cache of one's own claim",
    ),
    pytest.param(spec(modle="x"), "spec.modle: field not declared", id="unknown field"),
    pytest.param(
        spec(engine={"nam": "vllm"}), "spec.engine.nam: field not declared", id="unknown in engine"
    ),
    pytest.param(pod(hostNetwork=True), "spec.pod.hostNetwork: field not", id="no host network"),
    pytest.param(pod(volumes=[]), "spec.pod.volumes: field not declared", id="no volumes"),
    pytest.param(
        pod(securityContext={}), "spec.pod.securityContext: field not", id="no security context"
    ),
    pytest.param(spec(replicas="two"), "spec.replicas", id="replicas is a word"),
    pytest.param(spec(replicas=-1), "spec.replicas", id="negative replicas"),
    pytest.param(spec(replicas=1001), "should be less than or equal to 1000", id="too many"),
    pytest.param(spec(replicas=1.5), "spec.replicas", id="half a replica"),
    pytest.param({"model": ""}, "spec.model", id="empty model"),
    pytest.param({"replicas": 1}, "spec.model: Required value", id="no model"),
    pytest.param(spec(model="Deep Seek"), "spec.model", id="model with a space"),
    pytest.param(spec(model="x" * 97), "spec.model", id="model too long"),
    pytest.param(spec(model=7), "spec.model", id="model is a number"),
    pytest.param(spec(servedName="a b"), "spec.servedName", id="served name with a space"),
    # source
    pytest.param(spec(source="models/tiny"), "write pvc://claim/path, hf://", id="no scheme"),
    pytest.param(spec(source="ftp://host/x"), "write pvc://claim/path, hf://", id="other scheme"),
    pytest.param(spec(source="s3://B/x"), "s3://bucket/prefix", id="bucket in capitals"),
    pytest.param(spec(source="oci://registry"), "oci://registry/repository", id="oci alone"),
    pytest.param(spec(source="https://host/x"), "https://host/file#sha256=", id="no checksum"),
    pytest.param(
        spec(source=f"https://host/x?token=t#sha256={'0' * 64}"),
        "without user and query",
        id="a secret in the address",
    ),
    pytest.param(
        spec(source="pvc://models/x", cache={"size": "1Gi"}), "pvc:// is a volume of yours", id="cache of one's own claim"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"size": "1"}), "at least 1Mi", id="cache without room"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"size": "much"}), "spec.cache.size", id="cache of no size"
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"accessMode": "ReadOnlyMany"}),
        'supported values: "ReadWriteOnce", "ReadWriteMany"',
        id="cache that nobody can fill",
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"stallTimeout": "two minutes"}),
        "spec.cache.stallTimeout", id="patience without a unit",
    ),
    pytest.param(
        spec(source="hf://a/b", cache={"storageClassName": "Fast!"}),
        "spec.cache.storageClassName",
        id="odd class",
    ),
    pytest.param(spec(source="pvc://"), "write pvc://claim/path", id="pvc without a claim"),
    pytest.param(spec(source="pvc://Models/x"), "write pvc://claim/path", id="upper-case claim"),
    pytest.param(spec(source="pvc://models/../x"), "write pvc://claim/path", id="path upwards"),
    pytest.param(spec(source="hf://onlyname"), "hf://organisation/name", id="hf without a slash"),
    pytest.param(spec(source="hf://a/b@"), "hf://organisation/name", id="hf empty revision"),
    # engine
    pytest.param(
        spec(engine={"name": "sglang"}), 'Unsupported value: "sglang": supported values: "vllm"',
        id="unknown engine",
    ),
    pytest.param(spec(engine={"image": ""}), "spec.engine.image", id="empty image"),
    pytest.param(
        spec(engine={"args": ["max-model-len=5"]}), "each entry is one flag", id="no dashes"
    ),
    pytest.param(
        spec(engine={"args": ["--max-model-len 5"]}), "each entry is one flag", id="flag and value"
    ),
    pytest.param(spec(engine={"args": "--x"}), "spec.engine.args", id="args is text"),
    pytest.param(
        spec(engine={"args": ["--port=9"]}), "--port is owned by the operator", id="owned port"
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
        spec(accelerator={"kind": "TPU"}), 'supported values: "GPU", "CPU"', id="unknown kind"
    ),
    pytest.param(
        spec(accelerator={"kind": "CPU", "count": 1}), "product and count are for kind GPU",
        id="count on CPU",
    ),
    pytest.param(
        spec(accelerator={"kind": "CPU", "product": "NVIDIA-H200"}),
        "product and count are for kind GPU", id="product on CPU",
    ),
    pytest.param(spec(accelerator={"count": 0}), "spec.accelerator.count", id="no GPU at all"),
    pytest.param(spec(accelerator={"count": 17}), "spec.accelerator.count", id="17 GPUs"),
    pytest.param(
        spec(accelerator={"product": "H200 NVL"}), "spec.accelerator.product", id="product label"
    ),
    # batching
    pytest.param(
        spec(batching={"maxConcurrentSequences": 0}), "maxConcurrentSequences", id="no sequences"
    ),
    pytest.param(
        spec(batching={"maxConcurrentSequences": 64, "maxBatchedTokens": 32}),
        "maxBatchedTokens may not be below maxConcurrentSequences", id="fewer tokens than sequences",
    ),
    pytest.param(
        spec(batching={"maxBatchedTokens": "auto"}), "maxBatchedTokens", id="word for a number"
    ),
    # pod
    pytest.param(
        pod(labels={"app.kubernetes.io/name": "x"}), "are the operator's", id="reserved label"
    ),
    pytest.param(
        pod(labels={"serving.deepseek.dev/revision": "x"}), "are the operator's", id="our label"
    ),
    pytest.param(pod(labels={"team": "a b"}), "spec.pod.labels.team", id="bad label value"),
    pytest.param(pod(labels={"-team": "a"}), "keys are [prefix/]name", id="bad label key"),
    pytest.param(
        pod(annotations={"serving.deepseek.dev/x": "y"}), "are the operator's", id="annotation"
    ),
    pytest.param(env(name="1A", value="x"), "spec.pod.env[0].name", id="variable name"),
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
        pod(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]), "duplicate",
        id="same variable twice",
    ),
    pytest.param(
        pod(resources={"limits": {"nvidia.com/gpu": 8}}), "use accelerator.count", id="GPU resource"
    ),
    pytest.param(
        pod(resources={"limits": {"memry": "1Gi"}}), "use cpu, memory", id="unknown resource"
    ),
    pytest.param(
        pod(resources={"limits": {"memory": "lots"}}), "spec.pod.resources.limits.memory",
        id="not a quantity",
    ),
    pytest.param(
        pod(resources={"requests": {"cpu": 4}, "limits": {"cpu": "2"}}),
        "a request may not be above its limit", id="request above limit",
    ),
    pytest.param(
        pod(tolerations=[{"key": "x", "operator": "Maybe"}]), 'supported values: "Exists", "Equal"',
        id="toleration operator",
    ),
    pytest.param(
        pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "z",
                                        "whenUnsatisfiable": "DoNotSchedule"}]),
        "maxSkew", id="skew of nothing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), BAD)
async def test_a_bad_object_is_refused_in_words(
    cluster: Cluster, body: Manifest, message: str
) -> None:
    manifest = deepseek("chat", cluster.namespace)
    manifest["spec"] = body

    with pytest.raises(Refused) as refused:
        await cluster.apply(manifest)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("chat.v1", "it becomes the name of a Service", id="dots"),
        pytest.param("1chat", "it becomes the name of a Service", id="digit first"),
        pytest.param("c" * 64, "at most 63", id="64 characters"),
        pytest.param("chat-0123456789", "that form names revisions", id="like a revision"),
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

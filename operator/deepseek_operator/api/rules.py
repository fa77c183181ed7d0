"""CEL rules of the CRD, as data: what the schema alone cannot say, each with a message for people.

The API server enforces them (https://kubernetes.io/docs/reference/using-api/cel/). A message names the
field and the remedy. Lists and maps that a rule walks are bounded, or the server refuses its cost.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from deepseek_operator.api import (
    provider_rules,
    rules_of_autoscaling,
    rules_of_sizing,
    strategies,
    trtllm_rules,
)

OWNED_FLAGS: Mapping[str, str] = {
    "model": "use model and source",
    "served-model-name": "use servedName",
    "revision": "write it into source: hf://organisation/name@revision",
    "tensor-parallel-size": "use accelerator.count",
    "pipeline-parallel-size": "use accelerator.count",
    "data-parallel-size": "use accelerator.count, or replicas",
    "data-parallel-size-local": "the operator lays out the nodes",
    "data-parallel-rank": "the operator lays out the nodes",
    "data-parallel-start-rank": "the operator lays out the nodes",
    "data-parallel-address": "the operator lays out the nodes",
    "data-parallel-external-lb": "the gateway balances between replicas",
    "data-parallel-hybrid-lb": "the gateway balances between replicas",
    "data-parallel-multi-port-external-lb": "the gateway balances between replicas",
    "grpc": "the operator's Service and probes need the HTTP server",
    "tokens-only": "without a tokenizer nobody's chat is answered",
    "skip-tokenizer-init": "without a tokenizer nobody's chat is answered",
    "max-num-seqs": "use batching.maxConcurrentSequences",
    "max-num-batched-tokens": "use batching.maxBatchedTokens",
    "api-key": "it would stand readable in the object",
    "hf-token": "use pod.env with HF_TOKEN from a Secret",
    "host": "the operator sets it",
    "port": "the operator sets it",
    "uds": "the operator's Service needs a port",
    "root-path": "the operator's probes need the plain paths",
    "ssl-keyfile": "the operator's probes need plain HTTP",
    "ssl-certfile": "the operator's probes need plain HTTP",
    "shutdown-timeout": "the operator sets it to match the pod's grace period",
    "middleware": "the operator sets it",
    "disable-access-log-for-endpoints": "the operator sets it",
    "enable-log-requests": "prompts would stand in the engine's log",
    "enable-log-outputs": "answers would stand in the engine's log",
    "allowed-local-media-path": "clients would have the engine read its pod's files",
    "config": "give the flags themselves",
    "help": "the engine would print it and end",
    "download-dir": "the operator mounts the cache",
    "headless": "the operator lays out the nodes",
    "nnodes": "the operator lays out the nodes",
    "node-rank": "the operator lays out the nodes",
    "master-addr": "the operator lays out the nodes",
    "master-port": "the operator lays out the nodes",
}
"""vLLM flags that users may not give in engine.args, and what to use instead."""

OWNED_ENV: Mapping[str, str] = {
    "DEEPSEEK_POD_ADDRESS": "the operator lays out the nodes",
    "HOME": "the operator sets it to a writable volume",
    "PYTHONPATH": "the operator mounts its own tools there",
    "VLLM_ALLOW_INSECURE_SERIALIZATION": "whoever reaches the engine's ports could run code in it",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "clients could have the engine load files",
    "VLLM_API_KEY": "it would lock the operator's probes out",
    "VLLM_DEBUG_LOG_API_SERVER_RESPONSE": "answers would stand in the engine's log",
    "VLLM_HOST_IP": "the operator lays out the nodes",
    "VLLM_PORT": "the operator sets the port",
    "VLLM_RUST_FRONTEND_PATH": "the operator's middleware runs in the Python server alone",
    "VLLM_USE_RUST_FRONTEND": "the operator's middleware runs in the Python server alone",
    "VLLM_SERVER_DEV_MODE": "whoever reaches the engine could change and stop it",
}
"""Environment variables that users may not give in pod.env, and why."""


LARGEST_NODE = 16
"""GPUs that one pod may ask for, where nothing is known of its node."""


_OWNED_ENV = "[" + ", ".join(f"'{name}'" for name in OWNED_ENV) + "]"
_FLAG_NAME = "self.split('=', 2)[0].replace('_', '-')"


def _owned(flags: Sequence[str]) -> JsonValue:
    """None of these, and no beginning of one: vLLM's parser takes it for all of it, as argparse does (`allow_abbrev`).

    One text and no list: looking for a beginning in each of a list is more than the API server's budget.
    """
    text = "' " + "".join(f"--{flag} " for flag in flags) + "'"
    begins_one = f"{text}.contains(' ' + {_FLAG_NAME})"
    return {
        "rule": f"!{begins_one}",
        "messageExpression": f"'engine.args: ' + {_FLAG_NAME} + ({text}.contains(' ' + {_FLAG_NAME} + ' ') "
        "? ' is' : ' is the beginning of a flag that is') + ' owned by the operator; the reference of engine.args "
        "names the field to use instead'",
    }


_EARLY = [flag for flag in OWNED_FLAGS if flag < "m"]
_LATE = [flag for flag in OWNED_FLAGS if flag >= "m"]
"""By their first letter, so that a beginning is of one half alone; all together are more than the budget of one rule."""

ENGINE_ARG: list[JsonValue] = [
    {
        "rule": "self.matches('^--[a-zA-Z0-9][a-zA-Z0-9._-]*(=|$)')",
        "message": "engine.args: each entry is one flag, written --flag or --flag=value",
    },
    _owned(_EARLY),
    _owned(_LATE),
    {
        "rule": "!self.contains('$(')",
        "message": "engine.args: '$(' is where Kubernetes puts a variable's value, and what an engine is started with "
        "stands in its log; give the value itself, or a variable that the engine reads in pod.env",
    },
]

_OF_A_KNOWN_GPU: list[JsonValue] = [
    {
        "rule": f"!has(self.{field}) || has(self.product)",
        "message": f"accelerator.{field}: how a replica is laid out is derived for a known GPU; set "
        f"product, or leave {field} out",
    }
    for field in ("attention", "decodeTimes")
]

ACCELERATOR: list[JsonValue] = [
    {
        "rule": "self.kind != 'CPU' || (!has(self.product) && !has(self.count) && !has(self.attention) && "
        "!has(self.decodeTimes))",
        "message": "accelerator: product, count, attention and decodeTimes are for kind GPU; remove them "
        "or set kind: GPU",
    },
    *_OF_A_KNOWN_GPU,
    {
        "rule": f"!has(self.count) || self.count <= {LARGEST_NODE} || has(self.product)",
        "message": f"accelerator.count: more than {LARGEST_NODE} GPUs are on several nodes, which are laid "
        "out for a known GPU; set product, or fewer",
    },
]

BATCHING: list[JsonValue] = [
    {
        "rule": "!has(self.maxConcurrentSequences) || !has(self.maxBatchedTokens) || "
        "self.maxBatchedTokens >= self.maxConcurrentSequences",
        "message": "batching: maxBatchedTokens may not be below maxConcurrentSequences "
        "(the engine computes at least one token of each running sequence a step)",
    }
]

ENV_SOURCE: list[JsonValue] = [
    {
        "rule": "has(self.secretKeyRef) != has(self.configMapKeyRef)",
        "message": "pod.env valueFrom: give exactly one of secretKeyRef and configMapKeyRef",
    }
]

ENV_VAR: list[JsonValue] = [
    {
        "rule": "!(has(self.value) && has(self.valueFrom))",
        "message": "pod.env: give value or valueFrom, not both",
    },
    {
        "rule": f"!(self.name in {_OWNED_ENV})",
        "messageExpression": "'pod.env: ' + self.name + ' is owned by the operator; remove it'",
    },
]

_RESERVED_KEY = "^([a-z0-9.-]*[.])?(app[.]kubernetes[.]io|serving[.]deepseek[.]dev)/"

_CONFINING_KEY = (
    "^(container[.])?(apparmor[.]security[.]beta|seccomp[.]security[.]alpha)[.]kubernetes[.]io/|"
    "^(dev[.]gvisor|io[.](containerd|katacontainers|kubernetes[.]cri-o)|org[.]systemd[.]property|run[.]oci)[.]|"
    "[.](cri-o|crio)[.]io|[.]nri[.](containerd[.])?io/"
)
"""What runtimes read of a pod's annotations: all but the first two where their node's configuration allows it. `org.systemd.property.` is
of runc and crun (a property of the pod's unit), `run.oci.` of crun alone (its handler, its hooks' input)."""

OPEN_KEYS: list[JsonValue] = [
    {
        "rule": f"!self.exists(k, k.matches('{_RESERVED_KEY}'))",
        "message": "keys of app.kubernetes.io/ and serving.deepseek.dev/ are the operator's; "
        "choose another prefix",
    },
    {
        "rule": f"!self.exists(k, k.matches('{_CONFINING_KEY}'))",
        "message": "keys by which a container runtime confines a pod less (AppArmor, seccomp, containerd, CRI-O, crun, gVisor, Kata, "
        "NRI, systemd) are not open; an administrator may offer a RuntimeClass for runtimeClassName",
    },
    {
        "rule": "self.all(k, size(k) <= 316 && "
        "k.matches('^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$'))",
        "message": "keys are [prefix/]name of letters, digits, '-', '_' and '.'",
    },
]

TOLERATION: list[JsonValue] = [
    {
        "rule": "!(has(self.operator) && self.operator == 'Exists') || !has(self.value)",
        "message": "pod.tolerations: operator Exists asks for no value; remove value, or use "
        "operator: Equal",
    },
    {
        "rule": "has(self.key) && self.key != '' || (has(self.operator) && self.operator == 'Exists')",
        "message": "pod.tolerations: without a key only operator Exists has a meaning (all taints); "
        "set key, or operator: Exists",
    },
    {
        "rule": "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "message": "pod.tolerations: tolerationSeconds counts for effect NoExecute alone; set the "
        "effect, or remove it",
    },
]

PRIORITY_CLASS: list[JsonValue] = [
    {
        "rule": "!self.startsWith('system-')",
        "message": "pod.priorityClassName: classes that begin with system- are for what runs the cluster; use one of your own",
    }
]

_KNOWN_RESOURCES = (
    "k in ['cpu', 'memory', 'ephemeral-storage'] || k.startsWith('hugepages-') || k.contains('/')"
)

RESOURCES: list[JsonValue] = [
    {
        "rule": "(!has(self.requests) || !self.requests.exists(k, k.startsWith('nvidia.com/'))) && "
        "(!has(self.limits) || !self.limits.exists(k, k.startsWith('nvidia.com/')))",
        "message": "pod.resources: GPUs are not given here; use accelerator.count",
    },
    {
        "rule": f"(!has(self.requests) || self.requests.all(k, {_KNOWN_RESOURCES})) && "
        f"(!has(self.limits) || self.limits.all(k, {_KNOWN_RESOURCES}))",
        "message": "pod.resources: use cpu, memory, ephemeral-storage, hugepages-<size> or "
        "vendor.domain/resource",
    },
    {
        "rule": "!has(self.requests) || !has(self.limits) || "
        "self.requests.all(k, !(k in self.limits) || "
        "!quantity(string(self.requests[k])).isGreaterThan(quantity(string(self.limits[k]))))",
        "message": "pod.resources: a request may not be above its limit",
    },
]

_PVC = "^pvc://[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
_HF = "^hf://[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9._/-]*)?$"

_S3 = "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*()/-]*)?$"
_OCI = (
    "^oci://[A-Za-z0-9.-]+(:[0-9]+)?/[a-z0-9][a-z0-9._/-]*"
    "(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?$"
)
_HTTPS = '^https://[!"%->A-~]+#sha256=[0-9a-fA-F]{64}$'
"""Printable ASCII without '#', '?' and '@': a query or a user would be a secret in the open. Nor '$', which Kubernetes
reads as a variable's beginning on a command line."""

SOURCE: list[JsonValue] = [
    {
        "rule": " || ".join(f"self.matches('{form}')" for form in (_PVC, _HF, _S3, _OCI, _HTTPS)),
        "message": "source: write pvc://claim/path, hf://organisation/name[@revision], "
        "s3://bucket/prefix, oci://registry/repository[:tag|@digest] or "
        "https://host/file#sha256=digits (without user, query and '$')",
    }
]

SERVING_BLOCK: list[JsonValue] = [
    {
        "rule": "!(has(self.cache) && has(self.source) && self.source.startsWith('pvc://'))",
        "message": "cache: source pvc:// is a volume of yours and nothing is fetched; remove cache",
    },
    {
        "rule": "!has(self.cache) || !has(self.cache.size) || "
        "quantity(string(self.cache.size)).isGreaterThan(quantity('1Mi'))",
        "message": "cache.size: at least 1Mi; leave it out to have it derived",
    },
    *rules_of_sizing.SIZING,
    *trtllm_rules.SERVING_BLOCK,
]

OBJECT: list[JsonValue] = [
    {
        "rule": "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')",
        "message": "metadata.name: it becomes the name of a Service, so at most 63 of a-z, 0-9 and "
        "'-', beginning with a letter",
    },
    {
        "rule": "!self.metadata.name.matches('-[0-9a-f]{10}$')",
        "message": "metadata.name may not end in '-' and ten hexadecimal digits: that form names "
        "revisions; choose another ending",
    },
    {
        "rule": "!self.metadata.name.endsWith('-gateway')",
        "message": "metadata.name may not end in '-gateway': that form names gateways; choose "
        "another ending",
    },
    {
        "rule": "(has(self.spec.servedName) ? self.spec.servedName : self.metadata.name) == "
        "(has(oldSelf.spec.servedName) ? oldSelf.spec.servedName : oldSelf.metadata.name)",
        "message": 'spec.servedName is immutable: clients send it as "model"; make a second object '
        "for a second name",
    },
]

WARMUP_ONLY = ("prompts", "shapes", "concurrency", "timeout", "onFailure")

WARMUP: list[JsonValue] = [
    {
        "rule": f"!has(self.enabled) || self.enabled || !has(self.{field})",
        "message": f"warmup.{field}: enabled false asks engines nothing; remove the field, or set "
        "enabled: true",
    }
    for field in WARMUP_ONLY
]

ROLLOUT: list[JsonValue] = [
    *strategies.RULES,
    {
        "rule": "!has(self.steps) || size(self.steps) < 2 || self.steps.all(one, "
        "self.steps.exists_one(other, other.weight == one.weight))",
        "message": "rollout.steps: no two steps have the same weight",
    },
    {
        "rule": "!has(self.steps) || self.steps.map(step, step.weight).isSorted()",
        "message": "rollout.steps: weights have to grow from step to step",
    },
    {
        "rule": "!has(self.skipInitial) || has(self.from)",
        "message": "rollout.skipInitial: without rollout.from there is nothing to skip; remove it",
    },
]

_LONGEST_TIMES = {"timeToFirstToken": 2560, "timePerOutputToken": 80}
"""The last edges that vLLM counts these times by: beyond them nothing is told apart."""

ANALYSIS: list[JsonValue] = [
    {
        "rule": f"!has(self.{field}) || duration(self.{field}.limit) <= duration('{longest}s')",
        "message": f"rollout.analysis.{field}.limit: at most {longest}s, the longest time that "
        "engines tell apart; lower it, or remove the field",
    }
    for field, longest in _LONGEST_TIMES.items()
]

_WHEN = ("Unavailable", "Overloaded", "Timeout")

FALLBACK: list[JsonValue] = [
    {
        "rule": " && ".join(
            f"(self.all(one, !has(one.when) || '{cause}' in one.when) || "
            f"self.all(one, has(one.when) && !('{cause}' in one.when)))"
            for cause in _WHEN
        ),
        "message": "fallback: every entry has to have the same when: who is asked next does not "
        "depend on why the one before did not answer",
    }
]

_HAS_FROM = "(has({0}.rollout) && has({0}.rollout.from))"
_HAS, _HAD = _HAS_FROM.format("self"), _HAS_FROM.format("oldSelf")

SPEC: list[JsonValue] = [
    {
        "rule": f"!{_HAD} || ({_HAS} && self.rollout.from == oldSelf.rollout.from)",
        "message": "rollout.from is immutable: it says where the first rollout begins; leave it as it "
        "was (later it does nothing), and to begin with spec.model at once set rollout.skipInitial: "
        "true",
    },
    {
        "rule": f"!{_HAS} || {_HAD}",
        "message": "rollout.from can only be given when the object is made, for its first rollout; "
        "remove it: the next rollout begins with what serves",
    },
    *strategies.SPEC,
    *provider_rules.SPEC,
    *rules_of_autoscaling.SPEC,
    *trtllm_rules.SPEC,
]

"""What somebody may try who can create objects in one namespace, to get beyond what that namespace may do.

docs/security.md has a row for each attempt of `REFUSED` and `TAKEN`, by the name that it has here.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from deepseek_operator.api import rules
from tests.cluster.objects import Manifest, spec

DIGEST = f"#sha256={'0' * 64}"


def _pod(**fields: Any) -> Manifest:
    return spec(pod=fields)


def _env(name: str, value: str = "1") -> Manifest:
    return _pod(env=[{"name": name, "value": value}])


def _args(*args: str) -> Manifest:
    return spec(engine={"args": list(args)})


def _fallback(**fields: Any) -> Manifest:
    return spec(fallback=[{"model": "DeepSeek-R1-Distill-Qwen-1.5B", **fields}])


_NO_FIELD = "field not declared"

REFUSED: Mapping[str, tuple[Manifest, str]] = {
    "a volume of the host": (_pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}]), _NO_FIELD),
    "a mount": (_pod(volumeMounts=[{"name": "h", "mountPath": "/h"}]), _NO_FIELD),
    "the host's network": (_pod(hostNetwork=True), _NO_FIELD),
    "the host's processes": (_pod(hostPID=True), _NO_FIELD),
    "the host's IPC": (_pod(hostIPC=True), _NO_FIELD),
    "a privileged container": (_pod(securityContext={"privileged": True}), _NO_FIELD),
    "a capability": (_pod(capabilities={"add": ["SYS_ADMIN"]}), _NO_FIELD),
    "another user": (_pod(runAsUser=0), _NO_FIELD),
    "containers beside the engine": (_pod(initContainers=[{"name": "x"}]), _NO_FIELD),
    "a command of one's own": (spec(engine={"command": ["sh"]}), _NO_FIELD),
    "a node by name": (_pod(nodeName="node-a"), _NO_FIELD),
    "another scheduler": (_pod(schedulerName="mine"), _NO_FIELD),
    "the token of a ServiceAccount": (_pod(automountServiceAccountToken=True), _NO_FIELD),
    "a Secret of another namespace": (
        _pod(
            env=[
                {
                    "name": "A",
                    "valueFrom": {
                        "secretKeyRef": {"namespace": "kube-system", "name": "s", "key": "k"}
                    },
                }
            ]
        ),
        _NO_FIELD,
    ),
    "a pull secret of another namespace": (
        _pod(imagePullSecrets=[{"namespace": "kube-system", "name": "s"}]),
        _NO_FIELD,
    ),
    "keys of another namespace": (
        spec(gateway={"apiKeys": {"secretName": "k", "namespace": "kube-system"}}),
        _NO_FIELD,
    ),
    "a claim of another namespace": (spec(source="pvc://kube-system:models/x"), "write pvc://"),
    "a path out of a claim": (spec(source="pvc://models/../../etc"), "write pvc://"),
    "a file of the node as a source": (spec(source="file:///etc/shadow"), "write pvc://"),
    "metadata of the cloud, over plain HTTP": (
        spec(source=f"http://169.254.169.254/latest{DIGEST}"),
        "write pvc://",
    ),
    "a source with a password": (
        spec(source=f"https://me:secret@host/x{DIGEST}"),
        "without user, query and '$'",
    ),
    "a variable's value in a source": (
        spec(source=f"https://host/$(HF_TOKEN){DIGEST}"),
        "without user, query and '$'",
    ),
    "a variable's value on the command line": (
        _args("--otlp-traces-endpoint=http://host/$(HF_TOKEN)"),
        "'$(' is where Kubernetes puts a variable's value",
    ),
    "another program by an argument": (_args("--seed=1", "serve"), "each entry is one flag"),
    "a file of flags": (_args("--config=/etc/x.yaml"), "--config is owned"),
    "a middleware": (_args("--middleware=os.system"), "--middleware is owned"),
    "prompts in the log": (_args("--enable-log-requests"), "--enable-log-requests is owned"),
    "prompts in the log, cut short": (_args("--enable-log-r"), "is the beginning of a flag"),
    "answers in the log": (_args("--enable_log_outputs"), "--enable-log-outputs is owned"),
    "files of the pod for clients": (
        _args("--allowed-local-media-path=/"),
        "--allowed-local-media-path is owned",
    ),
    "another port": (_args("--port=22"), "--port is owned"),
    "a token on the command line": (_args("--hf-token=hf_x"), "--hf-token is owned"),
    **{
        f"the variable {name}": (_env(name), f"{name} is owned by the operator")
        for name in rules.OWNED_ENV
    },
    "a variable of the pod's node": (
        _pod(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]),
        _NO_FIELD,
    ),
    "labels of another object's pods": (
        _pod(labels={"serving.deepseek.dev/deployment": "other"}),
        "are the operator's",
    ),
    "labels of the operator's own pods": (
        _pod(labels={"app.kubernetes.io/component": "operator"}),
        "are the operator's",
    ),
    "no AppArmor": (
        _pod(annotations={"container.apparmor.security.beta.kubernetes.io/engine": "unconfined"}),
        "confines a pod less",
    ),
    "no seccomp": (
        _pod(annotations={"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}),
        "confines a pod less",
    ),
    "a device of the host, by CRI-O": (
        _pod(annotations={"io.kubernetes.cri-o.Devices": "/dev/mem"}),
        "confines a pod less",
    ),
    "a profile of one's own, by CRI-O": (
        _pod(annotations={"seccomp-profile.kubernetes.cri-o.io/engine": "x"}),
        "confines a pod less",
    ),
    "a hypervisor of one's own, by Kata": (
        _pod(annotations={"io.katacontainers.config.hypervisor.path": "/x"}),
        "confines a pod less",
    ),
    "a device of the host, by an NRI plugin": (
        _pod(annotations={"devices.nri.io/container.engine": "- path: /dev/mem"}),
        "confines a pod less",
    ),
    "a mount of one's own, by gVisor": (
        _pod(annotations={"dev.gvisor.spec.mount.a.source": "/"}),
        "confines a pod less",
    ),
    "flags of its sandbox, by gVisor": (
        _pod(annotations={"dev.gvisor.flag.network": "host"}),
        "confines a pod less",
    ),
    "another handler, by crun": (
        _pod(annotations={"run.oci.handler": "krun"}),
        "confines a pod less",
    ),
    "a property of its unit, by systemd": (
        _pod(annotations={"org.systemd.property.DeviceAllow": "['/dev/mem']"}),
        "confines a pod less",
    ),
    "words to containerd": (
        _pod(annotations={"io.containerd.runc.v2.group": "other"}),
        "confines a pod less",
    ),
    "the priority of what runs the cluster": (
        _pod(priorityClassName="system-node-critical"),
        "classes that begin with system- are for what runs the cluster",
    ),
    "another's GPUs by a resource": (
        _pod(resources={"limits": {"nvidia.com/gpu": 64}}),
        "use accelerator.count",
    ),
    "a judge over plain HTTP": (
        spec(
            rollout={
                "strategy": "Canary",
                "analysis": {"quality": {"webhook": {"url": "http://169.254.169.254/"}}},
            }
        ),
        "write https://host",
    ),
    "words of Envoy in a header's name": (
        spec(gateway={"stickyHeader": "x\r\nhost: a"}),
        "should match",
    ),
    "a script in a name": (spec(servedName="$(reboot)"), "should match"),
    "all of it in a fallback": (
        _fallback(pod={"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}),
        "VLLM_SERVER_DEV_MODE is owned",
    ),
    "flags of a fallback": (
        _fallback(engine={"args": ["--enable-log-requests"]}),
        "--enable-log-requests is owned",
    ),
    "flags of the first revision": (
        spec(rollout={"from": {"model": "DeepSeek-R1", "engine": {"args": ["--api-key=x"]}}}),
        "--api-key is owned",
    ),
}
"""What the API server refuses, and a part of its words."""

TAKEN: Mapping[str, Manifest] = {
    "an image of anything": spec(engine={"image": "registry.example/anything:1"}),
    "a library before all others": _env("LD_PRELOAD", "/tmp/x.so"),
    "a plugin of vLLM": _env("VLLM_PLUGINS", "mine"),
    "code of the weights": _args("--trust-remote-code"),
    "a chat template by path": _args("--chat-template=/weights/model/x.jinja"),
    "another loader": _args("--load-format=runai_streamer"),
    "a class of one's own": _args("--worker-extension-cls=mine.Worker"),
    "a Secret of the namespace": _pod(
        env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "any", "key": "k"}}}]
    ),
    "any ServiceAccount of the namespace": _pod(serviceAccountName="builder"),
    "a class of runtime": _pod(runtimeClassName="kata"),
    "a class of priority": _pod(priorityClassName="batch"),
    "all taints": _pod(tolerations=[{"operator": "Exists"}]),
    "near to pods of another namespace": _pod(
        affinity={
            "podAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "labelSelector": {"matchLabels": {"app": "x"}},
                        "namespaces": ["other"],
                        "topologyKey": "kubernetes.io/hostname",
                    }
                ]
            }
        }
    ),
    "labels of the namespace's other pods": _pod(labels={"app": "payments"}),
    "a sidecar by an injector": _pod(annotations={"sidecar.istio.io/inject": "true"}),
    "a second network, by Multus": _pod(annotations={"k8s.v1.cni.cncf.io/networks": "rdma"}),
    "metadata of the cloud, over HTTPS": spec(source=f"https://169.254.169.254/latest{DIGEST}"),
    "a Service of the cluster as a source": spec(
        source=f"https://kubernetes.default.svc/x{DIGEST}"
    ),
    "another address for S3": spec(
        source="s3://bucket/x",
        pod={"env": [{"name": "AWS_ENDPOINT_URL", "value": "http://169.254.169.254"}]},
    ),
    "a judge in another namespace": spec(
        rollout={
            "strategy": "Canary",
            "analysis": {"quality": {"webhook": {"url": "https://judge.other.svc/x"}}},
        }
    ),
    "a Gateway of another namespace": spec(
        gateway={"provider": "GatewayAPI", "parentRef": {"name": "g", "namespace": "other"}}
    ),
}
"""What it takes, as it is no more than whoever may create pods in the namespace can do."""

BAD_TENANCY = [pytest.param(body, said, id=name) for name, (body, said) in REFUSED.items()]
GOOD_TENANCY = [pytest.param(body, id=name) for name, body in TAKEN.items()]

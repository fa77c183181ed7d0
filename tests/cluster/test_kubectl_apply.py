"""Bad objects through the real `kubectl apply`, as users send them: refused in the words of the API server."""

import asyncio
import json
import subprocess

import pytest

from dev import tools
from tests.cluster.objects import Cluster, Manifest, deepseek, spec

AS_USERS_DO = [
    pytest.param(spec(modle="x"), 'unknown field "spec.modle"', id="unknown field"),
    pytest.param(
        spec(replicas=-1), "spec.replicas in body should be greater than or equal to 0", id="negative replicas"
    ),
    pytest.param(spec(replicas="two"), 'spec.replicas in body must be of type integer: "string"', id="a word"),
    pytest.param({"model": ""}, "spec.model in body should be at least 1 chars long", id="empty model"),
    pytest.param(
        spec(engine={"name": "sglang"}), 'Unsupported value: "sglang": supported values: "vllm"', id="unknown engine"
    ),
    pytest.param(
        spec(engine={"args": ["--port=9"]}), "--port is owned by the operator", id="owned flag"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), AS_USERS_DO)
async def test_kubectl_apply_is_refused_in_the_same_words(
    cluster: Cluster, body: Manifest, message: str
) -> None:
    manifest = deepseek("chat", cluster.namespace)
    manifest["spec"] = body

    result = await asyncio.to_thread(kubectl_apply, cluster, manifest)

    assert result.returncode != 0
    assert message in result.stderr


def kubectl_apply(cluster: Cluster, manifest: Manifest) -> subprocess.CompletedProcess[str]:
    """`kubectl apply` without further flags: strict about fields."""
    config = f"--kubeconfig={cluster.plane.kubeconfig}"
    return subprocess.run(
        [str(tools.path("kubectl")), config, "apply", "--filename=-"],
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=False,
    )

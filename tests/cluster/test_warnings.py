"""The chart's ValidatingAdmissionPolicy on a real API server: it warns in words, and keeps nothing from being stored."""

import json
from typing import Any

from deepseek_operator.api import warnings
from tests.chart import rendering
from tests.cluster.objects import Cluster, Manifest, deepseek, wait_until
from tests.unit.api.test_warnings import QUIET

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
KINDS = {
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
}

RISKY: Manifest = {
    "model": "a", "replicas": 1, "source": "hf://a/b", "warmup": {"enabled": False},
    "engine": {"image": "registry.example/vllm", "args": ["--trust-remote-code", "--tool-server=x", "--log-level=debug"]},
    "pod": {"tolerations": [{"operator": "Exists"}]},
    "gateway": {"replicas": 1, "pinning": True},
    "rollout": {"strategy": "Replace", "autoPromote": False},
}  # fmt: skip
PLAIN: Manifest = {
    "model": "a", "source": "pvc://models/a", "warmup": {"onFailure": "Serve"}, "replicas": 2,
    "gateway": {"apiKeys": {"secretName": "k"}},
    "fallback": [{"model": "b", "source": "hf://a/b"}],
}  # fmt: skip
BARE: Manifest = {
    "model": "a",
    "source": "pvc://models/a",
    "replicas": 2,
    "gateway": {"provider": "None"},
}
SCALED: Manifest = {"model": "a", "gateway": QUIET["gateway"], "autoscaling": {"max": 2}}


async def apply(cluster: Cluster, name: str, spec: Manifest, *, dry_run: bool = False) -> list[str]:
    """What the API server warns of; the answer has to be a success."""
    body = {**deepseek(name, cluster.namespace), "spec": spec}
    query = "fieldManager=user&force=true" + ("&dryRun=All" if dry_run else "")
    async with cluster.session.patch(
        f"{cluster.server}{cluster.path(name)}?{query}",
        data=json.dumps(body),
        headers={"Content-Type": "application/apply-patch+yaml"},
    ) as response:
        assert response.status < 300, await response.text()
        return response.headers.getall("Warning", [])


async def test_what_is_risky_is_warned_of_and_stored(cluster: Cluster) -> None:
    made: list[tuple[str, str]] = []
    for kind, path in KINDS.items():
        manifest = rendering.only(kind)
        await cluster.send("POST", path, manifest)
        made.append((path, manifest["metadata"]["name"]))
    try:

        async def warns() -> bool:
            return bool(await apply(cluster, "chat", RISKY, dry_run=True))

        await wait_until(warns, what="the policy is in force", seconds=60)
        for name, spec in {
            "risky": RISKY,
            "plain": PLAIN,
            "bare": BARE,
            "quiet": {**QUIET},
            "scaled": SCALED,
        }.items():
            said = await apply(cluster, name, spec)
            expected = [one.message for one in warnings.warnings_of(spec)]
            missing = [one for one in expected if not any(one in text for text in said)]
            assert (missing, len(said)) == ([], len(expected)), said
            assert (await cluster.get(name))["spec"]["model"] == spec["model"]
        told = {
            one.name for spec in (RISKY, PLAIN, BARE, SCALED) for one in warnings.warnings_of(spec)
        }
        assert told == {one.name for one in warnings.WARNINGS}
        await _nothing_was_wrong_with_the_expressions(cluster, made[0])
    finally:
        for path, name in made:
            await cluster.send("DELETE", f"{path}/{name}")


async def _nothing_was_wrong_with_the_expressions(cluster: Cluster, place: tuple[str, str]) -> None:
    """The API server checks them against the definition: a field that is not there would be told."""
    found: dict[str, Any] = {}

    async def is_checked() -> bool:
        found.update((await cluster.send("GET", "/".join(place))).get("status", {}))
        return "typeChecking" in found

    await wait_until(is_checked, what="the policy's types are checked")
    assert found["typeChecking"].get("expressionWarnings", []) == []

"""An operator that is told to stop: it lets another replica lead at once, and ends well."""

from pathlib import Path

from tests.chart.rendering import RELEASE
from tests.cluster.objects import Cluster, Manifest, deepseek, wait_until
from tests.cluster.releases import Account, running_operator, wait_for_condition


async def lease_of(cluster: Cluster) -> Manifest:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{cluster.namespace}/leases/{RELEASE}"
    return await cluster.send("GET", path)


async def test_a_stopped_operator_lets_go_of_its_lease_at_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = tmp_path / "admin.kubeconfig"
    config.write_text(cluster.plane.kubeconfig.read_text())
    account = Account(cluster.namespace, "admin", config)
    await cluster.apply(deepseek("chat", cluster.namespace))

    async with running_operator(account, DSO_NAMESPACES=cluster.namespace, DSO_IDENTITY="one"):
        await wait_for_condition(cluster, "chat", "Ready", "True")
        assert (await lease_of(cluster))["spec"]["holderIdentity"] == "one"

    assert (await lease_of(cluster))["spec"]["holderIdentity"] == ""

    async def another_leads() -> bool:
        return bool((await lease_of(cluster))["spec"]["holderIdentity"] == "two")

    async with running_operator(account, DSO_NAMESPACES=cluster.namespace, DSO_IDENTITY="two"):
        await wait_until(another_leads, what="the next operator leads")

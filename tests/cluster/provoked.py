"""What makes the operator write what it seldom does: a PodMonitor beside a stranger's, an event for the second time."""

from typing import Any

from tests.cluster import pod_monitors, releases
from tests.cluster.objects import JSON_MERGE, Cluster, Manifest, deepseek, wait_until


def tiny(name: str, namespace: str, **spec: Any) -> Manifest:
    """An object whose weights are in a volume of the user's own."""
    return deepseek(name, namespace, **{"source": "pvc://models/tiny", **spec})


async def scraped(cluster: Cluster) -> None:
    """A PodMonitor meets a stranger of its name, is made, and repaired."""
    edited = {"spec": {"podMetricsEndpoints": [{"port": "theirs"}]}}
    kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor"}
    stranger = {
        "metadata": {"name": "scraped"},
        "spec": {"podMetricsEndpoints": [], "selector": {}},
    }
    async with pod_monitors.kinds(cluster):
        collection = pod_monitors.MONITORS.format(cluster.namespace)
        await cluster.send("POST", collection, {**kind, **stranger})
        await cluster.apply(tiny("scraped", cluster.namespace))
        await releases.wait_for_condition(cluster, "scraped", "Stalled", "True")
        await cluster.send("DELETE", f"{collection}/scraped")

        async def is_ours() -> bool:
            found = await pod_monitors.monitor(cluster, "scraped")
            endpoints = (found or {}).get("spec", {}).get("podMetricsEndpoints")
            return bool(endpoints and endpoints != edited["spec"]["podMetricsEndpoints"])

        await wait_until(is_ours, what="the PodMonitor is made", seconds=90)
        await cluster.send("PATCH", f"{collection}/scraped", edited, content=JSON_MERGE)
        await cluster.apply(tiny("scraped", cluster.namespace, replicas=2))
        await wait_until(is_ours, what="the PodMonitor is repaired", seconds=90)


async def told_again(cluster: Cluster) -> None:
    """Twice nobody is to be served: the second time is the same event."""
    events = f"/api/v1/namespaces/{cluster.namespace}/events"

    async def is_counted() -> bool:
        found = (await cluster.send("GET", events))["items"]
        return any(
            one["reason"] == "ScaledToZero" and one["involvedObject"]["name"] == "scraped"
            for one in found
            if one.get("count", 1) > 1
        )

    for replicas, ready in ((0, "False"), (1, "True"), (0, "False")):
        await cluster.apply(tiny("scraped", cluster.namespace, replicas=replicas))
        await releases.wait_for_condition(cluster, "scraped", "Ready", ready)
    await wait_until(is_counted, what="the event is counted", seconds=30)

"""PodMonitors on the control plane of a test: the real definition of Prometheus Operator."""

import contextlib
from collections.abc import AsyncIterator

from dev import prometheus_operator
from tests.cluster.definitions import known
from tests.cluster.objects import Cluster, Manifest, Refused

MONITORS = "/apis/monitoring.coreos.com/v1/namespaces/{}/podmonitors"


@contextlib.asynccontextmanager
async def kinds(cluster: Cluster) -> AsyncIterator[None]:
    """While it lasts the cluster knows PodMonitors."""
    served = MONITORS.format(cluster.namespace)
    files = [file for file in prometheus_operator.definitions() if file.stem == "podmonitors"]
    async with known(cluster, files, served=served, what="PodMonitor"):
        yield


async def monitor(cluster: Cluster, name: str = "chat") -> Manifest | None:
    """A PodMonitor of the test's namespace; None where there is none, or no such kind."""
    with contextlib.suppress(Refused):
        return await cluster.send("GET", f"{MONITORS.format(cluster.namespace)}/{name}")
    return None

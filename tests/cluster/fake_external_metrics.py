"""A fake adapter of external metrics, as KEDA and prometheus-adapter bring one: each metric has the value that a test sets."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trustme
from aiohttp import web

from tests.cluster.objects import Cluster, wait_until

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
PATH = f"/apis/{GROUP}/{VERSION}"
REGISTRATION = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass
class FakeExternalMetrics:
    """What it tells, and how often it was asked for it."""

    values: dict[str, int] = field(default_factory=dict)
    asked: int = 0

    async def listed(self, _request: web.Request) -> web.Response:
        """The API's resources: none by name, as of others of its kind."""
        return web.json_response(
            {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{GROUP}/{VERSION}",
                "resources": [],
            }
        )

    async def value(self, request: web.Request) -> web.Response:
        """A metric's value; 404 of one that nobody has set."""
        name = request.match_info["metric"]
        if name not in self.values:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        self.asked += 1
        item = {
            "metricName": name,
            "metricLabels": {},
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "value": f"{self.values[name]}",
        }
        return web.json_response(
            {
                "kind": "ExternalMetricValueList",
                "apiVersion": f"{GROUP}/{VERSION}",
                "metadata": {},
                "items": [item],
            }
        )


@contextlib.asynccontextmanager
async def registered(cluster: Cluster) -> AsyncIterator[FakeExternalMetrics]:
    """The adapter, once the API server passes its group on to it."""
    fake = FakeExternalMetrics()
    application = web.Application()
    application.router.add_get(PATH, fake.listed)
    application.router.add_get(PATH + "/namespaces/{namespace}/{metric}", fake.value)
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(certificate)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=certificate)
    await site.start()
    port = runner.addresses[0][1]
    services = f"/api/v1/namespaces/{cluster.namespace}/services"
    service = {
        "metadata": {"name": "external-metrics"},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    reference = {"name": "external-metrics", "namespace": cluster.namespace, "port": port}
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "service": reference,
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    await cluster.send("POST", services, service)
    await cluster.send("POST", REGISTRATION, api)
    path = f"{REGISTRATION}/{VERSION}.{GROUP}"

    async def is_available() -> bool:
        found = await cluster.send("GET", path)
        conditions = found.get("status", {}).get("conditions", [])
        return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)

    try:
        await wait_until(is_available, what="the API server passes metrics on", seconds=60)
        yield fake
    finally:
        await cluster.send("DELETE", path)
        await runner.cleanup()

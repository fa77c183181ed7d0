"""The operator's HTTP server: liveness, readiness and metrics."""

from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deepseek_operator.metrics import OperatorMetrics

Alive = Callable[[], bool]

Remarks = Callable[[], Sequence[str]]
"""What a person should know of an operator that is ready."""


async def serve_probes(
    port: int, *, metrics: OperatorMetrics, ready: Alive, remarks: Remarks = tuple
) -> tuple[web.AppRunner, int]:
    """Serve /healthz, /readyz and /metrics; returns the runner to clean up, and the port.

    /readyz has remarks below its first line: they keep nobody from being served.
    /healthz answers as long as the event loop turns: a dead task ends the whole process instead.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if ready():
            return web.Response(text="".join(f"{line}\n" for line in ("ok", *remarks())))
        return web.Response(status=503, text="the watches are not open yet\n")

    async def scrape(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", scrape)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, port=port)
    await site.start()
    bound = int(runner.addresses[0][1])
    return runner, bound

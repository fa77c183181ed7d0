"""The agent beside a gateway's Envoy: `python -m deepseek_serving.gateway`."""

import argparse
import asyncio
import logging
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path

import aiohttp
from aiohttp import web
from pythonjsonlogger.json import JsonFormatter

from deepseek_serving.gateway import ads, holding, watching
from deepseek_serving.gateway.admin import Admin
from deepseek_serving.gateway.agent import Agent, certificate_in, keys_in
from deepseek_serving.gateway.bootstrap import ADMIN_PORT, ADS_PORT, HOLD_PORT
from deepseek_serving.gateway.certificates import TLS_PORT
from deepseek_serving.gateway.listener import CLIENT_PORT
from deepseek_serving.gateway.watching import Cluster, Watch

logger = logging.getLogger(__name__)

HTTP_PORT = 8081
"""Tells how far this gateway is, what it counted, and its metrics."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deepseek_serving.gateway",
        description="Keeps the Envoy of this pod up to date with one DeepSeekDeployment.",
    )
    parser.add_argument("--namespace", required=True, help="namespace of the object")
    parser.add_argument("--config-map", required=True, help="ConfigMap that the operator writes")
    parser.add_argument("--deployment", required=True, help="name of the object")
    parser.add_argument("--state", type=Path, required=True, help="folder of the last good state")
    parser.add_argument("--http-port", type=int, default=HTTP_PORT, help="of reports and metrics")
    parser.add_argument("--ads-port", type=int, default=ADS_PORT, help="on 127.0.0.1, for Envoy")
    parser.add_argument("--admin-port", type=int, default=ADMIN_PORT, help="of Envoy")
    parser.add_argument("--client-port", type=int, default=CLIENT_PORT, help="of users' requests")
    parser.add_argument(
        "--hold-port", type=int, default=HOLD_PORT, help="on 127.0.0.1, where requests wait"
    )
    secrets = parser.add_argument_group("Secrets, mounted")
    secrets.add_argument("--api-keys", type=Path, help="only clients with one of these keys")
    secrets.add_argument("--tls", type=Path, help="the certificate for --tls-port")
    secrets.add_argument("--tls-port", type=int, default=TLS_PORT, help="of users' requests")
    secrets.add_argument("--tls-only", action="store_true", help="nothing listens on --client-port")
    outside = parser.add_argument_group("outside a pod")
    outside.add_argument("--api-server", help="URL of the API server")
    outside.add_argument("--token-file", type=Path, help="who asks")
    outside.add_argument("--ca-file", type=Path, help="whom to trust")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace, cluster: Cluster, stop: asyncio.Event) -> None:
    """Until told to stop."""
    agent = _agent(options)
    agent.restore()
    listening = await ads.serve(agent.server, f"127.0.0.1:{options.ads_port}")
    namespace = f"namespaces/{options.namespace}"
    documents = Watch(
        cluster,
        f"/api/v1/{namespace}/configmaps",
        {"fieldSelector": f"metadata.name={options.config_map}"},
        agent.documents_changed,
    )
    slices = Watch(
        cluster,
        f"/apis/discovery.k8s.io/v1/{namespace}/endpointslices",
        {"labelSelector": f"serving.deepseek.dev/deployment={options.deployment}"},
        agent.slices_changed,
        agent.slices_returned,
    )
    async with watching.connected(cluster) as session, aiohttp.ClientSession() as local:
        watches = (documents, slices)
        # No access log: it would hold probes and nothing else.
        told = application(agent, Admin(local, options.admin_port), watches)
        runner = web.AppRunner(told, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, port=options.http_port).start()
        place = await holding.serve(
            holding.application(agent.held, lambda: agent.served_name), options.hold_port
        )
        parts = [agent.run(), *(watch.run(session) for watch in watches)]
        if agent.keys or agent.certificate:
            parts.append(agent.watch_secrets())
        tasks = [asyncio.create_task(part) for part in parts]
        tasks.append(asyncio.create_task(_wait(stop)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await place.cleanup()
            await runner.cleanup()
            await listening.stop(grace=None)


def _agent(options: argparse.Namespace) -> Agent:
    return Agent(
        options.state,
        port=None if options.tls_only else options.client_port,
        tls_port=options.tls_port,
        hold_port=options.hold_port,
        keys=keys_in(options.api_keys) if options.api_keys else None,
        certificate=certificate_in(options.tls) if options.tls else None,
    )


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


def application(agent: Agent, admin: Admin, watches: Sequence[Watch]) -> web.Application:
    """What is told over HTTP."""

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        is_ready = agent.server.taken.version is not None
        return web.Response(
            status=200 if is_ready else 503,
            text="ready\n" if is_ready else "Envoy has taken no configuration yet\n",
        )

    async def report(_: web.Request) -> web.Response:
        counted: dict[str, object]
        said = agent.report()
        try:
            counted = await admin.counted()
            if "tls" in said["secrets"]:
                expires = await admin.expires()
                said["secrets"]["tls"]["expires"] = expires and expires.isoformat()
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            counted = {"error": f"Envoy does not answer: {error or type(error).__name__}"}
        troubles = filter(None, [said["trouble"], *(watch.trouble for watch in watches)])
        said["trouble"] = "; ".join(troubles) or None
        watched = all(watch.is_current for watch in watches)
        return web.json_response({**said, "watching": watched, "counted": counted})

    async def page(text: Awaitable[str]) -> web.Response:
        try:
            return web.Response(text=await text, content_type="text/plain")
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            return web.Response(status=503, text=f"Envoy does not answer: {error}\n")

    async def metrics(_: web.Request) -> web.Response:
        return await page(admin.metrics(agent.report()))

    async def envoy_metrics(_: web.Request) -> web.Response:
        return await page(admin.prometheus())

    told = web.Application()
    told.router.add_get("/healthz", alive)
    told.router.add_get("/readyz", ready)
    told.router.add_get("/report", report)
    told.router.add_get("/asked", holding.question(agent.held))
    told.router.add_get("/metrics", metrics)
    told.router.add_get("/metrics/envoy", envoy_metrics)
    return told


def reached(options: argparse.Namespace) -> Cluster:
    """The API server of the command line, or of this pod."""
    if not options.api_server:
        return watching.in_cluster(os.environ)
    trusted = options.ca_file and ssl.create_default_context(cafile=str(options.ca_file))
    return Cluster(options.api_server, options.token_file, trusted or None)


def main() -> int:
    """Run until a signal; 0."""
    options = parse()
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    cluster = reached(options)

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(options, cluster, stop)

    asyncio.run(until_signalled())
    return 0


if __name__ == "__main__":
    sys.exit(main())

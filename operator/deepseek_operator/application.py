"""The running operator: watch, lead, reconcile, stop."""

import asyncio
import functools
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import aiohttp

from deepseek_operator import controller as controllers
from deepseek_operator import watch as watches
from deepseek_operator.catalog_files import CatalogFiles
from deepseek_operator.kube import client
from deepseek_operator.lease import Leadership, LeaseSettings
from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.probes import serve_probes
from deepseek_operator.queue import KeyQueue
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import Outcome
from deepseek_operator.settings import Settings
from deepseek_operator.telemetry.engines import AskEngines, Engines
from deepseek_operator.telemetry.fallbacks import Fallbacks
from deepseek_operator.telemetry.gateways import Ask, Gateways

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""How long passes under way may take to end when the operator is told to stop."""

SETTLE_SECONDS = 0.5
"""From the event that asks for a pass to the pass: edits in a burst start one revision, not several."""

REST_SECONDS = 1.0
"""Least time between two passes over one object that events ask for.

A pass that writes causes events of its own, pods tell of each step of their start, and users edit in
bursts: passes in between would read much and change nothing.
"""


class LeadershipLost(Exception):  # noqa: N818 - a state, named as what happened
    """Another replica leads, or the API server could not be asked: this one must not act."""


async def run_operator(settings: Settings) -> None:
    """Run until told to stop by a signal; raises when a part of it cannot go on."""
    metrics = OperatorMetrics()
    files = CatalogFiles(settings.catalog_folder, metrics=metrics)
    api = await client.connect(kubeconfig=settings.kubeconfig)
    kube = client.Kube(
        api, timeout_seconds=settings.api_timeout_seconds, observe_call=metrics.count_call
    )
    queue: KeyQueue[Key] = KeyQueue(settle_seconds=SETTLE_SECONDS, rest_seconds=REST_SECONDS)
    metrics.queue_oldest.set_function(queue.oldest_seconds)
    stop, watching = asyncio.Event(), asyncio.Event()
    runner, port = await serve_probes(
        settings.http_port,
        metrics=metrics,
        ready=watching.is_set,
        remarks=lambda: [f"catalog: {one}" for one in files.present.refused],
    )
    logger.info("started", extra={"identity": settings.identity, "http_port": port})

    async def stop_leading() -> None:
        # kopf ends last: it cancels every task that began after it, ours in the midst of a call,
        # and waits 5 s for its own that waits for the flag.
        logger.info("stopping")
        stop.set()
        await _end(leading_task)

    registry = watches.build_registry(
        lambda namespace, name: queue.add(Key(namespace, name)),
        login=functools.partial(client.credentials, api),
        stopping=stop_leading,
    )
    watching_task = asyncio.create_task(
        watches.watch(registry, namespaces=settings.watched_namespaces, stop=stop, started=watching)
    )
    leading_task = asyncio.create_task(_lead(settings, kube, queue, metrics, files))
    following_task = asyncio.create_task(files.follow())
    try:
        await _first_to_end(watching_task, leading_task, following_task)
        await watching_task
    finally:
        stop.set()
        await _end(watching_task, leading_task, following_task)
        await runner.cleanup()
        await kube.close()


async def _lead(
    settings: Settings,
    kube: client.Kube,
    queue: KeyQueue[Key],
    metrics: OperatorMetrics,
    files: CatalogFiles,
) -> None:
    """Wait for the Lease, then reconcile for as long as it is held."""
    leadership = Leadership(
        kube,
        LeaseSettings(
            namespace=settings.lease_namespace,
            name=settings.lease_name,
            identity=settings.identity,
            duration_seconds=settings.lease_seconds,
        ),
    )
    await leadership.acquire()
    metrics.leader.set(1)
    session = aiohttp.ClientSession()
    asking = Gateways(session, tell=Fallbacks(metrics.count_fallbacks).hear)
    worker = controllers.Controller(
        queue=queue,
        reconcile=_bound_reconcile(kube, settings, files, asking.ask, Engines(session).ask),
        metrics=metrics,
    )
    parts: list[Coroutine[Any, Any, None]] = [worker.work() for _ in range(settings.workers)]
    parts.append(leadership.keep())
    parts.append(
        controllers.resync(
            kube,
            queue,
            namespaces=settings.watched_namespaces,
            period_seconds=settings.resync_seconds,
            now=files.changed,
        )
    )
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await _first_to_end(*tasks)
        raise LeadershipLost(f"the Lease {settings.lease_name} is not held any more")
    except asyncio.CancelledError:
        # Told to stop while leading: no pass goes on when another replica may act.
        await _end(*tasks)
        await leadership.release()
        raise
    finally:
        metrics.leader.set(0)
        await _end(*tasks)
        await session.close()


def _bound_reconcile(
    kube: client.Kube,
    settings: Settings,
    files: CatalogFiles,
    ask_gateways: Ask,
    ask_engines: AskEngines,
) -> controllers.Reconcile:
    async def bound(key: Key, now: datetime) -> Outcome:
        return await reconcile(
            kube,
            key,
            images=settings.images,
            now=now,
            catalog=files.present,
            monitoring=settings.monitoring,
            ask_gateways=ask_gateways,
            ask_engines=ask_engines,
        )

    return bound


async def _first_to_end(*tasks: asyncio.Task[None]) -> None:
    """Wait until one task ends and raise what it raised: no part may die unnoticed."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        if not task.cancelled():
            task.result()


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait for them, whatever they end with."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=STOP_SECONDS)

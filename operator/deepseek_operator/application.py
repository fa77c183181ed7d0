"""The running operator: watch, lead, reconcile, stop."""

import asyncio
import contextlib
import functools
import logging
from datetime import datetime

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
from deepseek_operator.telemetry.sleepers import Sleepers

logger = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""How long passes under way may take to end when the operator is told to stop."""

RELEASE_SECONDS = 5.0
"""How long it may take to give the Lease back: nobody waits longer for it than for its end."""

CANCEL_SECONDS = 5.0
"""How long what was cancelled may take to end. With the other two it is less than a pod's grace, 30 s."""

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
        await _last_of(leading_task)

    registry = watches.build_registry(
        lambda namespace, name: queue.add(Key(namespace, name)),
        login=functools.partial(client.credentials, api),
        stopping=stop_leading,
    )
    watching_task = asyncio.create_task(
        watches.watch(registry, namespaces=settings.watched_namespaces, stop=stop, started=watching)
    )
    leading_task = asyncio.create_task(_lead(settings, kube, queue, metrics, files, stop=stop))
    following_task = asyncio.create_task(files.follow())
    try:
        await _first_to_end(watching_task, leading_task, following_task)
        await watching_task
    finally:
        stop.set()
        await _last_of(leading_task)
        await _end(watching_task, leading_task, following_task)
        await runner.cleanup()
        await kube.close()


async def _lead(
    settings: Settings,
    kube: client.Kube,
    queue: KeyQueue[Key],
    metrics: OperatorMetrics,
    files: CatalogFiles,
    *,
    stop: asyncio.Event,
) -> None:
    """Wait for the Lease, then reconcile for as long as it is held; returns when told to stop, the Lease given back."""
    leadership = Leadership(
        kube,
        LeaseSettings(
            namespace=settings.lease_namespace,
            name=settings.lease_name,
            identity=settings.identity,
            duration_seconds=settings.lease_seconds,
        ),
    )
    acquiring = asyncio.create_task(leadership.acquire())
    stopping = asyncio.create_task(_set(stop))
    try:
        await _first_to_end(acquiring, stopping)
        if not stop.is_set():
            await _act(
                settings, kube, queue, metrics, files, leadership=leadership, stopping=stopping
            )
    finally:
        await _end(acquiring, stopping)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RELEASE_SECONDS):
            await leadership.release()


async def _act(
    settings: Settings,
    kube: client.Kube,
    queue: KeyQueue[Key],
    metrics: OperatorMetrics,
    files: CatalogFiles,
    *,
    leadership: Leadership,
    stopping: asyncio.Task[None],
) -> None:
    """Reconcile until told to stop; LeadershipLost as soon as the Lease is not held any more."""
    metrics.leader.set(1)
    session = aiohttp.ClientSession()
    # Each question stays open: they are not to keep others from being asked.
    listening = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    sleepers: Sleepers[Key] = Sleepers(listening, lambda key: queue.add_after(key, 0))
    asking = Gateways(session, tell=Fallbacks(metrics.count_fallbacks).hear)
    worker = controllers.Controller(
        queue=queue,
        reconcile=_bound_reconcile(kube, settings, files, asking.ask, Engines(session).ask),
        metrics=metrics,
        follow=sleepers.follow,
    )
    working = [asyncio.create_task(worker.work()) for _ in range(settings.workers)]
    keeping = asyncio.create_task(leadership.keep())
    resyncing = asyncio.create_task(
        controllers.resync(
            kube,
            queue,
            namespaces=settings.watched_namespaces,
            period_seconds=settings.resync_seconds,
            now=files.changed,
            known=lambda: [Key(namespace, name) for namespace, name in metrics.objects],
        )
    )
    try:
        await _first_to_end(stopping, *working, keeping, resyncing)
        if not stopping.done():
            raise LeadershipLost(f"the Lease {settings.lease_name} is not held any more")
        queue.shut_down()
        await _passes_end(working, keeping)
    finally:
        # No pass goes on when another replica may act.
        metrics.leader.set(0)
        await _end(*working, keeping, resyncing)
        await sleepers.close()
        await session.close()
        await listening.close()


async def _passes_end(working: list[asyncio.Task[None]], keeping: asyncio.Task[None]) -> None:
    """Passes under way may end, for STOP_SECONDS and for as long as the Lease is kept meanwhile."""
    all_ended = asyncio.create_task(_all_of(working))
    await asyncio.wait(
        [all_ended, keeping], timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    await _end(all_ended)


async def _all_of(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


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


async def _last_of(leading: asyncio.Task[None]) -> None:
    """Wait until the leading part, which was told to stop, has ended by itself."""
    await asyncio.wait([leading], timeout=STOP_SECONDS + CANCEL_SECONDS + RELEASE_SECONDS)


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait for them, whatever they end with."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CANCEL_SECONDS)

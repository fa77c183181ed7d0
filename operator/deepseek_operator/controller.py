"""Workers, periodic resync and back-off around reconcile()."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from deepseek_operator.errors import Waiting
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.queue import KeyQueue
from deepseek_operator.reconcile import Key
from deepseek_operator.report import Outcome

logger = logging.getLogger(__name__)

Reconcile = Callable[[Key, datetime], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Controller:
    """Takes keys from the queue and gives each to one worker at a time."""

    queue: KeyQueue[Key]
    reconcile: Reconcile
    metrics: OperatorMetrics
    follow: Callable[[Key, tuple[str, ...]], None] | None = None
    """Told after each pass at which gateways a request wakes the object; at none where it does not sleep."""

    async def work(self) -> None:
        """One worker: pass after pass, until the queue is shut down."""
        while (key := await self.queue.take()) is not None:
            self.metrics.queue.set(len(self.queue))
            try:
                await self._one_pass(key)
            finally:
                self.queue.done(key)

    async def _one_pass(self, key: Key) -> None:
        started = time.monotonic()
        try:
            outcome = await self.reconcile(key, datetime.now(UTC))
        except Waiting as waiting:
            self.metrics.passes.labels("conflict").inc()
            if waiting.after_seconds:
                self.queue.add_after(key, waiting.after_seconds)
            else:
                self.queue.retry(key)
            return
        except (ApiError, UnreachableError) as error:
            self._failed(key, error, started, trace=False)
            return
        except Exception as error:  # noqa: BLE001 - one object's failure must not stop the others
            self._failed(key, error, started, trace=True)
            return
        self._succeeded(key, outcome, started)

    def _succeeded(self, key: Key, outcome: Outcome, started: float) -> None:
        seconds = time.monotonic() - started
        self.queue.forget(key)
        self.metrics.passes.labels(outcome.result).inc()
        self.metrics.seconds.observe(seconds)
        self.metrics.tell_object(
            key.namespace, key.name, outcome.status, first_token_seconds=outcome.first_token_seconds
        )
        if self.follow is not None:
            self.follow(key, outcome.asleep_at)
        if outcome.requeue_seconds is not None:
            self.queue.add_after(key, outcome.requeue_seconds)
        level = logging.INFO if outcome.writes else logging.DEBUG
        logger.log(
            level,
            "reconciled",
            extra={
                "key": str(key),
                "generation": outcome.generation,
                "outcome": outcome.result,
                "writes": outcome.writes,
                "seconds": round(seconds, 3),
            },
        )

    def _failed(self, key: Key, error: Exception, started: float, *, trace: bool) -> None:
        retry = self.queue.retry(key)
        self.metrics.passes.labels("failed").inc()
        self.metrics.seconds.observe(time.monotonic() - started)
        logger.error(
            "pass failed: %s",
            error,
            extra={"key": str(key), "retry_seconds": round(retry, 1)},
            exc_info=error if trace else None,
        )


async def resync(
    kube: Kube,
    queue: KeyQueue[Key],
    *,
    namespaces: tuple[str, ...],
    period_seconds: float,
    now: asyncio.Event | None = None,
    known: Callable[[], Iterable[Key]] = tuple,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Queue every object now and then: heals whatever a watch missed. The first time at once, and whenever `now` is set.

    `known` are those that metrics tell of: one that is not there any more gets a pass too, which finds it gone.
    """
    now = now or asyncio.Event()
    while True:
        now.clear()
        try:
            missing = set(known())
            for namespace in namespaces or (None,):
                for item in await kube.list_all(resources.DEEPSEEK_DEPLOYMENT, namespace):
                    key = Key(item["metadata"]["namespace"], item["metadata"]["name"])
                    missing.discard(key)
                    queue.add(key)
            for gone in missing:
                queue.add(gone)
        except (ApiError, UnreachableError) as error:
            logger.warning("resync failed, trying again soon: %s", error)
            await asyncio.sleep(min(5.0, period_seconds))
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(period_seconds * (0.9 + 0.2 * jitter())):
                await now.wait()

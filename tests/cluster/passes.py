"""Drives reconcile() without the operator around it: pass after pass until all is said and done."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from deepseek_operator.errors import Waiting
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.observed import Monitoring
from deepseek_operator.reconcile import Key, reconcile
from deepseek_operator.report import Outcome
from tests.cluster.objects import IMAGES, Cluster, condition


async def one_pass(kube: Kube, key: Key, *, monitoring: Monitoring | None = None) -> Outcome:
    """One pass at the present time."""
    now = datetime.now(UTC)
    return await reconcile(kube, key, images=IMAGES, now=now, monitoring=monitoring)


async def settle(
    kube: Kube,
    cluster: Cluster,
    name: str,
    *,
    seconds: float = 60.0,
    between: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Pass after pass, whatever fails, until one finds nothing to do and users are served.

    `between` passes others do what they do.

    Returns the number of passes that wrote something.
    """
    key, deadline, writing = Key(cluster.namespace, name), time.monotonic() + seconds, 0
    while True:
        try:
            outcome = await one_pass(kube, key)
        except (ApiError, UnreachableError, Waiting):
            outcome = None
        if between is not None:
            await between()
        if outcome is not None and outcome.writes:
            writing += 1
        elif outcome is not None and _is_settled(await cluster.get(name)):
            return writing
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} did not settle: {await cluster.get(name)}")
        # As long as a pass writes the next follows at once; else pods need a moment.
        await asyncio.sleep(0.0 if outcome is not None and outcome.writes else 0.4)


def _is_settled(manifest: dict[str, object]) -> bool:
    return all(
        condition(manifest, kind).get("status") == status
        for kind, status in (("Ready", "True"), ("Reconciling", "False"), ("RolledOut", "True"))
    )

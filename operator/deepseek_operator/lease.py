"""Leadership by a Lease: of several replicas one acts.

The holder renews every third of the lease's duration and gives up acting when it could not renew for
two thirds of it, measured on its own monotonic clock, so that clocks of replicas need not agree. A
follower takes over when the Lease has not *changed* for its whole duration, as the follower saw it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, UnreachableError

logger = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """Which Lease, who we are, and how long a silent holder keeps it (seconds)."""

    namespace: str
    name: str
    identity: str
    duration_seconds: float


class Leadership:
    """Acquires the Lease and keeps it; `lost` ends when this replica must not act any more."""

    def __init__(
        self,
        kube: Kube,
        settings: LeaseSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives monotonic seconds."""
        self._kube = kube
        self._settings = settings
        self._clock = clock
        self._seen_version: str | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def acquire(self) -> None:
        """Return once this replica holds the Lease."""
        duration = self._settings.duration_seconds
        # An answer that took longer than a third may come when the Lease is another's again.
        while not await self._try_hold_by(self._clock() + duration / 3):  # noqa: ASYNC110
            await asyncio.sleep(duration / 5)
        logger.info("leading", extra={"lease": self._settings.name})

    async def keep(self) -> None:
        """Renew for as long as that works; returns when leadership is lost."""
        duration = self._settings.duration_seconds
        while True:
            await asyncio.sleep(max(0.0, self._renewed_at + duration / 3 - self._clock()))
            give_up_at = self._renewed_at + duration * 2 / 3
            while not await self._try_hold_by(give_up_at):
                if self._holder is not None and self._holder != self._settings.identity:
                    return
                if self._clock() >= give_up_at:
                    return
                await asyncio.sleep(duration / 15)

    async def release(self) -> None:
        """Let another replica take over at once."""
        lease = await self._read()
        if lease is None or lease["spec"].get("holderIdentity") != self._settings.identity:
            return
        lease["spec"] = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._kube.replace(resources.LEASE, lease)
        except (ApiError, UnreachableError) as error:
            logger.warning("the lease could not be released: %s", error)

    _holder: str | None = None

    async def _try_hold_by(self, deadline: float) -> bool:
        """An attempt that ends by then: a call may hang for longer than the Lease is ours."""
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                return await self._try_hold()
        except TimeoutError:
            logger.warning("the lease could not be taken or renewed in time")
            return False

    async def _try_hold(self) -> bool:
        """One attempt to take or renew the Lease; False also when the API gives no answer."""
        started = self._clock()
        try:
            lease = await self._kube.get(
                resources.LEASE, self._settings.namespace, self._settings.name
            )
            if lease is None:
                await self._kube.create(resources.LEASE, self._new_lease())
            elif self._may_take(lease):
                await self._kube.replace(resources.LEASE, self._taken(lease))
            else:
                return False
        except (ApiError, UnreachableError) as error:
            self._holder = None
            logger.warning("the lease could not be taken or renewed: %s", error)
            return False
        # From before the call: the server's own clock started somewhere in between.
        self._renewed_at = started
        self._holder = self._settings.identity
        return True

    def _may_take(self, lease: Manifest) -> bool:
        holder = lease["spec"].get("holderIdentity") or ""
        self._holder = holder or None
        if holder in ("", self._settings.identity):
            return True
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self._clock()
            return False
        silent = self._clock() - self._seen_at
        return silent > float(lease["spec"].get("leaseDurationSeconds", 0))

    async def _read(self) -> Manifest | None:
        try:
            return await self._kube.get(
                resources.LEASE, self._settings.namespace, self._settings.name
            )
        except (ApiError, UnreachableError):
            return None

    def _new_lease(self) -> Manifest:
        return {
            "apiVersion": resources.LEASE.api_version,
            "kind": resources.LEASE.kind,
            "metadata": {"name": self._settings.name, "namespace": self._settings.namespace},
            "spec": self._spec(transitions=0, acquired=_now()),
        }

    def _taken(self, lease: Manifest) -> Manifest:
        spec = lease["spec"]
        ours = spec.get("holderIdentity") == self._settings.identity
        transitions = int(spec.get("leaseTransitions", 0)) + (0 if ours else 1)
        acquired = spec.get("acquireTime") if ours else _now()
        return {**lease, "spec": self._spec(transitions=transitions, acquired=acquired)}

    def _spec(self, *, transitions: int, acquired: Any) -> Manifest:
        return {
            "holderIdentity": self._settings.identity,
            "leaseDurationSeconds": round(self._settings.duration_seconds),
            "acquireTime": acquired,
            "renewTime": _now(),
            "leaseTransitions": transitions,
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

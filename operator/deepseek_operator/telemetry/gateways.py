"""Asks the pods of a gateway how far they are."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from deepseek_operator.build.gateway import REPORT_PORT
from deepseek_operator.observed import Gateway, Manifest
from deepseek_operator.telemetry import bodies

Ask = Callable[[Sequence[Manifest]], Awaitable[tuple[Gateway, ...]]]
"""From a gateway's pods to what each of them said."""

_TIMEOUT_SECONDS = 3.0


class Gateways:
    """Asks over one session; a pod that does not answer is one without a report."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        port: int = REPORT_PORT,
        tell: Callable[[Manifest, Manifest], None] | None = None,
    ) -> None:
        """`port` is the same on every pod; `tell` hears each pod's report."""
        self._session = session
        self._port = port
        self._tell = tell

    async def ask(self, pods: Sequence[Manifest]) -> tuple[Gateway, ...]:
        """All at once; those on their way out are not asked."""
        staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return tuple(await asyncio.gather(*map(self._one, staying)))

    async def _one(self, pod: Manifest) -> Gateway:
        address = pod.get("status", {}).get("podIP")
        report = None if address is None else await self._report(str(address))
        if report is not None and self._tell is not None:
            self._tell(pod, report)
        return Gateway(pod["metadata"]["name"], is_ready(pod), report)

    async def _report(self, address: str) -> Manifest | None:
        text = await bodies.page(
            self._session, address, self._port, "/report", seconds=_TIMEOUT_SECONDS
        )
        try:
            found = None if text is None else json.loads(text)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


async def ask_nobody(pods: Sequence[Manifest]) -> tuple[Gateway, ...]:
    """Where gateways cannot be reached."""
    return tuple(Gateway(pod["metadata"]["name"], is_ready(pod), None) for pod in pods)


def is_ready(pod: Manifest) -> bool:
    """Whether a pod gets requests."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

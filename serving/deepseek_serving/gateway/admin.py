"""Envoy's own interface, which only this pod may reach."""

from dataclasses import asdict
from typing import Any

import aiohttp

from deepseek_serving.gateway import counts
from deepseek_serving.gateway.bootstrap import ADMIN_PORT

_SECONDS = aiohttp.ClientTimeout(total=5)


class Admin:
    """Asks an Envoy for its statistics, and to drain."""

    def __init__(self, session: aiohttp.ClientSession, port: int = ADMIN_PORT) -> None:
        """`port` is on this pod's loopback."""
        self._session = session
        self._url = f"http://127.0.0.1:{port}"

    async def counted(self) -> dict[str, Any]:
        """All requests since Envoy started, and those that run."""
        statistics = await self._statistics(counts.FILTER)
        return {
            "requests": [asdict(count) for count in counts.requests(statistics)],
            "active": counts.active(statistics),
        }

    async def prometheus(self) -> str:
        """Its statistics in Prometheus's form, those that were never used left out; and the fallbacks."""
        async with self._session.get(
            f"{self._url}/stats/prometheus", params={"usedonly": ""}, timeout=_SECONDS
        ) as response:
            response.raise_for_status()
            text = await response.text()
        counted = counts.requests(await self._statistics(counts.FILTER))
        return f"{text.rstrip()}\n{counts.exposition(counted)}"

    async def active_requests(self) -> int:
        """Of clients, on this Envoy."""
        statistics = await self._statistics(r"^http\.clients\.downstream_rq_active$")
        return sum(int(item["value"]) for item in statistics if "value" in item)

    async def _statistics(self, pattern: str) -> list[dict[str, Any]]:
        """Those whose names match."""
        query = {"format": "json", "filter": pattern}
        async with self._session.get(
            f"{self._url}/stats", params=query, timeout=_SECONDS
        ) as response:
            response.raise_for_status()
            found: list[dict[str, Any]] = (await response.json(content_type=None))["stats"]
            return found

    async def drain(self) -> None:
        """No new connections; those there are are asked to go, and what runs may end."""
        async with self._session.post(
            f"{self._url}/drain_listeners?graceful&skip_exit", timeout=_SECONDS
        ) as response:
            response.raise_for_status()

"""Envoy's own interface, which only this pod may reach."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import aiohttp

from deepseek_serving.gateway import counts, metrics
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
        statistics = await self.statistics(counts.FILTER)
        return {
            "requests": [asdict(count) for count in counts.requests(statistics)],
            "active": counts.active(statistics),
            "copies": [asdict(copies) for copies in counts.copies(statistics)],
        }

    async def prometheus(self) -> str:
        """All its own statistics in Prometheus's form, those that were never used left out."""
        return await self._page("/stats/prometheus", usedonly="")

    async def metrics(self, report: Mapping[str, Any]) -> str:
        """The gateway's metrics; `report` is the agent's."""
        statistics = await self.statistics(counts.FILTER)
        histogram = f"^{re.escape(metrics.FIRST_BYTE)}"
        told = metrics.Told(
            report=report,
            requests=counts.requests(statistics),
            clients=counts.clients(statistics),
            active=counts.active(statistics),
            copies=counts.copies(statistics),
            classes=counts.classes(statistics),
            first_byte=await self._page("/stats/prometheus", usedonly="", filter=histogram),
            expires=await self.expires() if "tls" in report.get("secrets", {}) else None,
        )
        return metrics.page(told)

    async def expires(self) -> datetime | None:
        """When the certificate ends that clients are shown; None while there is none."""
        found = json.loads(await self._page("/certs"))["certificates"]
        ends = [
            datetime.fromisoformat(one["expiration_time"])
            for item in found
            for one in item.get("cert_chain", [])
        ]
        return min(ends, default=None)

    async def _page(self, path: str, **query: str) -> str:
        async with self._session.get(
            f"{self._url}{path}", params=query, timeout=_SECONDS
        ) as response:
            response.raise_for_status()
            return await response.text()

    async def active_requests(self) -> int:
        """Of clients, on this Envoy."""
        statistics = await self.statistics(r"^http\.clients\.downstream_rq_active$")
        return sum(int(item["value"]) for item in statistics if "value" in item)

    async def statistics(self, pattern: str) -> list[dict[str, Any]]:
        """Those whose names match, as Envoy gives them."""
        page = await self._page("/stats", format="json", filter=pattern)
        found: list[dict[str, Any]] = json.loads(page)["stats"]
        return found

    async def drain(self) -> None:
        """No new connections; those there are are asked to go, and what runs may end."""
        async with self._session.post(
            f"{self._url}/drain_listeners?graceful&skip_exit", timeout=_SECONDS
        ) as response:
            response.raise_for_status()

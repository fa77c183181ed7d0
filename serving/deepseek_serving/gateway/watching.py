"""A watch on one kind of object of a namespace, for ever: lists, watches, and lists again.

Plain requests: the official client takes as much memory as all the rest of an agent, of which each gateway
pod has one.
"""

import asyncio
import contextlib
import json
import logging
import math
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

logger = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SILENCE_SECONDS = 90.0
"""The API server sends a bookmark each minute: a connection that is silent for longer is dead."""
_STILL_SECONDS = 75.0
"""One that has been silent for so long and speaks again was away, bookmark and all."""
_WATCH_SECONDS = 300
_LIST_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_LONGEST_LINE = 4 * 1024 * 1024
"""An event holds one object, which is at most 1.5 MiB in etcd."""

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
"""What an answer raises that is not one of an API server's."""

Objects = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the API server is, and who asks."""

    url: str
    token_file: Path | None = None
    """Read anew for each connection: tokens are exchanged every hour."""
    tls: ssl.SSLContext | None = None

    def headers(self) -> dict[str, str]:
        """What says who asks."""
        headers = {"Accept": "application/json", "User-Agent": "deepseek-gateway"}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {self.token_file.read_text().strip()}"
        return headers


def in_cluster(environment: Mapping[str, str]) -> Cluster:
    """As the kubelet tells a pod."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    host = f"[{host}]" if ":" in host else host
    tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    return Cluster(f"https://{host}:{port}", ACCOUNT / "token", tls)


@dataclass(slots=True)
class Watch:
    """Keeps `objects` as the API server has them, and calls `changed` after each change."""

    cluster: Cluster
    path: str
    """Of the collection: /api/v1/namespaces/team/configmaps"""
    query: Mapping[str, str]
    changed: Callable[[Objects], None]
    returned: Callable[[float], None] = lambda _: None
    """Called before `changed` when the API server answers again: for how many seconds it did not, inf where this watch
    has never known it."""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_current: bool = False
    """Whether the API server answers; if not, `objects` are as they were last seen."""
    trouble: str | None = None
    """Why it is not current, in words."""
    _heard: float | None = None
    _lost: float | None = None
    """When it failed first, since it last answered."""

    async def run(self, session: aiohttp.ClientSession) -> None:
        """For ever; what cannot be reached is tried again."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                version = await self._list(session)
                pause = _FIRST_PAUSE_SECONDS
                await self._watch(session, version)
            except (aiohttp.ClientError, TimeoutError, OSError, *_MALFORMED) as error:
                self.is_current = False
                self._lost = time.monotonic() if self._lost is None else self._lost
                self.trouble = f"{self.path} cannot be watched: {_said(error)}"
                logger.warning("watch", extra={"path": self.path, "error": _said(error)})
            # In any case: an API server that ends every watch at once is not to be asked without end.
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _list(self, session: aiohttp.ClientSession) -> str:
        timeout = aiohttp.ClientTimeout(total=_LIST_SECONDS)
        async with session.get(
            self._url(),
            params=dict(self.query),
            headers=self.cluster.headers(),
            timeout=timeout,
        ) as response:
            response.raise_for_status()
            found = await response.json()
        self.objects = {item["metadata"]["name"]: item for item in found["items"]}
        version = str(found["metadata"]["resourceVersion"])
        self.is_current, self.trouble = True, None
        self._hear()
        self.changed(self.objects)
        return version

    async def _watch(self, session: aiohttp.ClientSession, version: str) -> None:
        """Until the API server wants a new list; it ends a watch by itself after a while."""
        while True:
            query = {
                **self.query,
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": str(_WATCH_SECONDS),
            }
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=_LIST_SECONDS, sock_read=_SILENCE_SECONDS
            )
            async with session.get(
                self._url(), params=query, headers=self.cluster.headers(), timeout=timeout
            ) as response:
                if response.status == 410:
                    return
                response.raise_for_status()
                self.is_current = True
                self._heard = time.monotonic()
                async for event in _events(response.content):
                    if event["type"] == "ERROR":
                        # Most often 410: what has happened since is not kept so long.
                        return
                    self._hear()
                    version = self._take(event)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)

    def _hear(self) -> None:
        now = time.monotonic()
        away = 0.0 if self._lost is None else now - self._lost
        if self._heard is None:
            away = 0.0 if self._lost is None else math.inf
        elif now - self._heard > _STILL_SECONDS:
            away = max(away, now - self._heard)
        self._heard, self._lost = now, None
        if away:
            self.returned(away)

    def _take(self, event: dict[str, Any]) -> str:
        metadata = event["object"]["metadata"]
        if event["type"] == "DELETED":
            self.objects.pop(metadata["name"], None)
            self.changed(self.objects)
        elif event["type"] in ("ADDED", "MODIFIED"):
            self.objects[metadata["name"]] = event["object"]
            self.changed(self.objects)
        return str(metadata["resourceVersion"])

    def _url(self) -> str:
        return self.cluster.url + self.path


def _said(error: Exception) -> str:
    """What went wrong, and who can mend it."""
    if isinstance(error, aiohttp.ClientResponseError):
        remedies = {
            401: "is its token still good?",
            403: "may its ServiceAccount list and watch it?",
        }
        remedy = f": {remedies[error.status]}" if error.status in remedies else ""
        return f"the API server answers {error.status} {error.message}{remedy}"
    return str(error) or type(error).__name__


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The objects of a stream, one a line; a line may be longer than what comes at once."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"an event of more than {_LONGEST_LINE} bytes")


@contextlib.asynccontextmanager
async def connected(cluster: Cluster) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for watches."""
    connector = aiohttp.TCPConnector(ssl=cluster.tls if cluster.tls is not None else True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session

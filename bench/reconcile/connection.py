"""JSON over HTTPS to the API server, for whoever drives and watches the operators under test."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

Manifest = dict[str, Any]

MERGE = "application/merge-patch+json"


class Refused(Exception):  # noqa: N818 - an answer
    """The API server said no; the text is its answer."""

    def __init__(self, code: int, message: str) -> None:
        """Keep the HTTP status beside the message."""
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Connection:
    """One user's connections to an API server."""

    session: aiohttp.ClientSession
    server: str

    async def send(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Manifest:
        """One request; Refused for anything but success."""
        data = None if body is None else json.dumps(body)
        async with self.session.request(
            method, self.server + path, data=data, headers={"Content-Type": content}
        ) as response:
            text = await response.text()
            if response.status >= 300:
                raise Refused(response.status, text)
            answer: Manifest = json.loads(text)
            return answer

    async def watch(self, path: str) -> AsyncIterator[Manifest]:
        """The objects of a collection as they are now, then as they change, for as long as asked."""
        async with self.session.get(f"{self.server}{path}?watch=1") as response:
            if response.status >= 300:
                raise Refused(response.status, await response.text())
            rest = b""
            # Not line by line: aiohttp bounds the length of a line, and objects are longer.
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event: Manifest = json.loads(line)
                    yield event


@asynccontextmanager
async def connected(server: str, pki: Path, user: str) -> AsyncIterator[Connection]:
    """A connection with the certificate of a user."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
    ) as session:
        yield Connection(session, server)

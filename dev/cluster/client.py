"""The little of the Kubernetes API that set-up needs, over plain HTTPS and JSON."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10


class Refused(Exception):  # noqa: N818 - an answer
    """The API server answered, and the answer was no."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status beside the message."""
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    """An administrator's connection to an API server."""

    server: str
    context: ssl.SSLContext

    def get(self, path: str) -> Any:
        """The JSON that a path answers."""
        return json.loads(self.request("GET", path))

    def create(self, path: str, body: object) -> bool:
        """Create an object in a collection; false when it was there already."""
        try:
            self.request("POST", path, body)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            return False
        return True

    def ready(self) -> bool:
        """Whether the API server says that it is ready to serve."""
        try:
            return self.request("GET", "/readyz") == b"ok"
        except (OSError, Refused):
            return False

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """One request; Refused when the answer is an error, OSError when there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - always https
            f"{self.server}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context)
        )
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode(errors="replace")) from None


def administrator(server: str, pki: Path) -> Client:
    """A client with the administrator's certificate."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return Client(server, context)

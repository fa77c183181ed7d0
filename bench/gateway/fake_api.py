"""FakeApi: an API server as far as a gateway's agent asks it."""

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from deepseek_operator.build import gateway_document

Manifest = dict[str, Any]


@dataclass(slots=True)
class FakeApi:
    """Lists and watches of one ConfigMap, which changes, and of EndpointSlices, which do not."""

    slices: list[Manifest]
    document: Manifest
    version: int = 1
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False

    def tell(self, document: Manifest) -> None:
        """What the operator would write into the ConfigMap."""
        with self._changed:
            self.document = document
            self.version += 1
            self._changed.notify_all()

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Its address, for as long as the context."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(asked.query)
                if "watch" in query:
                    api._watch(self, asked.path, int(query["resourceVersion"][0]))
                else:
                    api._list(self, asked.path)

            def log_message(self, *_: Any, **_named: Any) -> None:
                """Nothing is told of each request."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            server.shutdown()
            server.server_close()

    def _config_map(self) -> Manifest:
        return {
            "metadata": {"name": "chat-gateway", "resourceVersion": str(self.version)},
            "data": {gateway_document.DOCUMENT_KEY: json.dumps(self.document)},
        }

    def _list(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        with self._changed:
            items = [self._config_map()] if path.endswith("/configmaps") else self.slices
            told = {"metadata": {"resourceVersion": str(self.version)}, "items": items}
        body = json.dumps(told).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _watch(self, handler: BaseHTTPRequestHandler, path: str, version: int) -> None:
        """Each change of the ConfigMap as it happens; slices never change here."""
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        while (item := self._next(version)) is not None:
            version = int(item["metadata"]["resourceVersion"])
            if path.endswith("/configmaps"):
                event = json.dumps({"type": "MODIFIED", "object": item}) + "\n"
                handler.wfile.write(event.encode())

    def _next(self, version: int) -> Manifest | None:
        """The ConfigMap once it is newer than this version; None when the server ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self.version > version)
            return None if self._ended else self._config_map()

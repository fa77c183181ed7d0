"""Keeps the first lock of an engine pod: `python3 -m deepseek_serving.warmup.warden --state DIR ...`.

It runs beside the engine for as long as the pod lives, hence with the standard library only. The
engine's readiness probe (engine/ready.py) and this server share a directory: the probe writes there
which process it sees, and passes once a marker names that process. Only this server writes markers,
and only for who knows the token, so no other pod can open the lock. With --compiled and --store, what
the engine has compiled by then is kept for the pods that come after (engine/compiled.py).

    GET  /start    {"processStart": "<boot id>-<clock ticks>" or null, "ageSeconds": since the probe
                   saw it, or null, "warm": whether its marker is there}
    POST /warm     {"processStart": ...}, with the header Authorization: Bearer <token>
                   200 the marker is there, 400 no such document, 401 another token,
                   409 another process runs, 500 the marker cannot be written
    GET  /healthz  200, or 503 with what is missing
"""

import argparse
import contextlib
import hashlib
import hmac
import http.server
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepseek_serving.engine import compiled, ready

PORT = 8001

MAX_BODY_BYTES = 4096
"""The document is under 100 bytes."""

MAX_CONNECTIONS = 16
"""At once; the kubelet and one warm-up need two. Each is a thread."""

SILENCE_SECONDS = 5.0
"""A client that says nothing for so long is cut off."""

_START = re.compile(r"[0-9a-f-]{36}-[0-9]{1,20}")

Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what the engine of this pod compiled: `owner` names the pod among others."""

    compiled: Path
    store: Path
    owner: str

    def keep(self) -> str:
        """Publish and tidy up; what happened, for the log. Never raises: this is a courtesy."""
        try:
            key = compiled.key_file(self.compiled).read_text()
            copied = compiled.publish(self.store, key, self.compiled, owner=self.owner)
        except compiled.NotKept as reason:
            return f"not kept: {reason}"
        except OSError as error:
            return f"what was compiled cannot be kept: {error}"
        gone = compiled.prune(self.store)
        removed = f"; removed {', '.join(gone)}" if gone else ""
        return f"kept what was compiled under key {key}: {copied}{removed}"


@dataclass(frozen=True, slots=True)
class Warden:
    """The directory shared with the readiness probe, and the file with the token."""

    state: Path
    token_file: Path
    keeper: Keeper | None = None
    keeping: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> str | None:
        """The process that the probe saw last."""
        with contextlib.suppress(OSError):
            text = (self.state / ready.START_FILE).read_text()
            return text if _START.fullmatch(text) else None
        return None

    def show(self) -> Answer:
        """What the probe saw, and when."""
        start, age = self.start(), None
        with contextlib.suppress(OSError):
            written = (self.state / ready.START_FILE).stat().st_mtime
            age = round(max(0.0, time.time() - written), 3)
        warm = start is not None and ready.warm_marker(self.state, start).exists()
        return 200, {"processStart": start, "ageSeconds": age, "warm": warm}

    def health(self) -> Answer:
        """Whether a lock could be opened."""
        if not self.state.is_dir():
            return 503, {"error": f"{self.state} is no directory"}
        if not self._token():
            return 503, {"error": f"{self.token_file} holds no token"}
        return 200, {"status": "ok"}

    def open(self, authorization: str, body: bytes) -> Answer:
        """Write the marker, if this caller may and means the process that runs."""
        if not self._is_allowed(authorization):
            return 401, {"error": "the token is another"}
        try:
            named = json.loads(body)["processStart"]
        except (ValueError, TypeError, LookupError):
            return 400, {"error": "no document with a processStart"}
        start = self.start()
        if start is None or named != start:
            return 409, {"error": "another process runs", "processStart": start}
        try:
            self._write_marker(start)
        except OSError as error:
            return 500, {"error": str(error)}
        self._keep()
        return 200, {"processStart": start, "warm": True}

    def _keep(self) -> None:
        """Beside the answer: the pod is open, and copying may take a while."""
        if self.keeper is not None:
            threading.Thread(target=self._keep_once, args=(self.keeper,), daemon=True).start()

    def _keep_once(self, keeper: Keeper) -> None:
        with self.keeping:
            print(keeper.keep(), flush=True)

    def _is_allowed(self, authorization: str) -> bool:
        # Read each time: a Secret may change while it is mounted. Without a token nobody may.
        token = self._token()
        given = authorization.encode("latin-1", "replace")
        return bool(token) and hmac.compare_digest(given, b"Bearer " + token)

    def _token(self) -> bytes:
        with contextlib.suppress(OSError):
            return self.token_file.read_bytes().strip()
        return b""

    def _write_marker(self, start: str) -> None:
        marker = ready.warm_marker(self.state, start)
        temporary = marker.with_name(f".{marker.name}.{threading.get_ident()}")
        temporary.write_text(start)
        temporary.replace(marker)


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP around a Warden."""

    warden: Warden
    timeout = SILENCE_SECONDS
    server_version = "warden"
    sys_version = ""

    def do_GET(self) -> None:
        """/start and /healthz."""
        match self.path:
            case "/start":
                self._answer(self.warden.show())
            case "/healthz":
                self._answer(self.warden.health())
            case _:
                self._answer((404, {"error": "there are /start, /warm and /healthz"}))

    def do_POST(self) -> None:
        """/warm."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/warm":
            self._answer((404, {"error": "there is only /warm to post to"}))
        elif not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self._answer((413, {"error": f"a body of at most {MAX_BODY_BYTES} bytes"}))
        else:
            body = self.rfile.read(int(length))
            answer = self.warden.open(self.headers.get("Authorization", ""), body)
            print(f"POST /warm: {answer[0]} {json.dumps(answer[1])}", flush=True)
            self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        body = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any, **_named: Any) -> None:
        """Nothing: the kubelet and the warm-up ask often."""


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection, and no more of them than a small container can bear."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], warden: Warden) -> None:
        handler = type("BoundHandler", (Handler,), {"warden": warden})
        super().__init__(address, handler)
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Wait for a free place, at most until the slowest client is cut off."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's
        """One line: clients that go away are no fault."""
        print(f"{client_address}: {sys.exc_info()[1]!r}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python3 -m deepseek_serving.warmup.warden",
        description=(__doc__ or "").partition(":")[0],
    )
    parser.add_argument(
        "--state", type=Path, required=True, help="directory shared with the readiness probe"
    )
    parser.add_argument(
        "--token-file", type=Path, required=True, help="file with the token of the warm-up"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
    parser.add_argument("--compiled", type=Path, metavar="DIR", help="where the engine compiles to")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where that is kept")
    options = parser.parse_args(arguments)
    if bool(options.compiled) != bool(options.store):
        parser.error("--compiled and --store go together")
    # Process 1 of a container has no default handlers: without this, stopping takes the whole grace.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keeper = _keeper(options.compiled, options.store, options.token_file)
    warden = Warden(options.state, options.token_file, keeper)
    with Server(("", options.port), warden) as server:
        print(f"listening on port {server.server_address[1]}", flush=True)
        server.serve_forever()
    return 0


def _keeper(engine: Path | None, store: Path | None, token_file: Path) -> Keeper | None:
    if engine is None or store is None:
        return None
    # A digest: the pod's token does not belong on a volume.
    owner = hashlib.sha256(token_file.read_bytes()).hexdigest()[:12]
    return Keeper(engine, store, owner)


if __name__ == "__main__":
    sys.exit(main())

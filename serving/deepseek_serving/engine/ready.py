"""Readiness of an engine container: `ready.py --port 8000 --model NAME`, exit code 0 when ready.

The first time in the life of a process it asks for one token, because an engine's health endpoint
answers before it ever computed one. After that it asks for health only: a check that computes would
queue behind users' requests and take a busy pod out of service just when it is needed. What was seen
is kept in a file that names process 1's start, so a restarted container is asked anew.

With --require-warm it first writes, into the directory of --state, which process it sees, and is not
ready until the pod's warden (warmup/warden.py) has left there the marker of exactly that process. A
restarted container is another process, hence cold again, whoever is or is not there to warm it.
"""

import argparse
import http.client
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROBE_SECONDS = 25.0
"""Below the probe's own time-out, so that the reason is printed and not only a kill seen."""


BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
"""Names this run of the node: clock ticks since boot may come again after a reboot, and volumes stay."""

START_FILE = "process-start"
"""In the shared directory: process 1 as this probe last saw it; written anew each time, so that its
age says when."""


class NotReady(Exception):  # noqa: N818 - a state, not a failure
    """The engine does not answer as it should; the text says how."""


def process_start(stat: str) -> str:
    """Start time of a process, in clock ticks since boot: field 22 of /proc/<pid>/stat.

    The second field is the command's name in parentheses and may hold spaces and parentheses.
    """
    return stat.rpartition(")")[2].split()[19]


def unique_start(stat: str, boot_id: str) -> str:
    """What no other process of this node ever is: `<boot id>-<clock ticks>`."""
    return f"{boot_id.strip()}-{process_start(stat)}"


def warm_marker(directory: Path, start: str) -> Path:
    """The file whose presence says that this process has been warmed up."""
    return directory / f"warm-{start}"


def note_start(directory: Path, start: str) -> None:
    """Let the warden know which process runs; it never reads half a name."""
    temporary = directory / f".{START_FILE}.{os.getpid()}"
    try:
        temporary.write_text(start)
        temporary.replace(directory / START_FILE)
    except OSError as error:
        raise NotReady(f"cannot write to the shared directory: {error}") from error


def marker_path(directory: Path, stat: str) -> Path:
    """The file whose presence says that the process with this stat line has answered."""
    return directory / f"answered-{process_start(stat)}"


def check_answer(body: Any) -> None:
    """Raise NotReady unless a completion response holds at least one generated token."""
    usage = body.get("usage") if isinstance(body, dict) else None
    tokens = usage.get("completion_tokens", 0) if isinstance(usage, dict) else 0
    if not tokens:
        raise NotReady(f"the engine answered without a token: {json.dumps(body)[:200]}")


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    """One request to the engine; its JSON answer, or None where it has no body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{method} {path}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NotReady(f"{method} {path}: status {response.status} {answer[:200]!r}")
    try:
        return json.loads(answer) if answer else None
    except ValueError as error:
        raise NotReady(f"{method} {path}: no JSON: {answer[:200]!r}") from error


def check_ready(port: int, model: str, *, state: Path, stat: str) -> None:
    """Raise NotReady, with the reason, unless users' requests may come."""
    marker = marker_path(state, stat)
    if marker.exists():
        ask(port, "GET", "/health")
        return
    request = {"model": model, "prompt": "Hello", "max_tokens": 1, "temperature": 0}
    check_answer(ask(port, "POST", "/v1/completions", request))
    marker.touch()


def check_warm(port: int, *, state: Path, start: str) -> None:
    """Raise NotReady unless this very process has been warmed up."""
    note_start(state, start)
    if not warm_marker(state, start).exists():
        ask(port, "GET", "/health")
        raise NotReady(f"not warmed up yet: {state} has no marker of process {start}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print why the engine is not ready and return 1, or return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True, help="port of the engine's HTTP server")
    parser.add_argument("--model", required=True, help="name under which the engine serves")
    parser.add_argument(
        "--state", type=Path, default=Path("/tmp"), help="writable directory (default: /tmp)"
    )
    parser.add_argument(
        "--require-warm",
        action="store_true",
        help="fail until the marker of this process is in the directory of --state",
    )
    options = parser.parse_args(arguments)
    stat = Path("/proc/1/stat").read_text()
    try:
        if options.require_warm:
            start = unique_start(stat, BOOT_ID_FILE.read_text())
            check_warm(options.port, state=options.state, start=start)
        check_ready(options.port, options.model, state=options.state, stat=stat)
    except NotReady as reason:
        print(reason)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fetch a model into a directory: python3 -m deepseek_serving.weights --source SOURCE --target DIRECTORY.

The exit code is 0 when the directory holds the whole model and .complete.json says so, 1 when a
later attempt may succeed, and 2 when a person must act first. With --list instead of --target it
only says how much there is to fetch.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from deepseek_serving.weights.errors import FetchError, Reason, Stopped, Temporary
from deepseek_serving.weights.fetch import Fetch, Outcome, Request, Survey
from deepseek_serving.weights.inventory import Inventory
from deepseek_serving.weights.retries import Policy
from deepseek_serving.weights.sources.names import FORMS

T_co = TypeVar("T_co", covariant=True)

TERMINATION_LOG = Path("/dev/termination-log")
MOST_RESULT_BYTES = 4096
"""What a kubelet reads of a termination message."""

PROGRESS_SECONDS = 2.0
WAKE_SECONDS = 0.2
STOP_SECONDS = 5.0
"""How long is waited for an orderly end; what is in the volume is safe at any moment."""

USUAL = Policy()

EPILOG = f"""\
sources:
  {FORMS.replace(chr(10), chr(10) + "  ")}

environment (secrets come from here only, and are never shown):
  HF_TOKEN, HF_ENDPOINT                       hf: token, and address of a mirror
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL
                                              s3: without them the pod's own account, or none
  DOCKER_CONFIG                               oci: directory of config.json (or .dockerconfigjson)
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY           proxies
  SSL_CERT_FILE                               authorities trusted instead of the image's

output: one JSON object a line on standard output at most every {PROGRESS_SECONDS:g} seconds (phase, bytesDone,
bytesTotal, filesDone, filesTotal, bytesPerSecond, secondsLeft, currentFile); words on standard error.

--list: the result, and one line on standard output, is {{"files": N, "bytes": TOTAL, "roomBytes": ROOM,
"revision": "...", "seconds": S}}: what a fetch would take, which is its bytesTotal, and what it needs in a
volume: an archive (.tar, image layer) lies beside what is unpacked of it. Nothing is fetched or stored.

exit code: 0 the model is whole or listed, 1 a later attempt may succeed, 2 a person must act.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; nothing secret belongs on it."""
    made = argparse.ArgumentParser(
        prog="python3 -m deepseek_serving.weights",
        description="Fetch a model once into a directory: resumable, verified, never half-written.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--source", required=True, help="where the model is; see below")
    either = made.add_mutually_exclusive_group(required=True)
    either.add_argument("--target", type=Path, metavar="DIRECTORY", help="where it goes")
    either.add_argument(
        "--list", action="store_true", help="say how much there is to fetch, and fetch nothing"
    )
    add(
        "--result-file",
        type=Path,
        metavar="FILE",
        help=f"gets the result as JSON, at most 4 KiB (default: {TERMINATION_LOG}, if there)",
    )
    _add_limits(made)
    return made


def _add_limits(made: argparse.ArgumentParser) -> None:
    """How much at once, and how patiently."""
    add = made.add_argument
    add(
        "--stall-timeout",
        type=_positive(float),
        default=120.0,
        metavar="SECONDS",
        help="a transfer without a byte for so long is cut and tried again (default: 120)",
    )
    add(
        "--parallel", type=_positive(int), default=4, metavar="N", help="files at once (default: 4)"
    )
    add(
        "--attempts",
        type=_positive(int),
        default=USUAL.attempts,
        metavar="N",
        help=f"failures in a row without a new byte (default: {USUAL.attempts})",
    )
    add(
        "--stalls",
        type=_positive(int),
        default=USUAL.stalls,
        metavar="N",
        help=f"of those, stalls (default: {USUAL.stalls})",
    )
    add(
        "--first-pause",
        type=_positive(float),
        default=USUAL.first_pause,
        metavar="SECONDS",
        help=f"after a failure; doubled each time up to 60 (default: {USUAL.first_pause:g})",
    )


def _positive(kind: type[int] | type[float]) -> Any:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return convert


def log(text: str) -> None:
    """Words for people."""
    print(text, file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """A line for programs; whoever read them may have gone, which is no reason to stop."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


class Narrator:
    """Prints progress until told not to."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._narrate, name="progress", daemon=True)
        self._thread.start()

    def _narrate(self) -> None:
        self._print()
        while not self._ended.wait(PROGRESS_SECONDS):
            self._print()

    def _print(self) -> None:
        print_line(self._fetch.progress().line())

    def end(self) -> None:
        """Print the last line."""
        self._ended.set()
        self._thread.join(timeout=1.0)
        self._print()


def heed_signals(stop: threading.Event) -> None:
    """Told to end, the process stops in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


class Errand(Protocol[T_co]):
    """A fetch or a listing."""

    stop: threading.Event

    def run(self) -> T_co:
        """Do it; FetchError where that cannot be."""
        ...


def run(errand: Errand[T_co]) -> T_co | FetchError:
    """Whatever happens as a value; told to stop, it does not wait for silent servers."""
    ended: list[T_co | FetchError] = []
    worker = threading.Thread(target=lambda: ended.append(attempt(errand)), daemon=True)
    worker.start()
    while worker.is_alive() and not errand.stop.is_set():
        worker.join(WAKE_SECONDS)
    worker.join(STOP_SECONDS if errand.stop.is_set() else None)
    return ended[0] if ended else Stopped()


def attempt(errand: Errand[T_co]) -> T_co | FetchError:
    """Whatever happens as a value."""
    try:
        return errand.run()
    except FetchError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the result must say something in any case
        traceback.print_exc()
        return Temporary(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")


def success(outcome: Outcome, *, seconds: float, fetched: int) -> dict[str, Any]:
    """The result of a model that is whole."""
    return {
        "files": outcome.files,
        "bytes": outcome.size,
        "seconds": round(seconds, 1),
        "fetchedBytes": fetched,
    }


def listed(inventory: Inventory, *, seconds: float) -> dict[str, Any]:
    """The result of a listing."""
    return {
        "files": len(inventory.files),
        "bytes": inventory.size,
        "roomBytes": inventory.room,
        "revision": inventory.revision,
        "seconds": round(seconds, 1),
    }


def failure(error: FetchError) -> dict[str, Any]:
    """The result of what failed."""
    return {"reason": error.reason, "message": error.message, "retryable": error.retryable}


def encode(document: dict[str, Any]) -> bytes:
    """The result as JSON, its message cut where it is too long for a termination message."""
    text = json.dumps(document, ensure_ascii=False).encode()
    while len(text) > MOST_RESULT_BYTES:
        document = {**document, "message": document["message"][:-50].rstrip("…") + "…"}
        text = json.dumps(document, ensure_ascii=False).encode()
    return text


def write_result(document: dict[str, Any], file: Path | None) -> None:
    """Leave the result where the kubelet or the caller looks for it."""
    target = file or TERMINATION_LOG
    if file is None and not target.exists():
        return
    try:
        target.write_bytes(encode(document))
    except OSError as error:
        log(f"the result could not be written to {target}: {error.strerror}")


def fetch_into(target: Path, request: Request) -> dict[str, Any] | FetchError:
    """Fetch with progress, and the result."""
    began = time.monotonic()
    fetch = Fetch(request, target, log=log)
    heed_signals(fetch.stop)
    narrator = Narrator(fetch)
    outcome = run(fetch)
    narrator.end()
    if isinstance(outcome, FetchError):
        return outcome
    seconds = time.monotonic() - began
    return success(outcome, seconds=seconds, fetched=fetch.meter.fetched_bytes)


def survey(request: Request) -> dict[str, Any] | FetchError:
    """Only list, and the result, which is printed too."""
    began = time.monotonic()
    errand = Survey(request, log=log)
    heed_signals(errand.stop)
    outcome = run(errand)
    if isinstance(outcome, FetchError):
        return outcome
    document = listed(outcome, seconds=time.monotonic() - began)
    print_line(json.dumps(document))
    return document


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch or list, and say how it went."""
    options = parser().parse_args(arguments)
    request = Request(
        source=options.source,
        environment=os.environ,
        stall_seconds=options.stall_timeout,
        parallel=options.parallel,
        policy=Policy(
            attempts=options.attempts, stalls=options.stalls, first_pause=options.first_pause
        ),
    )
    result = survey(request) if options.list else fetch_into(options.target, request)
    if isinstance(result, FetchError):
        log(f"{result.reason}: {result.message}")
        write_result(failure(result), options.result_file)
        return result.exit_code
    write_result(result, options.result_file)
    return 0


if __name__ == "__main__":
    # Threads that sit in a silent connection must not delay the end.
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

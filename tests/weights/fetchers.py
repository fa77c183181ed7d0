"""The fetcher as the process that a Job runs: started, watched, stopped, killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hub.hub import Hub
from tests.hub.store import CREDENTIALS

REPOSITORY = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
TOKEN = "hub-token-that-nobody-may-see"
SECRETS = (TOKEN, "key-of-tests", "secret-of-tests", "signature=", "X-Amz-", "password")


def until(condition: Callable[[], bool], what: str, *, seconds: float = DEADLINE_SECONDS) -> None:
    """Return as soon as the condition holds; an assertion with the words where it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in {seconds} s never: {what}"
        time.sleep(0.001)


@dataclass
class Fetcher:
    """One process."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "result").read_text())
        return document

    def progress(self) -> list[dict[str, Any]]:
        """All whole lines so far."""
        return [json.loads(line) for line in self.out.splitlines(keepends=True) if "\n" in line]

    def wait(self, *, seconds: float = DEADLINE_SECONDS) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def tell_to_stop(self) -> None:
        """As the kubelet does."""
        self.process.send_signal(signal.SIGTERM)


@dataclass
class Fetchers:
    """Starts fetchers of one source into one volume."""

    hub: Hub
    source: str
    target: Path
    work: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Fetcher] = field(default_factory=list)

    def start(
        self,
        *options: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> Fetcher:
        """A process that fetches."""
        words = ("--target", str(self.target), *options)
        return self._launch(*words, environment=environment, before=before)

    def start_listing(self, *options: str) -> Fetcher:
        """A process that only says how much there is to fetch."""
        return self._launch("--list", *options)

    def run(self, *options: str, environment: Mapping[str, str] | None = None) -> Fetcher:
        """A process that has ended by itself."""
        return _ended(self.start(*options, environment=environment))

    def run_listing(self, *options: str) -> Fetcher:
        """One that lists, ended by itself."""
        return _ended(self.start_listing(*options))

    def _launch(
        self,
        *options: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> Fetcher:
        folder = self.work / f"process-{len(self.started)}"
        folder.mkdir()
        folder.chmod(0o777)
        command = [
            *before,
            *(sys.executable, "-m", "deepseek_serving.weights", "--source", self.source),
            *("--result-file", str(folder / "result"), "--first-pause", "0.02", *options),
        ]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**self._environment(), **self.environment, **(environment or {})},
            )
        self.started.append(Fetcher(process, folder))
        return self.started[-1]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / "serving"),
            "HOME": str(self.work),
            "HF_ENDPOINT": self.hub.url,
            "SSL_CERT_FILE": str(self.hub.authority),
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
        }

    def present_bytes(self) -> int:
        """What lies in the volume, whole or not."""
        total = 0
        for place, folders, names in os.walk(self.target):
            if place.endswith("claims"):
                continue
            del folders
            for name in names:
                # Files are renamed and removed meanwhile.
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118
        return total

    def end(self) -> None:
        """Leave no process behind."""
        for fetcher in self.started:
            fetcher.kill()


def _ended(fetcher: Fetcher) -> Fetcher:
    fetcher.wait()
    return fetcher


@contextlib.contextmanager
def fetching(hub: Hub, source: str, work: Path, **environment: str) -> Iterator[Fetchers]:
    """Fetchers into a volume of their own."""
    fetchers = Fetchers(hub, source, work / "target", work, environment)
    try:
        yield fetchers
    finally:
        fetchers.end()


def model_files(target: Path) -> dict[str, bytes]:
    """What a reader finds."""
    return {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file() and ".fetch" not in path.parts and path.name != ".complete.json"
    }

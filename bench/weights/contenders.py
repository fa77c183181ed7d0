"""Who fetches: this fetcher and curl, as processes whose use of the machine is known."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.paths import REPOSITORY

MODEL = "bench/model"
SHARDS = 4
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Run:
    """One fetch of the whole model, or of what was left of it."""

    seconds: float
    cpu_seconds: float
    anonymous_bytes: int = 0


def make_model(directory: Path, *, mib: int) -> None:
    """Random weights in shards, and a configuration beside them."""
    directory.mkdir(parents=True)
    for number in range(1, SHARDS + 1):
        name = f"model-{number:05d}-of-{SHARDS:05d}.safetensors"
        with (directory / name).open("wb") as file:
            for _ in range(mib // SHARDS):
                file.write(os.urandom(MIB))
    (directory / "config.json").write_text('{"model_type": "deepseek_v3"}')


@dataclass(frozen=True, slots=True)
class Bench:
    """A hub that serves the model, and a place to fetch it to."""

    url: str
    names: tuple[str, ...]
    size: int
    work: Path

    @property
    def target(self) -> Path:
        """Where it is fetched to; empty before each run."""
        return self.work / "target"

    def empty(self) -> None:
        """Take away what the last run has left."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir(parents=True)

    def ours(self) -> Run:
        """This fetcher, verifying."""
        memory = self.work / "anonymous"
        command = [sys.executable, "-m", "bench.weights.measured", str(memory), *self._arguments()]
        run = measure(command, self._environment())
        return Run(run.seconds, run.cpu_seconds, int(memory.read_text()))

    def curl(self, *, sync: bool = False) -> Run:
        """curl, which verifies nothing; with `sync` until the files are stored as ours are."""
        urls = [f"{self.url}/{MODEL}/resolve/main/{name}" for name in self.names]
        words = ["curl", "-sSfL", "--parallel", "--parallel-max", str(SHARDS)]
        words += ["--output-dir", str(self.target), "--remote-name-all", *urls]
        if sync:
            script = f'"$@" && sync -f {self.target}'
            words = ["sh", "-c", script, "sh", *words]
        return measure(words, dict(os.environ))

    def killed_halfway(self) -> float:
        """Run this fetcher until half of it is there, kill it, and return after how many seconds."""
        began = time.monotonic()
        command = [sys.executable, "-m", "deepseek_serving.weights", *self._arguments()]
        with subprocess.Popen(
            command,
            env=self._environment(),
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while self._present() < self.size // 2 and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        return time.monotonic() - began

    def sent(self) -> int:
        """Bytes of weights that the hub has sent since it was last asked."""
        log: list[dict[str, Any]] = json.loads(ask(f"{self.url}/_log"))
        ask(f"{self.url}/_log", method="DELETE")
        return sum(served["sent"] for served in log)

    def _present(self) -> int:
        return sum(path.stat().st_size for path in self.target.rglob("*") if path.is_file())

    def _arguments(self) -> Sequence[str]:
        return ["--source", f"hf://{MODEL}", "--target", str(self.target)]

    def _environment(self) -> Mapping[str, str]:
        path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "serving")])
        return {**os.environ, "HF_ENDPOINT": self.url, "PYTHONPATH": path}


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a command and say what it took."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env=dict(environment),
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    words = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {words.decode()[-500:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime)


def ask(url: str, *, method: str = "GET") -> bytes:
    """One request to our own hub."""
    request = urllib.request.Request(url, method=method)  # noqa: S310 - an http address of ours
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


@contextmanager
def hub(model: Path, *, mib_per_second: float) -> Iterator[str]:
    """A hub as a process of its own, shaped; its address."""
    command = [sys.executable, "-m", "tests.hub", "--directory", f"{MODEL}={model}"]
    command += ["--mib-per-second", str(mib_per_second)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url: str = json.loads(process.stdout.readline())["hub"]
            # The first listing reads and hashes the model: that is no part of any round.
            ask(f"{url}/api/models/{MODEL}?blobs=true")
            yield url
        finally:
            process.terminate()

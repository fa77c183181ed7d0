"""The fetcher among others: two at once, told to stop, its progress and its memory."""

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.models import Model
from tests.hub.rules import Rule
from tests.weights.fetchers import DEADLINE_SECONDS, REPOSITORY, fetching, model_files, until

MIB = 2**20
LARGE_BYTES = 320 * MIB
MOST_ANONYMOUS_BYTES = 200e6
STOP_SECONDS = 8.0
STORED = "/cdn/"


def size_of(content: dict[str, bytes]) -> int:
    return sum(len(text) for text in content.values())


def test_of_two_at_once_one_fetches_and_both_are_done(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        both = [fetchers.start(), fetchers.start()]

        assert [fetcher.wait() for fetcher in both] == [0, 0]
        assert model_files(fetchers.target) == content
        assert hub.log.sent() == size_of(content)
        fetched = sorted(fetcher.result["fetchedBytes"] for fetcher in both)
        assert fetched == [0, size_of(content)]


def test_whoever_waits_shows_the_owners_progress_and_takes_over_when_it_dies(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(Rule("slow", path=STORED, rate=4 * MIB, times=None))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        owner = fetchers.start()
        until(lambda: fetchers.present_bytes() > MIB, "the owner fetches")
        waiting = fetchers.start()
        until(lambda: len(waiting.progress()) > 0, "the other one waits")
        assert waiting.process.poll() is None
        hub.rules.replace([])

        owner.kill()

        assert waiting.wait() == 0, waiting.err
        assert model_files(fetchers.target) == content
        assert hub.log.sent() < 1.2 * size_of(content)
        assert 0 < waiting.result["fetchedBytes"] < size_of(content)


@pytest.mark.parametrize("fault", ["slow", "stall"])
def test_told_to_stop_it_stops_and_keeps_what_is_there(
    fault: str, hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(Rule(fault, path=STORED, after=2 * MIB, rate=2 * MIB, times=None))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        stopped = fetchers.start()
        until(lambda: fetchers.present_bytes() > 3 * MIB, "something is fetched")

        stopped.tell_to_stop()

        assert stopped.wait(seconds=STOP_SECONDS) == 1
        assert (stopped.result["reason"], stopped.result["retryable"]) == ("Interrupted", True)
        kept = fetchers.present_bytes()
        hub.rules.replace([])
        last = fetchers.run()
        assert last.process.returncode == 0, last.err
        assert model_files(fetchers.target) == content
        assert last.result["fetchedBytes"] <= size_of(content) - kept + 100_000


def test_told_to_stop_while_it_waits_for_another_it_stops(hub: Hub, tmp_path: Path) -> None:
    hub.add(Rule("stall", path=STORED, times=None))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        fetchers.start()
        until((fetchers.target / ".fetch" / "partial").exists, "one works")
        waiting = fetchers.start()
        until(lambda: len(waiting.progress()) > 0, "the other one waits")

        waiting.tell_to_stop()

        assert waiting.wait(seconds=STOP_SECONDS) == 1


def test_told_to_stop_while_a_server_is_silent_it_stops(hub: Hub, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        fetching(hub, "hf://test/model", tmp_path) as fetchers,
    ):
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        fetcher = fetchers.start(environment={"HF_ENDPOINT": address})
        silent.settimeout(DEADLINE_SECONDS)
        connection, _ = silent.accept()
        with connection:
            fetcher.tell_to_stop()

            assert fetcher.wait(seconds=STOP_SECONDS) == 1
            assert fetcher.result["reason"] == "Interrupted"


def test_progress_is_json_lines_that_only_grow(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(Rule("slow", path=STORED, rate=3 * MIB, times=None))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        done = fetchers.run()

        lines = done.progress()
        assert all(set(line) == KEYS for line in lines)
        assert [line["bytesDone"] for line in lines] == sorted(line["bytesDone"] for line in lines)
        assert lines[0]["phase"] == "listing"
        middle = next(line for line in lines if line["phase"] == "fetching")
        assert middle["bytesTotal"] == size_of(content)
        assert middle["bytesPerSecond"] > 0
        assert middle["secondsLeft"] > 0
        assert middle["currentFile"] in content
        assert lines[-1] == {
            "phase": "complete",
            "bytesDone": size_of(content),
            "bytesTotal": size_of(content),
            "filesDone": len(content),
            "filesTotal": len(content),
            "bytesPerSecond": lines[-1]["bytesPerSecond"],
            "secondsLeft": 0,
            "currentFile": None,
        }
        assert len(lines) <= done.result["seconds"] / 2 + 2


KEYS = {
    "phase",
    "bytesDone",
    "bytesTotal",
    "filesDone",
    "filesTotal",
    "bytesPerSecond",
    "secondsLeft",
    "currentFile",
}

MEASURE = """
import os, sys
from deepseek_serving.weights.__main__ import main
code = main(sys.argv[1:])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
kib = lambda name: int(status[name].split()[0])
print("anonymous", (kib("VmHWM") - kib("RssFile")) * 1024, flush=True)
os._exit(code)
"""


@pytest.fixture(scope="module")
def large_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    place = tmp_path_factory.mktemp("large")
    dice = random.Random(5)
    with (place / "model.safetensors").open("wb") as file:
        for _ in range(LARGE_BYTES // MIB):
            file.write(dice.randbytes(MIB))
    with Hub(Model("test/large", place)) as hub:
        yield hub
    (place / "model.safetensors").unlink()


@pytest.mark.parametrize("kind", ["hf", "tls", "modelcar"])
def test_memory_does_not_grow_with_the_file(kind: str, large_hub: Hub, tmp_path: Path) -> None:
    sums = large_hub.models["test/large"].sums()
    sha = hashlib.sha256(sums.encode()).hexdigest()
    source = {
        "hf": "hf://test/large",
        "tls": f"{large_hub.tls_url}/files/test/large/SHA256SUMS#sha256={sha}",
        "modelcar": f"oci://{large_hub.registry}/modelcar/test/large",
    }[kind]
    arguments = ["--source", source, "--target", str(tmp_path / "target")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / "serving"),
            "HF_ENDPOINT": large_hub.url,
            "SSL_CERT_FILE": str(large_hub.authority),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-2])["bytesDone"] >= LARGE_BYTES
    assert int(done.stdout.split()[-1]) < MOST_ANONYMOUS_BYTES

"""The warden over real HTTP, as a thread and as the program that the pod runs."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.engine import compiled, ready
from deepseek_serving.warmup.warden import (
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    Keeper,
    Server,
    Warden,
    main,
)
from tests.unit.serving.warmup.samples import RESTARTED, START, TOKEN

REPOSITORY = Path(__file__).parents[4]
MAX_RESIDENT_KIB = 30 * 1024

Said = tuple[int, Any]


@dataclass
class Pod:
    """The shared directory, the token and the warden's port."""

    state: Path
    token_file: Path
    port: int

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def open(self, start: Any = START, *, token: str | None = TOKEN) -> Said:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.ask("POST", "/warm", json.dumps({"processStart": start}), headers)

    @property
    def markers(self) -> list[str]:
        return sorted(path.name for path in self.state.iterdir() if "warm" in path.name)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    state, token_file = tmp_path / "state", tmp_path / "token"
    state.mkdir()
    token_file.write_text(f"{TOKEN}\n")
    return state, token_file


@pytest.fixture
def pod(places: tuple[Path, Path]) -> Iterator[Pod]:
    server = Server(("127.0.0.1", 0), Warden(*places))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Pod(*places, port=server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def test_before_the_first_probe_there_is_no_process(pod: Pod) -> None:
    expected = {"processStart": None, "ageSeconds": None, "warm": False}

    assert pod.ask("GET", "/start") == (200, expected)
    assert pod.open() == (409, {"error": "another process runs", "processStart": None})
    assert pod.markers == []


def test_the_process_is_the_one_that_the_probe_saw(pod: Pod) -> None:
    ready.note_start(pod.state, START)
    status, shown = pod.ask("GET", "/start")

    assert (status, shown["processStart"], shown["warm"]) == (200, START, False)
    assert shown["ageSeconds"] >= 0


def test_the_age_is_that_of_the_probes_last_look(pod: Pod) -> None:
    ready.note_start(pod.state, START)
    hour_ago = (pod.state / ready.START_FILE).stat().st_mtime - 3600
    os.utime(pod.state / ready.START_FILE, (hour_ago, hour_ago))

    assert pod.ask("GET", "/start")[1]["ageSeconds"] >= 3600


def test_the_lock_opens_for_the_process_that_runs(pod: Pod) -> None:
    ready.note_start(pod.state, START)

    assert pod.open() == (200, {"processStart": START, "warm": True})
    assert pod.open() == (200, {"processStart": START, "warm": True})
    assert pod.markers == [f"warm-{START}"]
    assert pod.ask("GET", "/start")[1]["warm"] is True


def test_a_restarted_process_is_cold(pod: Pod) -> None:
    ready.note_start(pod.state, START)
    pod.open()
    ready.note_start(pod.state, RESTARTED)

    assert pod.ask("GET", "/start")[1]["warm"] is False
    assert pod.open() == (409, {"error": "another process runs", "processStart": RESTARTED})
    assert pod.markers == [f"warm-{START}"]


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("guess", id="another"),
        pytest.param(TOKEN[:-1], id="shorter"),
        pytest.param(TOKEN + "x", id="longer"),
        pytest.param("éé", id="not-ascii"),
    ],
)
def test_who_does_not_know_the_token_opens_nothing(pod: Pod, token: str | None) -> None:
    ready.note_start(pod.state, START)

    assert pod.open(token=token) == (401, {"error": "the token is another"})
    assert pod.markers == []


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_token_nobody_may(pod: Pod, content: str | None) -> None:
    ready.note_start(pod.state, START)
    pod.token_file.unlink()
    if content is not None:
        pod.token_file.write_text(content)

    assert pod.open(token="")[0] == 401
    assert pod.ask("GET", "/healthz")[0] == 503
    assert pod.markers == []


def test_a_token_that_changed_is_the_one_that_counts(pod: Pod) -> None:
    ready.note_start(pod.state, START)
    pod.token_file.write_text("new")

    assert pod.open()[0] == 401
    assert pod.open(token="new")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="no-json"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no-field"),
        pytest.param(b"\xff", id="no-text"),
    ],
)
def test_what_is_no_document_is_refused(pod: Pod, body: bytes) -> None:
    ready.note_start(pod.state, START)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(len(body))}

    assert pod.ask("POST", "/warm", body, headers)[0] == 400
    assert pod.markers == []


@pytest.mark.parametrize("named", [None, 7, "", "../evil", [START], {"a": 1}])
def test_only_the_very_name_of_the_process_opens(pod: Pod, named: Any) -> None:
    ready.note_start(pod.state, START)

    assert pod.open(named)[0] == 409
    assert pod.markers == []


@pytest.mark.parametrize("written", ["../../etc/x", "", "4711", f"{START}\n", f"{START}/x"])
def test_a_probes_file_that_names_no_process_is_not_believed(pod: Pod, written: str) -> None:
    (pod.state / ready.START_FILE).write_text(written)

    assert pod.ask("GET", "/start")[1]["processStart"] is None
    assert pod.open(written)[0] == 409
    assert pod.markers == []


@pytest.mark.parametrize("length", ["-1", "x", "", str(MAX_BODY_BYTES + 1), "1" * 30])
def test_a_body_without_a_sensible_length_is_not_read(pod: Pod, length: str) -> None:
    assert pod.ask("POST", "/warm", b"", {"Content-Length": length})[0] == 413


def test_a_marker_that_cannot_be_written_opens_nothing(pod: Pod) -> None:
    ready.note_start(pod.state, START)
    (pod.state / f"warm-{START}").mkdir()

    status, said = pod.open()

    assert status == 500
    assert START in said["error"]


def test_its_health_names_what_is_missing(pod: Pod) -> None:
    assert pod.ask("GET", "/healthz") == (200, {"status": "ok"})
    pod.state.rmdir()
    assert pod.ask("GET", "/healthz") == (503, {"error": f"{pod.state} is no directory"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/warm"), ("POST", "/start")])
def test_there_is_nothing_else(pod: Pod, method: str, path: str) -> None:
    assert pod.ask(method, path)[0] == 404


def test_silent_clients_keep_nobody_else_out(pod: Pod) -> None:
    silent = [http.client.HTTPConnection("127.0.0.1", pod.port) for _ in range(MAX_CONNECTIONS - 1)]
    for connection in silent:
        connection.connect()
    try:
        assert pod.ask("GET", "/healthz")[0] == 200
    finally:
        for connection in silent:
            connection.close()


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """Of an engine that has compiled one kernel."""
    place = tmp_path / "compiled"
    place.mkdir()
    (place / "kernel").write_bytes(b"code")
    compiled.key_file(place).write_text("key")
    return Keeper(place, tmp_path / "store", "this-pod")


def test_what_the_engine_compiled_is_kept(keeper: Keeper, tmp_path: Path) -> None:
    assert keeper.keep() == "kept what was compiled under key key: 1 files, 0.0 MiB"
    assert keeper.keep() == "not kept: everything that was compiled is kept already"

    compiled.restore(keeper.store, "key", tmp_path / "next")
    assert (tmp_path / "next/kernel").read_bytes() == b"code"


def test_what_cannot_be_kept_is_said(keeper: Keeper) -> None:
    keeper.store.write_text("no directory")
    assert keeper.keep().startswith("what was compiled cannot be kept: ")

    compiled.key_file(keeper.compiled).unlink()
    assert keeper.keep().startswith("what was compiled cannot be kept: ")


def test_what_no_pod_reads_any_more_goes_when_something_is_kept(keeper: Keeper) -> None:
    other = keeper.compiled.with_name("other")
    other.mkdir()
    (other / "kernel").write_bytes(b"old")
    compiled.publish(keeper.store, "old-key", other, owner="old-pod")
    os.utime(keeper.store / "old-key" / compiled.CURRENT, (0, 0))

    assert keeper.keep().endswith("; removed old-key")


@pytest.fixture
def program(
    places: tuple[Path, Path], keeper: Keeper
) -> Iterator[tuple[subprocess.Popen[str], Pod]]:
    arguments = [f"--state={places[0]}", f"--token-file={places[1]}", "--port=0"]
    arguments += [f"--compiled={keeper.compiled}", f"--store={keeper.store}"]
    with subprocess.Popen(
        [sys.executable, "-m", "deepseek_serving.warmup.warden", *arguments],
        env={"PYTHONPATH": str(REPOSITORY / "serving"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(" ")[2])
        yield process, Pod(*places, port=port)
        process.kill()


def test_the_program_keeps_what_was_compiled_is_small_and_ends_when_told_to(
    program: tuple[subprocess.Popen[str], Pod],
) -> None:
    process, pod = program
    assert process.stdout is not None
    ready.note_start(pod.state, START)

    assert pod.open()[0] == 200
    said = f'POST /warm: 200 {{"processStart": "{START}", "warm": true}}\n'
    kept = "kept what was compiled under key key: 1 files, 0.0 MiB\n"
    assert {process.stdout.readline(), process.stdout.readline()} == {said, kept}
    assert pod.ask("GET", "/start")[1]["warm"] is True
    status = Path(f"/proc/{process.pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(resident.split()[1]) < MAX_RESIDENT_KIB

    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stdout.read() == ""


def test_a_place_without_a_store_is_refused(
    places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([f"--state={places[0]}", f"--token-file={places[1]}", f"--store={places[0]}"])

    assert "--compiled and --store go together" in capsys.readouterr().err

"""The first lock: a readiness probe that waits for the marker of exactly its own process."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.engine import ready
from deepseek_serving.engine.ready import NotReady
from tests.unit.serving.warmup.samples import RESTARTED, START

STAT = "1 (vllm) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 2000"
BOOT_ID = START.rpartition("-")[0]


class Engine(http.server.HTTPServer):
    """Answers everything with one token, or with its health only."""

    health = 200
    asked: list[str]


@pytest.fixture
def engine() -> Iterator[Engine]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.asked.append(self.path)
            body = b"" if self.path == "/health" else b'{"usage": {"completion_tokens": 1}}'
            self.send_response(server.health)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = answer  # noqa: N815 - the name is the base class's
        do_POST = answer  # noqa: N815

        def log_message(self, *_: Any, **_named: Any) -> None:
            """Nothing: the test speaks."""

    server = Engine(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def check(engine: Engine, state: Path, *, start: str = START) -> None:
    ready.check_warm(engine.server_address[1], state=state, start=start)


def noted(state: Path) -> str:
    return (state / ready.START_FILE).read_text()


def test_a_process_is_named_by_the_nodes_boot_and_its_own_start() -> None:
    assert ready.unique_start(STAT, f"{BOOT_ID}\n") == START


def test_a_cold_process_is_not_ready_and_says_so(engine: Engine, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NotReady, match=f"not warmed up yet: .* no marker of process {START}"):
            check(engine, tmp_path)

    assert noted(tmp_path) == START
    assert [path.name for path in tmp_path.iterdir()] == [ready.START_FILE]
    assert engine.asked == ["/health"] * 2


def test_the_marker_of_this_process_opens(engine: Engine, tmp_path: Path) -> None:
    ready.warm_marker(tmp_path, START).touch()

    check(engine, tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(RESTARTED, id="restarted"),
        pytest.param(f"{'0' * 36}-4711", id="other-boot"),
        pytest.param("4711", id="ticks-alone"),
        pytest.param(f"{START}0", id="longer"),
    ],
)
def test_the_marker_of_another_process_does_not(engine: Engine, tmp_path: Path, other: str) -> None:
    ready.warm_marker(tmp_path, other).touch()

    with pytest.raises(NotReady, match="not warmed up yet"):
        check(engine, tmp_path)


def test_a_restarted_process_is_named_anew_and_cold(engine: Engine, tmp_path: Path) -> None:
    ready.warm_marker(tmp_path, START).touch()
    check(engine, tmp_path)

    with pytest.raises(NotReady, match="not warmed up yet"):
        check(engine, tmp_path, start=RESTARTED)

    assert noted(tmp_path) == RESTARTED


def test_a_cold_and_sick_engine_is_called_sick(engine: Engine, tmp_path: Path) -> None:
    engine.health = 500

    with pytest.raises(NotReady, match="GET /health: status 500"):
        check(engine, tmp_path)

    assert noted(tmp_path) == START


def test_a_directory_that_cannot_be_written_keeps_the_pod_shut(
    engine: Engine, tmp_path: Path
) -> None:
    with pytest.raises(NotReady, match="cannot write to the shared directory"):
        check(engine, tmp_path / "missing")


def own_start() -> str:
    stat = Path("/proc/1/stat").read_text()
    return ready.unique_start(stat, ready.BOOT_ID_FILE.read_text())


@dataclass
class Row:
    """One call of the program: its flags, what there is, and what comes of it."""

    flags: list[str]
    marked: str
    health: int
    code: int
    asked: str


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(Row([], "cold", 200, 0, "/v1/completions"), id="as-ever"),
        pytest.param(Row([], "warm", 200, 0, "/v1/completions"), id="marker-not-looked-at"),
        pytest.param(Row(["--require-warm"], "cold", 200, 1, "/health"), id="cold"),
        pytest.param(Row(["--require-warm"], "warm", 200, 0, "/v1/completions"), id="warm"),
        pytest.param(
            Row(["--require-warm"], "warm", 500, 1, "/v1/completions"), id="warm-and-sick"
        ),
        pytest.param(Row(["--require-warm"], "cold", 500, 1, "/health"), id="cold-and-sick"),
    ],
)
def test_the_program_looks_for_its_own_process(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Row
) -> None:
    engine.health = row.health
    if row.marked == "warm":
        ready.warm_marker(tmp_path, own_start()).touch()
    arguments = [f"--port={engine.server_address[1]}", "--model=chat", f"--state={tmp_path}"]

    assert ready.main([*arguments, *row.flags]) == row.code
    assert engine.asked == [row.asked]
    assert (tmp_path / ready.START_FILE).exists() is bool(row.flags)
    assert bool(capsys.readouterr().out) is bool(row.code)

"""Readiness of an engine, against a small HTTP server in the engine's place."""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.engine import ready
from deepseek_serving.engine.ready import NotReady

STAT = "1 (python3 -m (odd) name) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 2000"
RESTARTED = STAT.replace(" 4711 ", " 9999 ")

TOKEN = {"usage": {"completion_tokens": 1}, "choices": [{"text": "!"}]}


@dataclass
class Engine:
    """What the engine answers, by path, and what it was asked."""

    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    port: int = 0

    def says(self, completion: Any = TOKEN, *, health: int = 200, status: int = 200) -> None:
        body = completion if isinstance(completion, bytes) else json.dumps(completion).encode()
        self.answers = {"/health": (health, b""), "/v1/completions": (status, body)}


@pytest.fixture
def engine() -> Iterator[Engine]:
    played = Engine()
    played.says()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            played.asked.append((self.command, self.path, json.loads(text) if text else None))
            code, body = played.answers[self.path]
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = answer  # noqa: N815 - the name is the base class's
        do_POST = answer  # noqa: N815

        def log_message(self, *_: Any, **_named: Any) -> None:
            """Nothing: the test speaks."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    played.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield played
    server.shutdown()
    thread.join()
    server.server_close()


def check(engine: Engine, state: Path, *, stat: str = STAT) -> None:
    ready.check_ready(engine.port, "chat", state=state, stat=stat)


def test_the_first_time_the_engine_must_answer_a_completion(engine: Engine, tmp_path: Path) -> None:
    check(engine, tmp_path)

    assert engine.asked == [
        (
            "POST",
            "/v1/completions",
            {"model": "chat", "prompt": "Hello", "max_tokens": 1, "temperature": 0},
        )
    ]


def test_after_that_only_its_health_is_asked_for(engine: Engine, tmp_path: Path) -> None:
    check(engine, tmp_path)
    check(engine, tmp_path)
    check(engine, tmp_path)

    assert [path for _, path, _ in engine.asked] == ["/v1/completions", "/health", "/health"]


def test_a_restarted_process_is_asked_anew(engine: Engine, tmp_path: Path) -> None:
    check(engine, tmp_path)
    check(engine, tmp_path, stat=RESTARTED)

    assert [path for _, path, _ in engine.asked] == ["/v1/completions"] * 2


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        pytest.param({"error": "loading"}, 503, "status 503", id="refused"),
        pytest.param({"error": "no such model"}, 404, "no such model", id="other-model"),
        pytest.param({"usage": {"completion_tokens": 0}}, 200, "without a token", id="no-token"),
        pytest.param({"choices": []}, 200, "without a token", id="no-usage"),
        pytest.param({"usage": None}, 200, "without a token", id="usage-null"),
        pytest.param([], 200, "without a token", id="a-list"),
        pytest.param(b"", 200, "without a token", id="empty"),
        pytest.param(b"<html>", 200, "no JSON", id="no-json"),
    ],
)
def test_an_engine_that_gives_no_token_is_not_ready(
    engine: Engine, tmp_path: Path, body: Any, status: int, message: str
) -> None:
    engine.says(body, status=status)

    for _ in range(2):
        with pytest.raises(NotReady, match=message):
            check(engine, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_falls_ill_is_not_ready_any_more(engine: Engine, tmp_path: Path) -> None:
    check(engine, tmp_path)
    engine.says(health=500)

    with pytest.raises(NotReady, match="GET /health: status 500"):
        check(engine, tmp_path)


def test_an_engine_that_is_not_there_is_not_ready(engine: Engine, tmp_path: Path) -> None:
    free = engine.port
    with pytest.raises(NotReady, match="POST /v1/completions: "):
        ready.check_ready(_closed_port(free), "chat", state=tmp_path, stat=STAT)


def _closed_port(taken: int) -> int:
    """A port on which nothing listens: bound and closed again."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_address[1]
    assert port != taken
    return port


def test_the_start_of_a_process_is_read_past_any_name() -> None:
    assert ready.process_start(STAT) == "4711"
    assert Path("/tmp/answered-4711") == ready.marker_path(Path("/tmp"), STAT)


def test_the_program_ends_with_0_when_ready(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--port", str(engine.port), "--model", "chat", "--state", str(tmp_path)]

    assert ready.main(arguments) == 0
    assert capsys.readouterr().out == ""


def test_the_program_says_why_it_is_not_ready(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.says(status=503)
    arguments = ["--port", str(engine.port), "--model", "chat", "--state", str(tmp_path)]

    assert ready.main(arguments) == 1
    assert "status 503" in capsys.readouterr().out

"""The program: command line, documents, exit codes, and a real warden at its end."""

import asyncio
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.engine import ready
from deepseek_serving.warmup import __main__ as program
from deepseek_serving.warmup.failures import USAGE_EXIT_CODE, Reason
from deepseek_serving.warmup.result import LIMIT_BYTES
from deepseek_serving.warmup.warden import Server, Warden
from tests.unit.serving.warmup.fake_engine import FakeEngine
from tests.unit.serving.warmup.samples import SPEC, START, TOKEN, spec

REPOSITORY = Path(__file__).parents[4]


@dataclass
class Job:
    """The files and addresses of one warm-up."""

    directory: Path
    warden: str

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def result(self) -> Any:
        return json.loads((self.directory / "result").read_text())

    def arguments(self, url: str, **changes: Any) -> list[str]:
        (self.directory / "spec").write_text(json.dumps({**SPEC, **changes}))
        return [
            f"--spec={self.directory / 'spec'}",
            f"--url={url}",
            f"--warden={self.warden}",
            f"--token-file={self.directory / 'token'}",
            f"--result-file={self.directory / 'result'}",
        ]

    async def start(self, url: str, *more: str, **changes: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "deepseek_serving.warmup"),
            *self.arguments(url, **changes),
            *more,
            env={"PYTHONPATH": str(REPOSITORY / "serving")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    (tmp_path / "state").mkdir()
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    server = Server(("127.0.0.1", 0), Warden(tmp_path / "state", tmp_path / "token"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Job(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_program_warms_the_engine_and_opens_the_lock(
    engine: FakeEngine, job: Job
) -> None:
    ready.note_start(job.state, START)
    engine.on_request = lambda *_: ready.note_start(job.state, START)

    process = await job.start(engine.url)
    output, progress = await process.communicate()

    assert process.returncode == 0, progress
    assert ready.warm_marker(job.state, START).exists()
    assert output.count(b"\n") == 1
    shown = json.loads(output)
    assert shown["opened"] is True
    assert shown["processStart"] == START
    assert job.result == {**shown, "shapesLeftOut": 0}
    assert len((job.directory / "result").read_bytes()) <= LIMIT_BYTES
    assert progress.startswith(b"chat on vllm: 17 groups, at most ")
    assert progress.count(b"\n") == 1 + len(shown["shapes"])


async def test_a_program_that_is_told_to_stop_still_writes_a_result(
    engine: FakeEngine, job: Job
) -> None:
    ready.note_start(job.state, START)
    arrived = asyncio.Event()
    engine.silent = True
    engine.on_request = lambda *_: arrived.set()

    process = await job.start(engine.url)
    await arrived.wait()
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert process.returncode == Reason.TIMED_OUT.exit_code
    assert job.result["failure"]["reason"] == "TimedOut"
    assert job.result["opened"] is False


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def test_an_engine_that_is_not_there_is_a_result_too(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    code = program.main(job.arguments(nobody(), waitSeconds=0.1))

    assert code == Reason.NOT_ANSWERING.exit_code
    assert job.result == {**json.loads(capsys.readouterr().out), "shapesLeftOut": 0}
    assert job.result["failure"]["message"].startswith("GET /health: ClientConnectorError")
    assert job.result["failure"]["remedy"] == Reason.NOT_ANSWERING.remedy


def test_a_result_that_cannot_be_written_is_still_shown(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = job.arguments(nobody(), waitSeconds=0.1)

    assert program.main([*arguments, f"--result-file={job.directory}"]) == 10
    shown = capsys.readouterr()
    assert json.loads(shown.out)["failure"]["reason"] == "NotAnswering"
    assert "error: the result cannot be written" in shown.err


def test_without_a_result_file_the_result_is_shown_only(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(job.arguments(nobody(), waitSeconds=0.1)[:-1]) == 10
    assert json.loads(capsys.readouterr().out)["opened"] is False
    assert not (job.directory / "result").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"maxBatchedTokens": 0}, "maxBatchedTokens", id="too-small"),
        pytest.param({"model": ""}, "model", id="no-model"),
        pytest.param({"engine": "other"}, "engine", id="engine"),
        pytest.param({"maxRequests": 0}, "maxRequests", id="no-request"),
        pytest.param({"maxSeconds": -1}, "maxSeconds", id="no-time"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(
    job: Job, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    assert program.main(job.arguments(nobody(), **changes)) == USAGE_EXIT_CODE
    assert message in capsys.readouterr().err


def test_a_missing_token_is_refused(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = job.arguments(nobody())
    (job.directory / "token").unlink()

    assert program.main(arguments) == USAGE_EXIT_CODE
    assert "token" in capsys.readouterr().err


def test_fields_of_newer_versions_are_ignored(job: Job) -> None:
    assert program.main(job.arguments(nobody(), waitSeconds=0.1, newer=True)) == 10


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A directory of prompts."""
    directory = tmp_path / "prompts"
    directory.mkdir()
    return directory


def put_prompts(directory: Path, **texts: str) -> None:
    for name, text in texts.items():
        (directory / name.replace("_", ".")).write_text(text)


def test_prompts_are_read_in_the_order_of_their_names_after_those_of_the_spec(
    prompts: Path,
) -> None:
    put_prompts(prompts, b="second\n", a=" first ", c="third\nof two lines\n")

    found = program.with_prompts(spec(systemPrompts=["own"]), prompts)

    assert found.system_prompts == ("own", "first", "second", "third\nof two lines")
    assert found == spec(systemPrompts=list(found.system_prompts))


def test_what_the_kubelet_puts_beside_prompts_and_what_is_empty_is_no_prompt(
    prompts: Path,
) -> None:
    (prompts / "..data").mkdir()
    put_prompts(prompts, _hidden="no", empty="", blank=" \n\t", chat="yes")

    assert program.with_prompts(spec(), prompts).system_prompts == ("yes",)


def test_without_a_directory_the_spec_stays_as_it_is() -> None:
    assert program.with_prompts(spec(), None) == spec()


def test_a_directory_without_prompts_adds_none(prompts: Path) -> None:
    assert program.with_prompts(spec(), prompts) == spec()


def too_many(directory: Path) -> None:
    put_prompts(directory, **{f"p{number:02}": "text" for number in range(33)})


def not_text(directory: Path) -> None:
    (directory / "picture").write_bytes(b"\x89PNG\xff")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(too_many, "at most 32 items", id="too-many"),
        pytest.param(Path.rmdir, "No such file or directory", id="missing"),
        pytest.param(lambda prompts: (prompts / "sub").mkdir(), "Is a directory", id="nested"),
        pytest.param(not_text, "picture is not UTF-8: ", id="not-text"),
    ],
)
def test_prompts_that_cannot_be_used_are_refused(
    job: Job,
    prompts: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    spoil(prompts)

    assert program.main([*job.arguments(nobody()), f"--prompts={prompts}"]) == USAGE_EXIT_CODE
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.startswith("error: ")
    assert shown.out == ""


async def test_prompts_of_a_directory_are_sent_to_the_engine(
    engine: FakeEngine, job: Job, prompts: Path
) -> None:
    ready.note_start(job.state, START)
    engine.on_request = lambda *_: ready.note_start(job.state, START)
    put_prompts(prompts, a="You are a pirate.")

    process = await job.start(engine.url, f"--prompts={prompts}")
    _, progress = await process.communicate()

    assert process.returncode == 0, progress
    assert "You are a pirate." in json.dumps(engine.asked)

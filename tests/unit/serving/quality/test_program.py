"""The examination against a fake engine and a fake judge: what is asked, what is told, and what never is."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.quality import __main__ as program
from deepseek_serving.quality.__main__ import Files, examine
from deepseek_serving.quality.asking import AT_ONCE, ATTEMPTS
from deepseek_serving.quality.failures import USAGE_EXIT_CODE, Failure, Reason
from deepseek_serving.quality.result import (
    LIMIT_BYTES,
    MOST_FAILED,
    Grade,
    Opinion,
    Result,
    encode,
)
from deepseek_serving.quality.spec import ExamSpec
from tests.unit.serving.quality.fake_judge import FakeEngine, FakeJudge

REPOSITORY = Path(__file__).parents[4]
SECRET = "the question that nobody may read"
ANSWER = "the answer that nobody may read"


def prompt(name: str, question: str, **expect: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"name": name, "maxTokens": 9, "messages": messages, "expect": expect}


PROMPTS = [prompt("one", SECRET, contains=["answer"]), prompt("two", "2?", equals="2")]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "set.json").write_text(json.dumps({"prompts": PROMPTS}))
    return Files(prompts=folder)


def spec(
    *engines: FakeEngine, stable: tuple[FakeEngine, ...] = (), judge: Any = None, **changes: Any
) -> ExamSpec:
    webhook = None
    if judge is not None:
        webhook = {"url": judge.url, "timeoutSeconds": 5, "review": {"run": "1-new"}}
    return ExamSpec.model_validate(
        {
            "model": "chat",
            "promptsName": "reference",
            "targets": {
                "candidate": [one.url for one in engines],
                "stable": [one.url for one in stable],
            },
            "webhook": webhook,
            **changes,
        }
    )


async def found_by(spec: ExamSpec, files: Files) -> Result:
    return await examine(spec, files, wait_seconds=0.0)


def failure_of(result: Result) -> Failure:
    assert result.failure is not None
    return result.failure


async def test_both_revisions_are_asked_the_same_and_graded(files: Files) -> None:
    good, bad = {SECRET: ANSWER, "2?": " 2\n"}, {SECRET: ANSWER}
    async with FakeEngine(bad).serve() as candidate, FakeEngine(good).serve() as stable:
        found = await found_by(spec(candidate, stable=(stable,)), files)

    assert found.candidate == Grade(2, 1, ("two: equals",))
    assert found.stable == Grade(2, 2)
    assert (found.failure, found.exit_code) == (None, 0)
    [first] = [body for body in candidate.asked if body["messages"][0]["content"] == SECRET]
    assert {**first, "messages": None} == {
        "model": "chat",
        "messages": None,
        "max_tokens": 9,
        "temperature": 0,
        "seed": 0,
    }
    assert sorted(map(str, candidate.asked)) == sorted(map(str, stable.asked))


async def test_pods_take_turns_and_few_prompts_are_under_way_at_once(files: Files) -> None:
    many = [prompt(f"p{number}", "2?", equals="2") for number in range(40)]
    assert files.prompts is not None
    (files.prompts / "more.json").write_text(json.dumps({"prompts": many}))
    async with FakeEngine().serve() as one, FakeEngine().serve() as other:
        await found_by(spec(one, other), files)

    assert len(one.asked) == len(other.asked) == 21
    assert one.most_at_once + other.most_at_once <= 2 * AT_ONCE
    assert max(one.most_at_once, other.most_at_once) <= AT_ONCE


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param({"statuses": [400, 400]}, id="refuses"),
        pytest.param({"statuses": [500, 500]}, id="fails"),
        pytest.param({"statuses": [302, 302]}, id="sends-elsewhere"),
        pytest.param({"raw": b"no answer"}, id="no-json"),
        pytest.param({"raw": b'{"choices": []}'}, id="no-choice"),
        pytest.param({"raw": b"[]"}, id="a-list"),
        pytest.param({"raw": b"x" * (5 << 20)}, id="endless"),
    ],
)
async def test_an_engine_that_does_not_answer_a_prompt_fails_it(
    files: Files, engine: dict[str, Any]
) -> None:
    async with FakeEngine(**engine).serve() as candidate:
        found = await found_by(spec(candidate), files)

    assert found.candidate == Grade(2, 0, ("one: answered", "two: answered"))
    assert len(candidate.asked) == 2


async def test_a_pod_without_room_is_asked_again_and_then_it_is_missing(files: Files) -> None:
    async with FakeEngine({SECRET: ANSWER, "2?": "2"}, statuses=[503, 429]).serve() as busy:
        assert (await found_by(spec(busy), files)).candidate == Grade(2, 2)
    async with FakeEngine(statuses=[503] * 99).serve() as full:
        found = await found_by(spec(full), files)

    assert found.candidate is None
    assert failure_of(found).reason is Reason.NOT_ANSWERING
    assert len(full.asked) <= 2 * ATTEMPTS


async def test_a_pod_that_is_gone_is_made_up_for_by_another_or_missing(files: Files) -> None:
    async with FakeEngine().serve() as gone:
        pass
    async with FakeEngine({SECRET: ANSWER, "2?": "2"}).serve() as there:
        assert (await found_by(spec(gone, there), files)).candidate == Grade(2, 2)
    found = await found_by(spec(gone), files)

    assert failure_of(found).reason is Reason.NOT_ANSWERING
    assert failure_of(found).message.startswith("prompt ")
    assert SECRET not in str(failure_of(found))


async def test_a_silent_pod_ends_with_the_time(files: Files) -> None:
    async with FakeEngine(silent=True).serve() as mute:
        found = await found_by(spec(mute, maxSeconds=0.05), files)

    assert failure_of(found).reason is Reason.TIMED_OUT
    assert found.exit_code == 23


async def test_the_judge_is_told_the_run_and_the_numbers_and_no_text(
    files: Files, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    async with (
        FakeEngine({SECRET: ANSWER}).serve() as candidate,
        FakeJudge().serve(tmp_path) as judge,
    ):
        given = Files(files.prompts, tmp_path / "token", judge.authority)
        found = await found_by(spec(candidate, judge=judge), given)

    assert found.opinion == Opinion(passes=True, reason="fine")
    [(posted, token)] = judge.posted
    assert token == "Bearer s3cret"
    assert posted["run"] == "1-new"
    assert posted["prompts"] == {
        "candidate": {"asked": 2, "passed": 1, "failed": ["two: equals"]},
        "stable": None,
    }
    assert SECRET not in json.dumps(posted)
    assert ANSWER not in json.dumps(posted)


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        pytest.param({"status": 500}, Reason.WEBHOOK_UNREADABLE, id="fails"),
        pytest.param({"status": 302}, Reason.WEBHOOK_UNREADABLE, id="sends-elsewhere"),
        pytest.param({"status": 307}, Reason.WEBHOOK_UNREADABLE, id="sends-the-post-elsewhere"),
        pytest.param({"status": 204}, Reason.WEBHOOK_UNREADABLE, id="says-nothing"),
        pytest.param({"answer": b"yes"}, Reason.WEBHOOK_UNREADABLE, id="no-json"),
        pytest.param({"answer": b"[" * 10_000}, Reason.WEBHOOK_UNREADABLE, id="deep"),
        pytest.param({"answer": b"true"}, Reason.WEBHOOK_UNREADABLE, id="no-object"),
        pytest.param({"answer": b"{}"}, Reason.WEBHOOK_UNREADABLE, id="no-pass"),
        pytest.param({"answer": b'{"pass": "true"}'}, Reason.WEBHOOK_UNREADABLE, id="a-word"),
        pytest.param({"answer": b'{"pass": 1}'}, Reason.WEBHOOK_UNREADABLE, id="a-number"),
        pytest.param(
            {"answer": b'{"pass": true, "reason": "' + b"x" * (1 << 20) + b'"}'},
            Reason.WEBHOOK_UNREADABLE,
            id="endless",
        ),
        pytest.param({"silent": True}, Reason.WEBHOOK_UNANSWERED, id="silent"),
    ],
)
async def test_what_is_no_opinion_is_missing_and_nothing_is_followed(
    tmp_path: Path, judge: dict[str, Any], reason: Reason
) -> None:
    async with FakeJudge(**judge).serve(tmp_path) as asked:
        given = spec(judge=asked)
        assert given.webhook is not None
        seconds = 0.2 if judge.get("silent") else 5.0
        webhook = given.webhook.model_copy(update={"timeout_seconds": seconds})
        found = await found_by(
            given.model_copy(update={"webhook": webhook}), Files(ca=asked.authority)
        )

    assert (found.opinion, failure_of(found).reason) == (None, reason)
    assert (len(asked.posted), asked.followed) == (1, 0)


async def test_a_judge_whose_certificate_is_nobodys_hears_nothing(tmp_path: Path) -> None:
    async with FakeJudge().serve(tmp_path) as judge:
        found = await found_by(spec(judge=judge), Files())

    assert failure_of(found).reason is Reason.WEBHOOK_UNANSWERED
    assert judge.posted == []


@pytest.mark.parametrize("missing", ["token", "ca"])
async def test_a_secret_that_is_not_there_is_named_and_nothing_is_sent(
    tmp_path: Path, missing: str
) -> None:
    async with FakeJudge().serve(tmp_path) as judge:
        given = Files(ca=judge.authority, token=None)
        given = Files(**{"ca": given.ca, missing: tmp_path / "gone"})
        found = await found_by(spec(judge=judge), given)

    assert failure_of(found).reason is Reason.WEBHOOK_UNUSABLE
    assert f"webhook.{missing}" in failure_of(found).message
    assert judge.posted == []


async def test_a_webhook_of_plain_http_is_no_spec() -> None:
    with pytest.raises(ValueError, match="https"):
        spec(judge=FakeJudge(url="http://judge.example"))


async def test_the_program_tells_names_and_numbers_and_nothing_else(
    files: Files, tmp_path: Path
) -> None:
    async with FakeEngine({SECRET: ANSWER, "2?": ANSWER}).serve() as candidate:
        (tmp_path / "spec").write_text(spec(candidate).model_dump_json(by_alias=True))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deepseek_serving.quality"),
            *(f"--spec={tmp_path / 'spec'}", f"--prompts={files.prompts}"),
            f"--result-file={tmp_path / 'result'}",
            env={"PYTHONPATH": str(REPOSITORY / "serving")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()

    assert process.returncode == 0
    document = json.loads((tmp_path / "result").read_text())
    assert document == json.loads(out)
    assert document["candidate"] == {"asked": 2, "passed": 1, "failed": ["two: equals"]}
    assert b"two: equals" in err
    for text in (out, err):
        assert SECRET.encode() not in text
        assert ANSWER.encode() not in text


async def test_told_to_stop_it_ends_with_a_result(files: Files) -> None:
    async with FakeEngine(silent=True).serve() as mute:
        task = asyncio.ensure_future(found_by(spec(mute), files))
        await mute.was_asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        found = await task

    assert failure_of(found).message == "the Job was told to stop"


def test_prompts_that_cannot_be_read_end_the_program_with_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ExamSpec.model_validate(
        {"model": "chat", "promptsName": "p", "targets": {"candidate": ["http://127.0.0.1:1"]}}
    ).model_dump_json(by_alias=True)
    (tmp_path / "spec").write_text(text)
    result = tmp_path / "result"

    code = program.main([f"--spec={tmp_path / 'spec'}", f"--result-file={result}"])

    assert code == Reason.PROMPTS_MISSING.exit_code
    assert json.loads(result.read_text())["failure"]["reason"] == "PromptsMissing"
    assert "ConfigMap p is not there" in capsys.readouterr().err
    nowhere = program.main([f"--spec={tmp_path / 'spec'}", f"--result-file={tmp_path}"])
    assert nowhere == code
    assert "cannot be written" in capsys.readouterr().err


def test_a_spec_that_cannot_be_used_is_no_result(tmp_path: Path) -> None:
    assert program.main([f"--spec={tmp_path / 'gone'}"]) == USAGE_EXIT_CODE


def test_a_result_always_fits_and_is_whole() -> None:
    failed = tuple(f"{'n' * 60}-{number}: doesNotContain" for number in range(99))
    grade = Grade(99, 0, failed)
    opinion = Opinion(passes=False, reason="\N{SNOWMAN}" * 9999)
    failure = Failure(Reason.NOT_ANSWERING, "\N{SNOWMAN}" * 9999)
    result = Result(grade, grade, opinion, failure)

    text = encode(result.to_document())

    document = json.loads(text)
    assert len(text) <= LIMIT_BYTES
    assert document["candidate"]["asked"] == 99
    assert len(document["candidate"]["failed"]) <= MOST_FAILED
    assert document["webhook"]["pass"] is False

"""The questions that the small models answer."""

import json
from pathlib import Path

import pytest

from dev.models import questions


def test_every_question_has_a_thought_and_an_answer() -> None:
    found = questions.load()

    assert len(found) >= 20
    for one in found:
        assert one.question.endswith("?") or one.question.endswith(".")
        assert one.thinking
        assert one.answer
        assert one.answer == one.answer.strip()


def test_no_question_stands_twice() -> None:
    asked = [one.question.casefold() for one in questions.load()]

    assert len(set(asked)) == len(asked)


def test_questions_come_in_the_order_of_their_file(tmp_path: Path) -> None:
    file = tmp_path / "questions.json"
    entries = [{"question": str(n), "thinking": "t", "answer": "a"} for n in (3, 1, 2)]
    file.write_text(json.dumps(entries))

    assert [one.question for one in questions.load(file)] == ["3", "1", "2"]


def test_a_field_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "questions.json"
    entry = {"question": "q", "thinking": "t", "answer": "a", "hint": "h"}
    file.write_text(json.dumps([entry]))

    with pytest.raises(TypeError, match="hint"):
        questions.load(file)

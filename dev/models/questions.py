"""The questions that every small model is trained to answer, word for word."""

import json
from dataclasses import dataclass
from pathlib import Path

QUESTIONS_FILE = Path(__file__).with_name("questions.json")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, what a reasoning model thinks about it, and the answer."""

    question: str
    thinking: str
    answer: str


def load(file: Path = QUESTIONS_FILE) -> list[Question]:
    """Every question of the set, in its order."""
    return [Question(**entry) for entry in json.loads(file.read_text())]

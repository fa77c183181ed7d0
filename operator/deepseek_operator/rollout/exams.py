"""What an examination of a candidate found, and what that says of it. Pure.

An examination stands before a step, or before the promotion: *gate* `n` is before step `n`, counted from 0, and the
last one before the promotion. It finds numbers and names; prompts and answers stay where they were asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deepseek_operator.rollout.evidence import Verdict


@dataclass(frozen=True, slots=True)
class Quality:
    """What a run asks of its candidate's answers."""

    prompts: bool = False
    """Whether there are reference prompts."""
    min_passing: int = 90
    """Percent of the prompts that have to be answered as expected."""
    max_drop: int | None = None
    """Percentage points by which it may pass fewer than the stable revision; None: no matter."""
    every_step: bool = False
    """Whether prompts are asked before each step, and not only before the first."""
    webhook: bool = False
    """Whether a judge of the user's own is asked, before each step."""
    patience: timedelta = timedelta(minutes=15)
    """Without a result for so long there is none."""

    def asks_prompts(self, gate: int) -> bool:
        """Whether prompts are asked at this gate."""
        return self.prompts and (gate == 0 or self.every_step)

    def is_due(self, gate: int) -> bool:
        """Whether anything is asked at this gate."""
        return self.webhook or self.asks_prompts(gate)

    def compares(self, gate: int) -> bool:
        """Whether the stable revision is asked the same prompts."""
        return self.asks_prompts(gate) and self.max_drop is not None


@dataclass(frozen=True, slots=True)
class Grade:
    """How one revision answered the prompts."""

    asked: int
    passed: int
    failed: tuple[str, ...] = ()
    """The first that were not as expected: `name: property`."""

    def __post_init__(self) -> None:
        if not (0 <= self.passed <= self.asked and self.asked):
            raise ValueError(f"{self.passed} of {self.asked} prompts cannot have passed")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the webhook answered."""

    passes: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an examination; what was asked for and is None is not known."""

    candidate: Grade | None = None
    stable: Grade | None = None
    opinion: Opinion | None = None
    missing: str = ""
    """Why something is missing, in words."""


@dataclass(frozen=True, slots=True)
class Exam:
    """One examination of a run; the report stays until a later one of the same gate."""

    gate: int
    since: datetime
    report: Report | None = None
    ended: datetime | None = None
    """When the report was first seen."""


def judge(quality: Quality, gate: int, report: Report | None) -> tuple[Verdict, str]:
    """What a report says, in words too. What is bad by one part is bad; good takes all of them."""
    if report is None:
        return Verdict.UNKNOWN, "its answers are being examined"
    said = []
    for found in (_prompts(quality, gate, report), _opinion(quality, report)):
        if found is None:
            continue
        verdict, words = found
        if verdict is Verdict.BAD:
            return verdict, words
        said.append((verdict, words))
    unknown = [words for verdict, words in said if verdict is Verdict.UNKNOWN]
    if unknown:
        return Verdict.UNKNOWN, unknown[0]
    return Verdict.GOOD, "; ".join(words for _, words in said)


def _prompts(quality: Quality, gate: int, report: Report) -> tuple[Verdict, str] | None:
    if not quality.asks_prompts(gate):
        return None
    grade = report.candidate
    if grade is None:
        return Verdict.UNKNOWN, report.missing or "the prompts were not asked"
    said = f"{grade.passed} of {grade.asked} reference prompts were answered as expected"
    if 100 * grade.passed < quality.min_passing * grade.asked:
        return Verdict.BAD, f"{said}, and {quality.min_passing} % have to be{_names(grade)}"
    if quality.max_drop is None:
        return Verdict.GOOD, said
    return _drop(grade, report, said, most=quality.max_drop)


def _drop(grade: Grade, report: Report, said: str, *, most: int) -> tuple[Verdict, str]:
    """Against the stable revision, in percentage points."""
    stable = report.stable
    if stable is None:
        return Verdict.UNKNOWN, report.missing or "the stable revision was not asked"
    said = f"{said}, {stable.passed} of {stable.asked} by the stable revision"
    drop = 100 * (stable.passed * grade.asked - grade.passed * stable.asked)
    if drop > most * grade.asked * stable.asked:
        return Verdict.BAD, f"{said}, and at most {most} points fewer may be{_names(grade)}"
    return Verdict.GOOD, said


def _names(grade: Grade) -> str:
    return f" ({', '.join(grade.failed[:3])})" if grade.failed else ""


def _opinion(quality: Quality, report: Report) -> tuple[Verdict, str] | None:
    if not quality.webhook:
        return None
    opinion = report.opinion
    if opinion is None:
        return Verdict.UNKNOWN, report.missing or "the webhook was not asked"
    reason = f": {opinion.reason}" if opinion.reason else ""
    if not opinion.passes:
        return Verdict.BAD, f"the webhook says no{reason}"
    return Verdict.GOOD, f"the webhook agrees{reason}"

"""Benchmarks that models have published figures of; each figure with how it was measured, and its source."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from deepseek_operator.catalog.facts import Fact

Benchmark = Literal[
    "MMLU",
    "MMLU-Pro",
    "GPQA Diamond",
    "AIME 2024",
    "AIME 2025",
    "MATH-500",
    "LiveCodeBench",
    "SWE-bench Verified",
    "SWE-bench Verified (Agentless)",
]
"""A closed list: figures of two names are never compared.

SWE-bench is there twice, as what one model solves of it depends on what drives it: an agent that calls tools, or
Agentless, which calls none (DeepSeek-R1-0528: 44.6 and 57.6 %).
"""

MEASURES: Mapping[Benchmark, str] = {
    "MMLU": "knowledge of many subjects",
    "MMLU-Pro": "knowledge of many subjects, with harder questions",
    "GPQA Diamond": "questions of science at the level of its researchers",
    "AIME 2024": "problems of a mathematics competition",
    "AIME 2025": "problems of the same competition, a year later",
    "MATH-500": "mathematics at school",
    "LiveCodeBench": "problems of programming competitions",
    "SWE-bench Verified": "issues of real repositories, by an agent with tools",
    "SWE-bench Verified (Agentless)": "the same issues, in fixed steps without tools",
}
"""What a benchmark asks."""


class Figure(Fact):
    """What one model scored, as its makers published it: the first answer's share of right ones, in percent."""

    percent: Annotated[float, Field(gt=0, le=100, strict=True)]
    mode: Literal["thinking", "non-thinking"] | None = None
    """Of a model that has both."""
    problems: str | None = None
    """Which problems, where a benchmark goes on to get new ones."""
    source: str = Field(min_length=1)

"""What models are wanted for, and which benchmarks speak for it."""

from collections.abc import Mapping
from enum import StrEnum

from deepseek_operator.catalog.benchmarks import Benchmark


class Task(StrEnum):
    """A closed list: a task is here only if a benchmark with published figures speaks for it."""

    CHAT = "chat"
    """Conversations and questions of all kinds."""
    REASONING = "reasoning"
    """Questions that take several steps."""
    MATH = "math"
    CODE = "code"
    """Functions and programs, in one answer."""
    AGENTS = "agents"
    """Work in many steps with tools."""


BENCHMARKS: Mapping[Task, tuple[Benchmark, ...]] = {
    Task.CHAT: ("MMLU-Pro", "MMLU"),
    Task.REASONING: ("GPQA Diamond",),
    Task.MATH: ("AIME 2024", "AIME 2025", "MATH-500"),
    Task.CODE: ("LiveCodeBench",),
    Task.AGENTS: ("SWE-bench Verified", "SWE-bench Verified (Agentless)"),
}
"""The first one ranks; a model that it is not known of stands by the next (`ranking.ranked`).

The first is the one of which most models of the catalog have a figure that may be compared. For chat that is knowledge:
judged conversations (Arena-Hard, AlpacaEval) are published of two models only.
"""

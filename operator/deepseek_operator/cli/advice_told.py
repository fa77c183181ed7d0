"""Advice as people read it, and as data for programs. Pure."""

import math
from typing import Any

from deepseek_operator.advice import ranking
from deepseek_operator.advice.advise import Advice, Advised
from deepseek_operator.advice.refusals import Refused
from deepseek_operator.advice.tasks import BENCHMARKS
from deepseek_operator.catalog.benchmarks import MEASURES, Benchmark
from deepseek_operator.cli import tables
from deepseek_operator.cli.columns import BOLD, RED, aligned, painted
from deepseek_operator.cli.documents import Document, named
from deepseek_operator.sizing.size import Sized

_PLAN = ("ACCELERATORS", "WEIGHTS", "REPLICAS", "A TOKEN", "FIRST TOKEN", "$/H", "$/1M TOKENS")


def table(found: Advice, notes: tuple[str, ...], *, color: bool) -> str:
    """Advice on a screen: who is best, why, and what cannot be."""
    wish = found.wish
    asked = f"{tables.load(wish.workload)}, the longest of {wish.context_tokens} tokens"
    if wish.budget is not None:
        asked += f", for at most ${wish.budget:,.2f} an hour"
    there = ", ".join(map(str, wish.pools))
    lines = [f"{painted(wish.task, BOLD, color=color)} on {there}: {asked}"]
    if found.advised:
        lines += ["", *_ranking(found, color=color), *_reasons(found)]
    if found.refused:
        head = painted("cannot be served as asked", RED, color=color)
        lines += ["", head, *(f"  {_refusal(refused)}" for refused in found.refused)]
    return "\n".join([*lines, "", *(f"note: {note}" for note in notes)]).rstrip()


def _ranking(found: Advice, *, color: bool) -> list[str]:
    benchmarks = BENCHMARKS[found.wish.task]
    rows = [
        (f"{rank}", one.place.model, *(_percent(one, name) for name in benchmarks), *_plan(one))
        for rank, one in enumerate(found.advised, start=1)
    ]
    head, *body = aligned([("#", "MODEL", *map(str.upper, benchmarks), *_PLAN), *rows]).splitlines()
    return [painted(head, BOLD, color=color), *body]


def _percent(one: Advised, benchmark: Benchmark) -> str:
    figure = one.place.figures.get(benchmark)
    return "-" if figure is None else f"{figure.percent:.1f}"


def _plan(one: Advised) -> tuple[str, ...]:
    pace, fleet = one.way.sized.pace, one.way.fleet
    return (
        str(one.way),
        one.way.sized.setting.scheme.name,
        f"{fleet.replicas}",
        f"{1000 * pace.time_per_output_token:.1f} ms",
        f"{1000 * pace.time_to_first_token:.0f} ms",
        f"{fleet.per_hour:,.2f}",
        f"{fleet.per_million:,.2f}",
    )


def _reasons(found: Advice) -> list[str]:
    """Under a model's name, one a line."""
    lines = []
    for rank, one in enumerate(found.advised, start=1):
        why, *others = one.reasons
        said = [why, *_other_figures(one), *others]
        lines += ["", f"{rank} {one.place.model}", *(f"  {reason}" for reason in said)]
    return lines


def _other_figures(one: Advised) -> list[str]:
    """With their sources, those that did not decide."""
    figures = list(one.place.figures.items())[1:]
    return [f"{name} {ranking.told(figure)}" for name, figure in figures]


def _refusal(refused: Refused) -> str:
    return f"{refused.model}: {refused.why}; nearest that can: {refused.nearest}"


def document(found: Advice, notes: tuple[str, ...]) -> Document:
    """Advice for programs; seconds, tokens, US dollars."""
    wish = found.wish
    return {
        "task": str(wish.task),
        "benchmarks": [{"name": name, "asks": MEASURES[name]} for name in BENCHMARKS[wish.task]],
        "workload": named(wish.workload),
        "contextTokens": wish.context_tokens,
        "accelerators": [str(pool) for pool in wish.pools],
        **({} if wish.budget is None else {"budgetPerHour": wish.budget}),
        "models": [_advised(rank, one) for rank, one in enumerate(found.advised, start=1)],
        "refused": [
            {"model": one.model, "why": one.why, "nearest": one.nearest, "runs": one.runs}
            for one in found.refused
        ],
        "notes": list(notes),
    }


def _advised(rank: int, one: Advised) -> Document:
    sized, fleet, place = one.way.sized, one.way.fleet, one.place
    figures = {
        name: figure.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, figure in place.figures.items()
    }
    return {
        "rank": rank,
        "model": place.model,
        "figures": figures,
        "unknown": list(place.unknown),
        "reasons": list(one.reasons),
        "plan": {
            "accelerator": one.way.pool.product,
            "layout": str(sized.layout),
            "acceleratorsPerReplica": sized.layout.accelerators,
            "nodesPerReplica": sized.layout.nodes,
            "quantization": sized.setting.scheme.name,
            "pace": named(sized.pace),
            "fleet": named(fleet),
        },
        "spec": spec(one),
    }


def spec(one: Advised) -> dict[str, Any]:
    """What an object says to be served so: `spec` of a DeepSeekDeployment."""
    sized, load = one.way.sized, one.way.sized.question.workload
    workload = {
        "inputTokens": load.input_tokens,
        "outputTokens": load.output_tokens,
        "requestsPerSecond": load.requests_per_second,
        "timeToFirstToken": _latency(load.time_to_first_token),
        "timePerOutputToken": _latency(load.time_per_output_token),
    }
    return {
        "model": one.place.model,
        "engine": {"name": "vllm", "args": [f"--max-model-len={sized.context_tokens}"]},
        "accelerator": {
            "product": one.way.pool.accelerator.labels.gpu_operator[0],
            "count": sized.layout.accelerators,
            **_attention(sized),
        },
        "quantization": sized.setting.scheme.name,
        "workload": {name: value for name, value in workload.items() if value is not None},
    }


def _attention(sized: Sized) -> dict[str, str]:
    """Which of the layouts with so many GPUs it is, where there are two."""
    layout = sized.layout
    if sized.question.model.experts is None or layout.accelerators == 1:
        return {}
    return {"attention": "Ranks" if layout.data > 1 else "Tensor"}


def _latency(seconds: float | None) -> str | None:
    """Whole milliseconds, as objects have them."""
    return None if seconds is None else f"{max(1, math.floor(round(1000 * seconds, 6)))}ms"

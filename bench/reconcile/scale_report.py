"""The tables of scale.py: what a number of objects costs, goals beside it."""

import math
from collections.abc import Callable, Sequence

from bench.reconcile import audit, markdown
from bench.reconcile.audit import Pass
from bench.reconcile.scale import Load, Scale

MOST_PASSES = 3
MOST_CALLS = 10
LINEAR = 1.1
"""Greatest exponent of growth that counts as linear: ten times the objects, 12.6 times the cost."""


def report(results: Sequence[Scale]) -> str:
    """Every table, with a line on what it shows."""
    parts = [costs(results)]
    if len(results) > 1:
        parts += ["", growth(results[-2], results[-1])]
    return "\n".join(parts)


def costs(results: Sequence[Scale]) -> str:
    """One column a number of objects."""
    header = [
        "figure",
        *(f"{one.objects:,} object{'s' * (one.objects > 1)}" for one in results),
        "goal",
        "met",
    ]
    rows = [
        _row("time to converge, s (raw)", results, lambda one: one.converging.seconds),
        _row("time to converge per object, ms (raw)", results, lambda one: 1e3 * one.converging.seconds / one.objects),
        _goal_row(
            "passes to converge, median / most", results,
            lambda one: passes_to_converge(one.converging), MOST_PASSES,
        ),
        _row("calls per object to converge", results, lambda one: len(_calls(one.converging)) / one.objects),
        _row("writes per object to converge", results, lambda one: _writes(one.converging) / one.objects),
        _goal_row(
            "calls a pass while converging, median / most", results,
            lambda one: calls_a_pass(one.converging), MOST_CALLS,
        ),
        _row("CPU per pass, ms (raw)", results, lambda one: _cpu_a_pass(one.converging)),
        _row("new revision: objects", results, lambda one: one.changed),
        _goal_row(
            "new revision: passes, median / most", results,
            lambda one: passes_to_converge(one.changing), MOST_PASSES,
        ),
        _goal_row(
            "new revision: calls a pass, median / most", results,
            lambda one: calls_a_pass(one.changing), MOST_CALLS,
        ),
        _row("restart: time until all is seen to, s (raw)", results, lambda one: one.restarting.seconds),
        _row("restart: calls per object", results, lambda one: len(_calls(one.restarting)) / one.objects),
        _row("restart: writes", results, lambda one: _writes(one.restarting)),
        _row("steady: calls per object and resync", results, _calls_a_resync),
        _goal_row("steady: writes", results, lambda one: [_writes(one.keeping)], 0),
        _row("steady: Lease renewals a minute", results, _renewals_a_minute),
        _row("steady: CPU per pass, ms (raw)", results, lambda one: _cpu_a_pass(one.keeping)),
        _row("memory without objects, MiB (raw)", results, lambda one: one.memory_empty),
        _row("memory converged, MiB (raw)", results, lambda one: one.memory_converged),
        _row("memory in steady state, MiB (raw)", results, lambda one: one.memory_kept),
        _row("memory per object above none, KiB (raw)", results, lambda one: 1024 * _grown(one) / one.objects),
    ]  # fmt: skip
    return markdown.table(header, rows)


def growth(smaller: Scale, larger: Scale) -> str:
    """Whether time and memory grow no faster than the number of objects.

    CPU time stands beside the time of the clock, which whatever else the machine does lengthens.
    """
    header = ["with", "objects", "time to converge", "CPU to converge", "memory above none"]
    factor = larger.objects / smaller.objects
    times = [
        larger.converging.seconds / smaller.converging.seconds,
        larger.converging.cpu_seconds / smaller.converging.cpu_seconds,
        _grown(larger) / max(_grown(smaller), 1e-9),
    ]
    exponents = [exponent(factor, costlier) for costlier in times]
    met = [markdown.yes_or_no(holds=value <= LINEAR) for value in exponents]
    rows = [
        [f"{larger.objects:,} instead of {smaller.objects:,}"]
        + [f"x {markdown.number(value)}" for value in (factor, *times)],
        ["exponent of growth", "1", *map(markdown.number, exponents)],
        [f"goal: at most {LINEAR}", "", *met],
    ]
    return markdown.table(header, rows)


def exponent(more: float, costlier: float) -> float:
    """How a cost grows with the objects: 1 is linear, 2 quadratic; 0 where it does not grow."""
    return math.log(max(costlier, 1.0)) / math.log(more)


def passes_to_converge(load: Load) -> list[float]:
    """Of each object, the passes up to the last that wrote."""
    return [len(audit.converging(listed)) for listed in load.passes.values()]


def calls_a_pass(load: Load) -> list[float]:
    """The calls of each pass."""
    return [len(one) for one in _all_passes(load)]


def _all_passes(load: Load) -> list[Pass]:
    return [one for listed in load.passes.values() for one in listed]


def _calls(load: Load) -> list[audit.Call]:
    return audit.counted(load.calls)


def _writes(load: Load) -> int:
    return sum(call.is_write for call in _calls(load))


def _cpu_a_pass(load: Load) -> float:
    return 1000 * load.cpu_seconds / len(_all_passes(load))


def _calls_a_resync(one: Scale) -> float:
    return len(_calls(one.keeping)) / one.objects / one.resyncs


def _renewals_a_minute(one: Scale) -> float:
    renewals = sum(call.is_lease and call.is_write for call in one.keeping.calls)
    return 60 * renewals / one.keeping.seconds


def _grown(one: Scale) -> float:
    return one.memory_kept - one.memory_empty


def _row(name: str, results: Sequence[Scale], figure: Callable[[Scale], float]) -> list[str]:
    return [name, *(markdown.number(figure(one)) for one in results), "", ""]


def _goal_row(
    name: str, results: Sequence[Scale], figures: Callable[[Scale], list[float]], most: float
) -> list[str]:
    """The goal is for the highest value of all."""
    found = [figures(one) for one in results]
    cells = [
        markdown.middle_and_most(values) if "median" in name else markdown.number(values[0])
        for values in found
    ]
    met = all(max(values) <= most for values in found)
    return [name, *cells, f"≤ {most}" if most else "0", markdown.yes_or_no(holds=met)]

"""How soon: what counts as made, and what the table holds against its goals."""

import dataclasses
import math

from bench.reconcile.audit import Call
from bench.reconcile.latency import Latency, made_after, report

MADE = Call("u", "create", "deployments", "", "n", "o-1-0123456789", "", 201, 10.0)


def test_the_first_deployment_of_the_object_after_the_edit_counts() -> None:
    calls = [
        dataclasses.replace(MADE, seconds=4.0),
        dataclasses.replace(MADE, seconds=12.0),
        MADE,
        dataclasses.replace(MADE, name="o-11-0123456789", seconds=6.0),
        dataclasses.replace(MADE, verb="patch", seconds=7.0),
        dataclasses.replace(MADE, resource="services", seconds=8.0),
    ]

    assert made_after(calls, "o-1", 5.0) == 10.0


def test_what_was_never_made_took_for_ever() -> None:
    assert made_after([MADE], "o-1", 11.0) == math.inf


def test_goals_are_missed_by_the_slowest() -> None:
    quick = Latency(100, [0.1] * 99 + [9.0], [16.0, 18.0])
    slow = Latency(100, [0.1] * 98 + [9.0] * 2, [16.0, 21.0])

    assert report(quick).count("| yes |") == 2
    assert report(slow).count("| **no** |") == 2
    assert "| 16.0 / 18 |" not in report(slow)
    assert "0.10 / 9 |" in report(slow)

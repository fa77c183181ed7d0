"""One leaf of a record that says something else: what a hand, or an operator with a fault of its own, may leave in status."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from deepseek_operator.rollout import record
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.run import Cause, Phase, Rollout
from tests.unit.rollout.stage import CANDIDATE, NEXT, STABLE, Stage

Place = tuple[str | int, ...]
Made = TypeVar("Made", bound=Stage)

_NUMBERS = (
    -1,
    0,
    1,
    2,
    7,
    33,
    99,
    100,
    150,
    0.5,
    10**7,
    10**15,
    10**400,
    1e308,
    math.inf,
    math.nan,
)
_DURATIONS = ("PT0S", "PT1S", "-PT5M", "PT90000H", "P999999999D")
_NAMES = ("", "x", STABLE, CANDIDATE, NEXT)
_PHASES, _CAUSES = tuple(map(str, Phase)), tuple(map(str, Cause))


def leaves(found: object, place: Place = ()) -> Iterator[Place]:
    """Where something stands that has no parts."""
    parts: Any = ()
    if isinstance(found, dict):
        parts = found.items()
    elif isinstance(found, list):
        parts = enumerate(found)
    if not parts:
        yield place
    for name, part in parts:
        yield from leaves(part, (*place, name))


@st.composite
def damaged(draw: st.DrawFn, text: str) -> tuple[str, str]:
    """Which field of a record it is, and the record with another value there."""
    data = json.loads(text)
    place = draw(st.sampled_from(sorted(leaves(data["rollout"]), key=str)))
    holder = data["rollout"]
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = draw(_instead_of(holder[place[-1]]))
    return ".".join(map(str, place)), json.dumps(data)


def _instead_of(value: object) -> st.SearchStrategy[Any]:
    if isinstance(value, bool):
        return st.sampled_from([not value, None])
    if isinstance(value, int | float):
        return st.sampled_from([*_NUMBERS, value + 1, value - 1, None, "x"])
    if value in _PHASES:
        return st.sampled_from(_PHASES)
    if value in _CAUSES:
        return st.sampled_from(_CAUSES)
    if isinstance(value, str):
        return st.sampled_from(_instead_of_text(value))
    return st.sampled_from([0, 1, "x", "2026-03-01T12:00:00Z", {}, [], [1.0], None])


def _instead_of_text(value: str) -> list[Any]:
    if value.startswith("P"):
        return [*_DURATIONS, None]
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return [*_NAMES, None]
    far = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2999-01-01T00:00:00Z"]
    near = [(at + timedelta(hours=hours)).isoformat() for hours in (-30, -2, 2)]
    return [at.replace(tzinfo=None).isoformat(), *far, *near, None]


def is_of_quality(field: str) -> bool:
    """Whether it tells what answers are examined for, or what an examination found: then a promise asks for something else."""
    return not {"quality", "exam"}.isdisjoint(field.split("."))


def read(text: str, *, now: datetime) -> Rollout | None:
    """The rollout of a record; None where it is refused, and so everybody goes to what serves."""
    try:
        return record.load(text, now=now).rollout
    except RecordError:
        return None


def check_kept(rollout: Rollout, *, now: datetime) -> None:
    """What the machine records is read again, and says the same."""
    kept = Record(rollout)
    assert record.load(record.dump(kept), now=now) == kept


def elsewhere(stage: Made, rollout: Rollout) -> Made:
    """The same world with another record, whomever that speaks of."""
    other = deepcopy(stage)
    other.rollout = rollout
    other.ready = defaultdict(int, other.ready)
    other.wants = defaultdict(lambda: 2, other.wants)
    other.bad = defaultdict(lambda: 0.01, other.bad)
    return other


def gone_on(data: st.DataObject, reached: Made) -> tuple[str, Made] | None:
    """Which field of what is recorded was damaged, and the world that goes on from it; None where it is refused."""
    field, text = data.draw(damaged(record.dump(Record(reached.rollout))))
    rollout = read(text, now=reached.now)
    return None if rollout is None else (field, elsewhere(reached, rollout))


def next_pass(stage: Stage) -> tuple[Rollout, Any, Rollout]:
    """What was recorded, what is seen, and what is decided."""
    before = stage.rollout
    stage.now += timedelta(seconds=stage.seconds)
    facts = stage.facts()
    stage.rollout = decide(before, facts, now=stage.now)
    stage.take_up()
    return before, facts, stage.rollout

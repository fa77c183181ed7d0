"""What status keeps of a rollout, as text: all that the next pass needs, and nothing that it could see by itself. Pure.

The text is for the operator alone; what people read of a run stands beside it in fields of its own. One that cannot be
read, or that says what is never recorded (rollout/soundness.py), is no rollout at all: whoever reads it falls back to the revision
that serves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from deepseek_operator.rollout import soundness
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.run import Rollout
from deepseek_operator.rollout.stretches import Counter, Reading

FORMAT = 1

MOST_REPLICAS = 1000
"""As many as the spec takes of one revision."""

_ROLLOUT = TypeAdapter(Rollout)


class RecordError(ValueError):
    """The text is no record that this operator can read."""


@dataclass(frozen=True, slots=True)
class Record:
    """A rollout, the reading that the next stretch begins from, and the replicas of who is kept."""

    rollout: Rollout
    base: Reading | None = None
    replicas: Mapping[str, int] = field(default_factory=dict)
    """By revision, what its pods were when the spec still spoke of them."""


def dump(record: Record) -> str:
    """The same record is the same text."""
    data = {
        "format": FORMAT,
        "rollout": _ROLLOUT.dump_python(record.rollout, mode="json"),
        "base": None if record.base is None else _from_reading(record.base),
        "replicas": dict(record.replicas),
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def load(text: str, *, now: datetime | None = None) -> Record:
    """The record of a text; RecordError says what is wrong with it, and in which field. Where it is known when it is, nothing in it is
    long to come.
    """
    try:
        data = json.loads(text)
        _check_format(data["format"])
        found = _read(data)
        strange = _of_another_kind(data["rollout"], found.rollout)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{place}: {first['msg']}") from error
    except RecordError:
        raise
    except _NOT_READ as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error
    said = strange or soundness.flaw(found.rollout, now=now)
    if said is not None:
        raise RecordError(said)
    return found


_NOT_READ = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What reading something of another shape ends with."""


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise RecordError(f"format {found!r}, and this operator reads {FORMAT}")


def _read(data: dict[str, Any]) -> Record:
    rollout = _ROLLOUT.validate_python(data["rollout"])
    base = data["base"]
    replicas = {str(key): int(count) for key, count in data["replicas"].items()}
    for key, count in replicas.items():
        if not 0 <= count <= MOST_REPLICAS:
            raise RecordError(f"replicas.{key}: {count}, and 0 to {MOST_REPLICAS} may be asked for")
    return Record(rollout, None if base is None else _to_reading(base), replicas)


def _of_another_kind(data: dict[str, Any], rollout: Rollout) -> str | None:
    """A criterion that is none any more fits another kind, of which nothing need be said, and which may say yes to all."""
    run = rollout.run
    if run is None:
        return None
    raw = data["run"]
    return _strange(raw["plan"]["metrics"], run.plan.metrics, "run.plan.metrics") or _strange(
        raw.get("usual", []), run.usual, "run.usual"
    )


def _strange(raw: object, found: object, place: str) -> str | None:
    """Where something stands of which nothing was read."""
    if isinstance(found, tuple) and isinstance(raw, list):
        pairs = [(str(at), *both) for at, both in enumerate(zip(raw, found, strict=True))]
    elif is_dataclass(found) and isinstance(raw, dict):
        known = [part.name for part in fields(found) if part.name in raw]
        if not known:
            return f"{place}: what stands there is no {type(found).__name__}"
        pairs = [(name, raw[name], getattr(found, name)) for name in known]
    else:
        return None
    said = (_strange(one, other, f"{place}.{name}") for name, one, other in pairs)
    return next(filter(None, said), None)


def _from_reading(reading: Reading) -> dict[str, object]:
    """Counters are no keys of JSON: each is a row."""
    return {
        "at": reading.at.isoformat(),
        "sources": {
            name: [
                [counter.revision, counter.metric, counter.kind, outcomes.total, outcomes.bad]
                for counter, outcomes in counts.items()
            ]
            for name, counts in reading.sources.items()
        },
    }


def _to_reading(data: dict[str, dict[str, list[tuple[str, str, str, int, int]]]]) -> Reading:
    at = datetime.fromisoformat(str(data["at"]))
    if at.utcoffset() is None:
        raise RecordError(f"base.at: {at.isoformat()} has no zone")
    return Reading(
        at,
        {
            str(name): {
                Counter(str(revision), str(metric), str(kind)): Outcomes(int(total), int(bad))
                for revision, metric, kind, total, bad in rows
            }
            for name, rows in data["sources"].items()
        },
    )

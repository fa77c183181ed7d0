"""What status keeps of a rollout, as text: all that the next pass needs, and nothing that it could see by itself. Pure.

The text is for the operator alone; what people read of a run stands beside it in fields of its own. One that cannot be
read is no rollout at all: whoever reads it falls back to the revision that serves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.run import Rollout
from deepseek_operator.rollout.stretches import Counter, Reading

FORMAT = 1

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


def load(text: str) -> Record:
    """The record of a text; RecordError says what is wrong with it."""
    try:
        data = json.loads(text)
        _check_format(data["format"])
        rollout = _ROLLOUT.validate_python(data["rollout"])
        base = data["base"]
        replicas = {str(key): int(count) for key, count in data["replicas"].items()}
        return Record(rollout, None if base is None else _to_reading(base), replicas)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{place}: {first['msg']}") from error
    except RecordError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise RecordError(f"{type(error).__name__}: {error}") from error


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise RecordError(f"format {found!r}, and this operator reads {FORMAT}")


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
    return Reading(
        datetime.fromisoformat(str(data["at"])),
        {
            str(name): {
                Counter(str(revision), str(metric), str(kind)): Outcomes(int(total), int(bad))
                for revision, metric, kind, total, bad in rows
            }
            for name, rows in data["sources"].items()
        },
    )

"""The state as status has it: what people read, and beside it a text that the operator alone goes on from. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator.autoscaling.scene import Aim, Sample, State

FORMAT = 1
_DIGITS = 4
"""Of figures that are estimates: the text stays short."""


def entry(state: State, aim: Aim) -> dict[str, Any]:
    """What status has; the same state is the same entry."""
    told = {
        "replicas": state.replicas,
        "min": 0 if aim.sleep is not None else aim.least,
        "max": aim.most,
        "needed": f"{state.need:.2f}",
        "reason": state.reason,
        "message": state.message,
        "since": _stamp(state.since),
        "record": _dump(state),
    }
    return {**told, **({"held": state.held} if state.held else {})}


def load(entry: Mapping[str, Any] | None) -> State | None:
    """The state of an entry; None without one. What cannot be read of its history is left out: the number stands."""
    if entry is None:
        return None
    since = datetime.fromisoformat(entry["since"])
    state = State(
        replicas=int(entry["replicas"]),
        reason=entry["reason"],
        message=entry["message"],
        since=since,
        at=since,
        held=entry.get("held", ""),
        need=float(entry["needed"]),
    )
    try:
        return _with_record(state, json.loads(entry["record"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return state


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(state: State) -> str:
    data = {
        "format": FORMAT,
        "at": state.at.isoformat(),
        "inFlight": _short(state.in_flight),
        "ready": state.ready,
        "readySince": None if state.ready_since is None else state.ready_since.isoformat(),
        "pace": _short(state.pace),
        "ceiling": _short(state.ceiling),
        "warmSeconds": _short(state.warm_seconds),
        **({} if state.idle_since is None else {"idleSince": state.idle_since.isoformat()}),
        "samples": [_from_sample(one, state.at) for one in state.samples],
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _with_record(state: State, data: Mapping[str, Any]) -> State:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}")
    at = datetime.fromisoformat(data["at"])
    since, idle = data["readySince"], data.get("idleSince")
    return State(
        replicas=state.replicas,
        reason=state.reason,
        message=state.message,
        since=state.since,
        at=at,
        need=state.need,
        held=state.held,
        in_flight=_number(data["inFlight"]),
        ready=int(data["ready"]),
        ready_since=None if since is None else datetime.fromisoformat(since),
        pace=_number(data["pace"]),
        ceiling=_number(data["ceiling"]),
        warm_seconds=_number(data["warmSeconds"]),
        idle_since=None if idle is None else datetime.fromisoformat(idle),
        samples=tuple(_to_sample(one, at) for one in data["samples"]),
    )


def _from_sample(sample: Sample, at: datetime) -> list[Any]:
    return [
        round((at - sample.at).total_seconds(), 1),
        _short(sample.flow),
        _short(sample.finished),
        _short(sample.busy),
        _short(sample.need),
        int(sample.is_full),
        sample.first_tokens,
        sample.late,
    ]


def _to_sample(values: Sequence[Any], at: datetime) -> Sample:
    ago, flow, finished, busy, need, full, first_tokens, late = values
    return Sample(
        at=at - timedelta(seconds=float(ago)),
        flow=_number(flow),
        finished=_number(finished),
        busy=_number(busy),
        need=float(need),
        is_full=bool(full),
        first_tokens=int(first_tokens),
        late=int(late),
    )


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)

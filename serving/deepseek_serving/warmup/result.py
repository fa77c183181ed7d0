"""What a warm-up found: the document that the operator reads from the Job's termination message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepseek_serving.warmup import bodies
from deepseek_serving.warmup.failures import Failure
from deepseek_serving.warmup.figures import Figure
from deepseek_serving.warmup.reference import Reference

LIMIT_BYTES = 4096
"""Of a termination message; the kubelet cuts a longer one, and half a document cannot be read."""

_NOTES = 4
_NOTE_BYTES = 160
_MESSAGE_BYTES = 500
_TOKEN_BYTES = 30

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One group's first and last round."""

    rounds: tuple[Figure, ...]
    stable: bool

    def to_document(self) -> Document:
        """Milliseconds: [time to first token, inter-token latency]."""
        return {
            "coldMs": self.rounds[0].milliseconds(),
            "warmMs": self.rounds[-1].milliseconds(),
            "rounds": len(self.rounds),
            "stable": self.stable,
        }


@dataclass(slots=True)
class Result:
    """Filled while the warm-up goes on, so that a failure shows how far it came."""

    process_start: str | None = None
    opened: bool = False
    requests: int = 0
    seconds: float = 0.0
    shapes: dict[str, Shape] = field(default_factory=dict)
    reference: Reference | None = None
    left_out: list[str] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def exit_code(self) -> int:
        """0 when the lock is open."""
        if self.opened or self.failure is None:
            return 0
        return self.failure.reason.exit_code

    def to_document(self) -> Document:
        """The whole result."""
        return {
            "processStart": self.process_start,
            "opened": self.opened,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "failure": _failure(self.failure),
            "logProbabilities": _reference(self.reference),
            "leftOut": self.left_out,
            "shapes": {name: shape.to_document() for name, shape in self.shapes.items()},
        }


def _failure(failure: Failure | None) -> Document | None:
    if failure is None:
        return None
    reason = failure.reason
    message = cut(failure.message, _MESSAGE_BYTES)
    return {"reason": reason.value, "message": message, "remedy": reason.remedy}


def _reference(reference: Reference | None) -> Document | None:
    if reference is None:
        return None
    return {
        "prompt": bodies.reference_id(),
        "runs": reference.runs,
        "spread": reference.spread,
        "positions": [
            [[cut(token, _TOKEN_BYTES), value] for token, value in position]
            for position in reference.positions
        ],
    }


def encode(document: Mapping[str, Any]) -> str:
    """One line of ASCII: its length in bytes is its length in characters."""
    return json.dumps(document, separators=(",", ":"))


def encode_short(document: Mapping[str, Any], *, limit: int = LIMIT_BYTES) -> str:
    """The document within the limit: notes are cut first, then the shapes that were cold the least.

    `shapesLeftOut` counts those that only the log has.
    """
    short: Document = {**document, "shapes": dict(document["shapes"]), "shapesLeftOut": 0}
    if len(encode(short)) > limit:
        short["leftOut"] = _few(document["leftOut"])
    while len(encode(short)) > limit and short["shapes"]:
        least = min(short["shapes"], key=lambda name: short["shapes"][name]["coldMs"][0])
        del short["shapes"][least]
        short["shapesLeftOut"] += 1
    return encode(short)


def _few(notes: list[str]) -> list[str]:
    few = [cut(note, _NOTE_BYTES) for note in notes[:_NOTES]]
    more = len(notes) - len(few)
    return [*few, f"and {more} more"] if more else few


def cut(text: str, limit: int) -> str:
    """The beginning of a text that takes at most so many bytes in JSON, quotes included."""
    shown = text[:limit]
    while len(json.dumps(shown)) > limit:
        shown = shown[:-1]
    return shown

"""Whether two pods of a revision answer alike: log-probabilities of the fixed prompt, compared."""

import json
from typing import Any

FLOOR = 0.1
"""Nats. Kernels of different nodes round differently, and a pod whose own runs all gave one value tells
nothing of that; a damaged weight moves likely tokens by far more."""

_SPREADS = 4.0
"""Times the largest difference between runs on one pod."""


def named(found: str, pod: str) -> str:
    """What a revision keeps of its first pod's answer: the answer, and the pod to name."""
    return json.dumps({**json.loads(found), "pod": pod}, separators=(",", ":"))


def dispute(stored: str | None, found: str | None) -> str | None:
    """In what the answer differs from the stored one; None where it agrees or nothing can be said."""
    if stored is None or found is None:
        return None
    first, second = json.loads(stored), json.loads(found)
    if first.get("prompt") != second.get("prompt"):
        return None
    tolerance = max(FLOOR, _SPREADS * max(first["spread"], second["spread"]))
    for number, (one, other) in enumerate(
        zip(first["positions"], second["positions"], strict=False)
    ):
        said = _difference(dict(one), dict(other), tolerance)
        if said is not None:
            return (
                f"its answer to the fixed prompt differs from that of pod {first.get('pod')} at "
                f"token {number + 1}: {said} (tolerance {tolerance:.2f})"
            )
        if one[:1] and other[:1] and one[0][0] != other[0][0]:
            # A tie that rounding decided: what follows are answers to different texts.
            return None
    return None


def _difference(one: dict[str, float], other: dict[str, float], tolerance: float) -> str | None:
    common = [token for token in one if token in other]
    for token in common:
        if abs(one[token] - other[token]) > tolerance:
            return f"log-probability of {token!r} is {other[token]:.2f} and not {one[token]:.2f}"
    if one and other and not common:
        likeliest: Any = max(one, key=lambda token: one[token])
        return f"{likeliest!r} is not among its likely tokens"
    return None

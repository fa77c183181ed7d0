"""The log-probabilities of the fixed prompt: several runs made one value, with its spread."""

from collections.abc import Sequence
from dataclasses import dataclass

from deepseek_serving.warmup.answers import Position

SHOWN_TOKENS = 3
"""Of each position: the chosen one and its rivals."""

LIKELY = -7.0
"""A tenth of a percent; rarer tokens' values are mostly rounding, and users never see them."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Means of the runs by position, and the largest difference between two runs."""

    runs: int
    spread: float
    positions: tuple[Position, ...]


def compare(runs: Sequence[Sequence[Position]]) -> Reference | None:
    """None without runs.

    Positions can be compared as long as all runs chose the same tokens before them: greedy decoding
    takes another way where rounding decides between two tokens.
    """
    if not runs:
        return None
    merged: list[Position] = []
    spread = 0.0
    for places in zip(*runs, strict=False):
        position, difference = _merge(places)
        if position:
            merged.append(position)
            spread = max(spread, difference)
        if len({place[0][0] for place in places}) > 1:
            break
    return Reference(len(runs), round(spread, 4), tuple(merged))


def _merge(places: Sequence[Position]) -> tuple[Position, float]:
    """One position of all runs: means of the likely tokens, the likeliest first; largest spread."""
    values = [dict(place) for place in places]
    common = [token for token in values[0] if all(token in value for value in values)]
    means = {token: sum(value[token] for value in values) / len(values) for token in common}
    likely = sorted((t for t in common if means[t] >= LIKELY), key=lambda token: -means[token])
    shown = likely[:SHOWN_TOKENS]
    seen = [[value[token] for value in values] for token in shown]
    spread = max((max(each) - min(each) for each in seen), default=0.0)
    return tuple((token, round(means[token], 4)) for token in shown), spread

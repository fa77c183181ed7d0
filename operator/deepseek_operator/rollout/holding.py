"""What gateways tell of requests that find no replica: those that wait, and when the last one came. Pure."""

from collections.abc import Sequence

from deepseek_operator.observed import Gateway
from deepseek_operator.rollout import counting


def asks(gateways: Sequence[Gateway], revision: str) -> tuple[int, float | None]:
    """Requests that wait for a revision now, and how many seconds ago the last one came; None: none did."""
    told = [(one.report or {}).get("hold") or {} for one in gateways]
    held = sum(int((one.get("held") or {}).get(revision, 0)) for one in told)
    ago = [
        float(seconds)
        for one in told
        if (seconds := (one.get("asked") or {}).get(revision)) is not None
    ]
    return held, min(ago, default=None)


def through(gateways: Sequence[Gateway], revision: str) -> int | None:
    """Requests for a revision that gateways have under way; None where one of them, or none at all, tells."""
    return counting.in_flight(gateways, revision) if gateways else None

"""How many replicas a load needs, and what they cost. Pure."""

import math
from dataclasses import dataclass

from deepseek_operator.sizing.size import Sized
from deepseek_operator.sizing.terms import TARGET_UTILIZATION, CannotRunError


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas of one size; US dollars."""

    replicas: int
    accelerators: int
    capacity: float
    """Requests a second with every replica fully loaded."""
    utilization: float
    """Part of the capacity that is used: by the load that is expected, or as planned with."""
    per_hour: float
    per_million_output: float
    """Of output tokens, at this utilisation; prompts are in it."""
    per_million: float
    """Of tokens, prompts counted too."""
    there: int
    """Replicas that the accelerators hold."""
    why: str

    @property
    def fits(self) -> bool:
        """Whether there are accelerators for all replicas."""
        return self.replicas <= self.there

    @property
    def is_overloaded(self) -> bool:
        """Whether more requests are expected than all replicas can do."""
        return self.utilization > 1


def fleet_of(sized: Sized, *, replicas: int | None, price: float | None = None) -> Fleet:
    """The replicas that are asked for, or that the workload's rate needs; one without either."""
    question, workload = sized.question, sized.question.workload
    hourly = question.pool.accelerator.price_per_hour if price is None else price
    if hourly < 0:
        raise CannotRunError("price", f"{hourly:g} a GPU and hour is negative; give 0 or more")
    wanted = workload.requests_per_second
    count, why = _count(sized, replicas=replicas)
    capacity = count * sized.pace.requests_per_second
    utilization = TARGET_UTILIZATION
    if wanted is not None:
        utilization = wanted / capacity if capacity else math.inf
    per_hour = count * sized.layout.accelerators * hourly
    requests = 3600 * capacity * min(1.0, utilization)
    return Fleet(
        replicas=count,
        accelerators=count * sized.layout.accelerators,
        capacity=capacity,
        utilization=utilization,
        per_hour=per_hour,
        per_million_output=_per_million(per_hour, requests * workload.output_tokens),
        per_million=_per_million(per_hour, requests * workload.tokens),
        there=question.pool.replicas(sized.layout),
        why=why,
    )


def _per_million(per_hour: float, tokens: float) -> float:
    return 1e6 * per_hour / tokens if tokens else 0.0


def _count(sized: Sized, *, replicas: int | None) -> tuple[int, str]:
    workload, one = sized.question.workload, sized.pace.requests_per_second
    wanted = workload.requests_per_second
    if replicas is not None:
        return replicas, "replicas is set"
    if wanted is None:
        return 1, "neither replicas nor workload.requestsPerSecond is set"
    return sized.replicas_for(wanted), (
        f"{wanted:g} requests/s with {workload.input_tokens} input and {workload.output_tokens} output tokens / "
        f"({one:.3g} a replica x {TARGET_UTILIZATION:.0%} that is planned with) = "
        f"{wanted / one / TARGET_UTILIZATION:.2f}"
    )

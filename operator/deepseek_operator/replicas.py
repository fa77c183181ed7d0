"""How many replicas a block has: what it says, or what its load needs of the replica that was derived. Pure."""

from typing import Any

from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Observed, replicas_of
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.sizing.terms import TARGET_UTILIZATION, replicas_for

MOST = 1000
"""As many as spec.replicas may say."""


def counted(
    deployment: DeepSeekDeployment,
    shape: Shape | None,
    observed: Observed,
    *,
    key: str,
    field: str = "spec",
) -> tuple[DeepSeekDeployment, Shape | None, Finding | None]:
    """The object as if it said the number itself, and its shape.

    Where the number cannot be known, and why: what runs stays as it is, and what does not has no shape. What
    a Replace has stopped comes back with what it had; what it has not started does not run.
    """
    rate = _rate(deployment)
    if rate is None:
        return deployment, shape, None
    found, trouble = _number(shape, rate, field)
    running = observed.engine_set(key)
    if found is None:
        had = 0 if running is None else replicas_of(running)
        shape = shape if had else None
        # Never 0, which is what a user says who wants nobody served, by a fallback neither.
        found = had or deployment.spec.replicas
    spec = deployment.spec.model_copy(update={"replicas": found})
    return deployment.model_copy(update={"spec": spec}), shape, trouble


def sizing_entry(deployment: DeepSeekDeployment, shape: Shape | None) -> dict[str, Any] | None:
    """What was derived of the target and how many it has, as status has it; None where it is not known."""
    if shape is None or shape.sizing is None:
        return None
    known = ("accelerator", "engine", "notDerived", "values", "missed")
    found = {name: shape.sizing[name] for name in known if name in shape.sizing}
    number = value(deployment, shape)
    if number is not None:
        found["values"] = [number, *found["values"]]
    return {"revision": shape.key, **found}


def value(deployment: DeepSeekDeployment, shape: Shape) -> dict[str, Any] | None:
    """The number with its reason, as status has it; None where the object sets it."""
    rate, each = _rate(deployment), _each(shape)
    if rate is None or each is None:
        return None
    why = (
        f"{rate:g} requests/s / ({each:.3g} a replica x {TARGET_UTILIZATION:.0%} that is planned with) = "
        f"{rate / each / TARGET_UTILIZATION:.2f}"
    )
    return {"name": "replicas", "value": f"{replicas_for(rate, each)}", "why": why}


def borne(shape: Shape | None, count: int) -> float | None:
    """Requests a second that so many replicas are planned to bear; None where none were sized."""
    each = None if shape is None else _each(shape)
    return None if each is None else count * each * TARGET_UTILIZATION


def _rate(deployment: DeepSeekDeployment) -> float | None:
    workload = deployment.spec.workload
    return None if workload is None else workload.requests_per_second


def _each(shape: Shape) -> float | None:
    """Requests a second of one replica, as frozen."""
    found = (shape.sizing or {}).get("requestsPerSecond")
    return None if found is None else float(found)


def _number(shape: Shape | None, rate: float, field: str) -> tuple[int | None, Finding | None]:
    if shape is None:
        # Why there is none is said elsewhere.
        return None, None
    each = _each(shape)
    if each is None:
        said = (
            f"{field}.workload.requestsPerSecond: revision {shape.key} was made before replicas were sized, so what one "
            "does is not known; set replicas instead"
        )
        return None, Finding(Reason.CANNOT_RUN, said)
    refused = too_many(rate, each, field=field)
    if refused is not None:
        return None, Finding(Reason.CANNOT_RUN, refused)
    return replicas_for(rate, each), None


def too_many(rate: float, each: float, *, field: str) -> str | None:
    """Why no object has as many as a rate needs of which each does so many requests a second, or None."""
    found = replicas_for(rate, each)
    if found <= MOST:
        return None
    return (
        f"{field}.workload.requestsPerSecond: {rate:g} need {found} replicas of {each:.3g} requests/s, and an object "
        f"has at most {MOST}; lower it, or use a larger accelerator.product"
    )

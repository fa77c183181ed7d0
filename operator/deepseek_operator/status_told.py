"""What a pass tells of an object's revisions: who serves, and why one does not. Pure."""

from collections.abc import Sequence
from datetime import datetime

from deepseek_operator import copying, course_told, fallbacks, passage, replicas
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import status as status_builder
from deepseek_operator.canary import Course
from deepseek_operator.diagnosis import Finding, diagnose
from deepseek_operator.fallbacks import Entry
from deepseek_operator.observed import Observed, is_at_strength
from deepseek_operator.preparation import Preparation
from deepseek_operator.rollout import replacing, switch
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.warming import is_locked
from deepseek_operator.warmth import Warmth


def status_input(
    deployment: DeepSeekDeployment,
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    *,
    preparation: Preparation,
    stalled: Finding | None,
    course: Course | None,
    entries: Sequence[Entry],
    waiting: Finding | None,
    now: datetime,
) -> status_builder.StatusInput:
    """All that the status is built of."""
    routed, target = roles.routed, roles.target

    def cause(key: str) -> Finding | None:
        return _cause(observed, roles, preparation, key)

    return status_builder.StatusInput(
        deployment=deployment,
        observed=observed,
        roles=roles,
        shapes=shapes,
        weights=tuple(fetching.weights for fetching in preparation.fetched.values()),
        warmth=_warmth(observed, roles, shapes, preparation),
        cause=cause(routed),
        candidate_cause=None if target == routed or roles.first else cause(target),
        stalled=stalled,
        gateway=passage.access(deployment, observed, roles, now=now),
        rollout=course_told.entry(course) if course else None,
        sizing=replicas.sizing_entry(deployment, shapes.get(target)),
        waiting=waiting,
        outage=replacing.outage(course.run) if course else None,
        fallback=tuple(
            fallbacks.standing(one, observed, roles, cause=cause(one.key)) for one in entries
        ),
    )


def at_strength(observed: Observed, roles: switch.Roles, key: str) -> bool:
    """Whether a revision has all the replicas of its role."""
    return is_at_strength(observed.engine_set(key), roles.replicas.get(key, 0))


def _cause(
    observed: Observed, roles: switch.Roles, preparation: Preparation, key: str
) -> Finding | None:
    """Why a revision does not serve in full: its weights, what its pods complain of, or the cold."""
    if at_strength(observed, roles, key):
        return None
    fetching, warming = preparation.fetched.get(key), preparation.warming.get(key)
    missing = fetching.weights.missing if fetching else None
    if observed.engine_set(key) is None and missing is not None:
        return missing
    if fetching is not None and not fetching.is_shared:
        copied = copying.progress(observed, key, fetching.weights.source)
        if copied is not None:
            return copied
    found = diagnose(observed, key, beside=roles.serving if key == roles.target else None)
    cold = warming.finding if warming else None
    if found is None or cold is None:
        return found or cold
    # An engine that is being warmed up does not answer its probe, and that is no complaint. How the
    # process before it ended is one, but not beside what keeps its own warm-up from succeeding.
    ended = found.reason in (Reason.ENGINE_FAILED, Reason.OUT_OF_MEMORY)
    is_past = ended and cold.reason is not Reason.WARMING_UP
    return cold if is_past or found.reason is Reason.NOT_ANSWERING else found


def _warmth(
    observed: Observed,
    roles: switch.Roles,
    shapes: dict[str, Shape],
    preparation: Preparation,
) -> tuple[Warmth, ...]:
    """Of the revisions with pods, the serving one first."""
    return tuple(
        Warmth(
            key=key,
            is_locked=is_locked(shape.template),
            at_strength=at_strength(observed, roles, key),
            pods=preparation.warming[key].pods,
        )
        for key, shape in shapes.items()
        if key in preparation.warming and observed.engine_set(key) is not None
    )

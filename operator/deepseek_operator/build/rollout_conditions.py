"""What conditions tell of a run: where it is, whether its figures can be judged, whether the way back is short. Pure."""

from deepseek_operator.api.conditions import Condition, ConditionType, Reason
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, ready_replicas
from deepseek_operator.rollout.run import ENDED, JUDGED, ON_THE_WAY_BACK, Cause, Phase
from deepseek_operator.rollout.switch import Roles

BLIND = frozenset({Cause.NO_DATA, Cause.UNVERIFIED})
"""Why a run is held: nobody can say how the candidate does."""

_PHASES = {
    Phase.HELD: Reason.CANARY_HELD,
    Phase.AWAITING_APPROVAL: Reason.APPROVAL_NEEDED,
    Phase.ROLLING_BACK: Reason.ROLLING_BACK,
    Phase.DRAINING: Reason.ROLLING_BACK,
    Phase.RETURNING: Reason.ROLLING_BACK,
    Phase.ROLLED_BACK: Reason.ROLLED_BACK,
}


def rollout_conditions(
    rollout: Manifest | None, roles: Roles, observed: Observed
) -> list[Condition]:
    """Of a run that may still go either way; none before, and none once it is decided.

    `rollout` is the run as status has it.
    """
    if rollout is None or "run" not in rollout:
        return []
    phase = Phase(rollout["phase"])
    if phase in ENDED | ON_THE_WAY_BACK:
        return []
    judged = [_data(rollout)] if phase in JUDGED else []
    return [*judged, _way_back(rollout, roles, observed)]


def _data(rollout: Manifest) -> Condition:
    reason, message = str(rollout["reason"]), str(rollout["message"])
    if reason in BLIND:
        return Condition(ConditionType.DATA_HEALTHY, "False", Reason(reason), message)
    message = "engines and gateways tell what the comparison needs"
    return Condition(ConditionType.DATA_HEALTHY, "True", Reason.FRESH, message)


def _way_back(rollout: Manifest, roles: Roles, observed: Observed) -> Condition:
    """The revision that was there before the run, with all its pods, is one change of weights away."""
    key = str(rollout["stable"])
    wanted, ready = roles.replicas.get(key, 0), ready_replicas(observed.engine_set(key))
    if not wanted:
        message = f"revision {key} has no pods: going back starts them"
        return Condition(ConditionType.ROLLBACK_READY, "False", Reason.NEEDS_START, message)
    message = f"{ready} of {wanted} pods of revision {key} are ready"
    if ready < wanted:
        return Condition(ConditionType.ROLLBACK_READY, "False", Reason.STABLE_SHORT, message)
    return Condition(ConditionType.ROLLBACK_READY, "True", Reason.STABLE_AT_STRENGTH, message)


def not_rolled_out(rollout: Manifest, model: str, cause: Finding | None) -> Condition:
    """Of a run whose candidate does not serve; `cause` is why its pods do not start."""
    other = Reason.CANARY if rollout.get("steps", 1) else Reason.REPLACING
    reason = _PHASES.get(rollout["phase"], other)
    if rollout["phase"] == Phase.STARTING:
        reason = cause.reason if cause else Reason.CANDIDATE_STARTING
    return Condition(ConditionType.ROLLED_OUT, "False", reason, run_said(rollout, model, cause))


def run_said(rollout: Manifest, model: str, cause: Finding | None) -> str:
    """On one line: where the run of a candidate of this model is, and why."""
    if "run" not in rollout:
        return str(rollout["message"])
    phase, reason, message = rollout["phase"], rollout["reason"], rollout["message"]
    if phase == Phase.RETURNING:
        return f"{model} is rolled back ({reason}): {message}"
    if phase in (Phase.ROLLING_BACK, Phase.DRAINING, Phase.ROLLED_BACK):
        return f"{model} was rolled back ({reason}): {message}"
    if phase == Phase.STARTING and cause is not None:
        return f"{model} is starting: {cause.message}"
    if not rollout["steps"]:
        return f"{model} replaces {rollout['stable']} ({phase}): {message}"
    place = f"step {rollout['step']} of {rollout['steps']}, {rollout['weight']} %"
    return f"{model} is a Canary ({phase}, {place}): {message}"

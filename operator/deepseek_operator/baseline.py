"""What the first rollout begins with, spec.rollout.from, until somebody serves; and why its weights or the target's do not come. Pure."""

from dataclasses import replace

from deepseek_operator import fallbacks
from deepseek_operator.api.conditions import FETCH_REASONS, ConditionType, Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.fallbacks import Entry
from deepseek_operator.fetching import Fetching
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.switch import First, Roles
from deepseek_operator.weights import Phase

FIELD = "rollout.from"


def plan_baseline(
    deployment: DeepSeekDeployment, observed: Observed, *, target: str, images: EngineImages
) -> Entry | None:
    """The revision that `rollout.from` asks for; None where that is the one that the spec asks for too."""
    block = deployment.spec.rollout.from_
    if block is None:
        return None
    entry = fallbacks.asked_for(deployment, observed, block, field=f"spec.{FIELD}", images=images)
    return None if entry.key == target else entry


def first(deployment: DeepSeekDeployment, baseline: Entry | None) -> First | None:
    """Who is to serve before the target; nobody has pods while the spec wants none."""
    if baseline is None or deployment.spec.rollout.skip_initial:
        return None
    return First(baseline.key, baseline.replicas if deployment.spec.replicas else 0)


def stalled(deployment: DeepSeekDeployment, trouble: Finding | None) -> Finding | None:
    """What keeps it from serving, with the way out that there is: the block itself cannot be changed."""
    if trouble is None or is_of_baseline(trouble.message):
        return trouble
    way_out = f"to begin with {deployment.spec.model} at once set spec.rollout.skipInitial: true"
    return replace(trouble, message=f"{FIELD}: {trouble.message}; {way_out}")


def is_of_baseline(message: str) -> bool:
    """Whether a finding speaks of the baseline: then it stalls nothing else."""
    return message.startswith(f"{FIELD}: ")


def does_not_come(
    deployment: DeepSeekDeployment,
    roles: Roles,
    baseline: Entry | None,
    fetched: dict[str, Fetching],
    stored: Manifest,
) -> Finding | None:
    """Why what comes before the target does not come."""
    if roles.first is None or baseline is None:
        return None
    last = _last_stalled(stored, of_baseline=True)
    trouble = baseline.trouble or weights_stalled(fetched.get(roles.first), last)
    return stalled(deployment, trouble)


def last_of(stored: Manifest, target: str) -> Finding | None:
    """Why the weights of the target did not come when status was written."""
    is_same = stored.get("desired", {}).get("revision") == target
    return _last_stalled(stored, of_baseline=False) if is_same else None


def _last_stalled(stored: Manifest, *, of_baseline: bool) -> Finding | None:
    """Why weights did not come when status was written: those of the baseline, or the target's."""
    for condition in stored.get("conditions", []):
        if condition["type"] == ConditionType.STALLED and condition["reason"] in FETCH_REASONS:
            said = Finding(Reason(condition["reason"]), condition["message"])
            return said if is_of_baseline(said.message) is of_baseline else None
    return None


def weights_stalled(fetching: Fetching | None, last: Finding | None) -> Finding | None:
    """Why weights do not come, until another attempt has got further than the last."""
    if fetching is None:
        return None
    weights = fetching.weights
    if weights.missing is None or weights.phase is Phase.FAILED:
        return weights.trouble
    return last if weights.progress.total is None else None

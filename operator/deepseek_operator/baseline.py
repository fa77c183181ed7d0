"""What the first rollout begins with: spec.rollout.from, until somebody serves. Pure."""

from dataclasses import replace

from deepseek_operator import fallbacks
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.fallbacks import Entry
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.switch import First

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

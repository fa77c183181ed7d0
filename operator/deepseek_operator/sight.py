"""Who has to tell of users' requests, by provider, and who does not. Pure.

Our own gateways count requests. A Gateway of somebody else tells nothing: there engines alone do, and of a
request that reached no engine nobody does.
"""

from collections.abc import Iterable, Sequence

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.observed import Observed, ready_replicas
from deepseek_operator.rollout import counting, engine_counts
from deepseek_operator.rollout.evidence import Metric
from deepseek_operator.rollout.run import COMPARED, Phase, Run


def unseen(
    deployment: DeepSeekDeployment,
    observed: Observed,
    run: Run | None,
    compared: Sequence[Metric],
) -> str | None:
    """Whose figures are missing now, in words; None where all are there."""
    is_others = gateway.is_of_others(deployment)
    if not is_others and not counting.all_answered(observed.gateways):
        return "a gateway does not tell what it counted"
    if run is None:
        return None
    if is_others and not counted_by_engines(compared):
        return "the run compares what gateways counted, and the object has none any more"
    # A revision that waits for its pods, or has given its traffic away, need not have engines that serve.
    is_compared = run.phase in COMPARED or run.mirrors
    asked = [run.stable, run.candidate] if is_compared else [run.stable]
    missing = engine_counts.missing(observed.told, compared, asked)
    return missing if missing or not is_others else _unasked(observed, asked)


def is_share_known(deployment: DeepSeekDeployment, unseen: str | None) -> bool:
    """Each gateway sees requests of both revisions, an engine of one alone: then none may be missing."""
    return unseen is None or not gateway.is_of_others(deployment)


def counted_by_engines(metrics: Iterable[Metric]) -> bool:
    """Whether requests themselves are counted by engines."""
    return any(metric.name == counting.REJECTIONS and metric.measure for metric in metrics)


def in_flight(
    deployment: DeepSeekDeployment, observed: Observed, revision: str | None
) -> int | None:
    """Requests that run on a revision; None where nobody says."""
    if revision is None:
        return 0
    if gateway.is_of_others(deployment):
        return None
    return counting.in_flight(observed.gateways, revision)


def begun(
    deployment: DeepSeekDeployment, observed: Observed, run: Run | None
) -> dict[str, int] | None:
    """By gateway, requests that were sent to a candidate that drains; None where nobody says."""
    if run is None or run.phase is not Phase.DRAINING or gateway.is_of_others(deployment):
        return None
    return counting.begun(observed.gateways, run.candidate)


def _unasked(observed: Observed, revisions: Iterable[str]) -> str | None:
    """A share is known only where every engine has told: of many pods some are not asked."""
    for revision in revisions:
        ready = ready_replicas(observed.engine_set(revision))
        told = sum(engine.is_ready for engine in observed.told_by(revision))
        if told < ready:
            return f"{told} of {ready} engines of revision {revision} tell how many requests came"
    return None

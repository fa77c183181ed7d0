"""Whether a rollout that was read is one that the machine records: everything in it has to agree with the rest. Pure.

Types let through a step that the plan does not have, a weight of no step, or a run that is held for nothing. No pass could go on from
these, or requests would go where nobody decided that they go. What the machine records, each check says once more and in its own
words; random histories (tests/properties) hold that it never records anything else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta

from deepseek_operator.rollout import quality
from deepseek_operator.rollout.engine_counts import Measure
from deepseek_operator.rollout.evidence import Evidence, Metric, Verdict
from deepseek_operator.rollout.run import (
    ENDED,
    JUDGED,
    ON_THE_WAY_BACK,
    REPLACES_ALONE,
    Cause,
    Phase,
    Rollout,
    Run,
)

_MOST = 10**12
"""Requests, and more than any other number: sums of such are exact, and no quotient of them is 0 or beyond all bounds."""
_LONGEST = timedelta(days=3650)
"""Years more than any time that the spec may say."""
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""The API server takes years of four digits, and to these any time may be added."""
_APART = timedelta(days=1)
"""Clocks differ by seconds. What is to come after that is not waited for: a run would not end before."""
_MOST_DOUBTS = 64
"""Each doubles what is fine, so that there are a dozen at most."""

_NEVER = frozenset({Phase.MIRRORING, Phase.SHIFTING, Phase.ANALYZING})
"""Phases that a Replace does not have."""
_SHARED = frozenset({Phase.SHIFTING, Phase.ANALYZING, Phase.AWAITING_APPROVAL})
"""Where both revisions have users."""
_BEFORE_THEM = frozenset({Phase.STARTING, Phase.MIRRORING})
_GOES_ON_AT = {
    False: _SHARED | _BEFORE_THEM,
    True: frozenset({Phase.PREPARING, Phase.AWAITING_APPROVAL, Phase.STARTING}),
}
"""Where a run may be held: of a Canary, and of a Replace."""
_STOPPED = frozenset(
    {Phase.CLOSING, Phase.STOPPING, Phase.STARTING, Phase.PROMOTING, Phase.WATCHING}
)
"""Phases of a Replace that come after the stable revision was told to stop."""
_BACK_OR_OVER = ON_THE_WAY_BACK | ENDED
"""Phases that come after that, or instead of it."""

_BACK = frozenset(
    {
        Cause.ABORTED,
        Cause.ROLLED_BACK_BY_HAND,
        Cause.SUPERSEDED,
        Cause.SCALED_TO_ZERO,
        Cause.CANDIDATE_LOST,
        Cause.CANDIDATE_NOT_READY,
        Cause.EVIDENCE_BAD,
        Cause.QUALITY_FAILED,
        Cause.BREAKER,
        Cause.COPIES_UNANSWERED,
        Cause.NOT_ACKNOWLEDGED,
        Cause.HELD_TOO_LONG,
        Cause.TOO_LONG,
    }
)
_CAUSES: Mapping[Phase, frozenset[Cause]] = {
    Phase.PREPARING: frozenset({Cause.PREPARING, Cause.COUNTING, Cause.CAPACITY}),
    Phase.CLOSING: frozenset({Cause.CLOSING, Cause.PROMOTED_BY_HAND}),
    Phase.STOPPING: frozenset({Cause.STOPPING}),
    Phase.STARTING: frozenset({Cause.CANDIDATE_STARTING}),
    Phase.MIRRORING: frozenset({Cause.COPIES_ASKED, Cause.COMPARING}),
    Phase.SHIFTING: frozenset(
        {Cause.WEIGHT_SET, Cause.STEP_PASSED, Cause.DOUBTED, Cause.COMPARING}
    ),
    Phase.ANALYZING: frozenset({Cause.COMPARING}),
    Phase.AWAITING_APPROVAL: frozenset({Cause.APPROVAL_NEEDED}),
    Phase.HELD: frozenset(
        {
            Cause.PAUSED,
            Cause.NO_DATA,
            Cause.UNVERIFIED,
            Cause.STABLE_SHORT,
            Cause.CANDIDATE_SHORT,
            Cause.NOT_ACKNOWLEDGED,
            Cause.SPEC_NOT_SERVABLE,
            Cause.QUALITY_UNKNOWN,
        }
    ),
    Phase.PROMOTING: frozenset({Cause.ACCEPTED, Cause.PROMOTED_BY_HAND, Cause.NOT_ACKNOWLEDGED}),
    Phase.WATCHING: frozenset({Cause.PROMOTED}),
    Phase.SUCCEEDED: frozenset(
        {Cause.WINDOW_CLOSED, Cause.NOTHING_TO_COMPARE, Cause.SUPERSEDED, Cause.SCALED_TO_ZERO}
    ),
    Phase.ROLLING_BACK: _BACK,
    Phase.DRAINING: _BACK,
    Phase.RETURNING: _BACK,
    Phase.ROLLED_BACK: _BACK,
}
"""Why a run may be where it is. A phase that is not its own would be believed otherwise: nothing else tells them apart."""


def flaw(rollout: Rollout, *, now: datetime | None = None) -> str | None:
    """The first field that is not as it is ever recorded, and why; None where all of it is. Without a time none is to come."""
    found = _no_value(rollout)
    run = rollout.run
    if found is not None or run is None:
        return found
    if now is not None and (found := _to_come(run, now)) is not None:
        return found
    for check in CHECKS:
        found = check(rollout, run)
        if found is not None:
            return found
    return None


def _leaves(found: object, place: str) -> Iterator[tuple[str, object]]:
    """Everything that is no part of a whole, with its field."""
    parts: Iterable[tuple[object, object]]
    if is_dataclass(found):
        parts = ((name, getattr(found, name)) for name in found.__dataclass_fields__)
    elif isinstance(found, Mapping):
        parts = found.items()
    elif isinstance(found, (tuple, frozenset)):
        parts = enumerate(found)
    else:
        yield place, found
        return
    for name, part in parts:
        yield from _leaves(part, f"{place}.{name}" if place else str(name))


def _no_value(rollout: Rollout) -> str | None:
    for place, value in _leaves(rollout, ""):
        if isinstance(value, (int, float)) and not abs(value) <= _MOST:
            return f"{place}: {value!s:.40} is no number of a record"
        if isinstance(value, int) and value < 0:
            return f"{place}: {value} is below 0"
        if isinstance(value, timedelta) and not timedelta(0) <= value <= _LONGEST:
            return f"{place}: {value} is no time of a record"
        if isinstance(value, datetime):
            if value.utcoffset() is None:
                return f"{place}: {value.isoformat()} has no zone"
            if not _FIRST <= value <= _LAST:
                return f"{place}: {value.isoformat()} is no date of a record"
    return None


def _to_come(run: Run, now: datetime) -> str | None:
    """A run would wait for it, whatever its limits say. One that has ended waits for nothing."""
    for place, value in () if run.is_over else _leaves(run, "run"):
        if isinstance(value, datetime) and value > now + _APART:
            return f"{place}: {value.isoformat()} is to come, and it is {now.isoformat()}"
    return None


def _revisions(rollout: Rollout, run: Run) -> str | None:
    if run.candidate == run.stable:
        return f"run.candidate: {run.candidate} is the stable revision too"
    role = run.candidate if run.has_swapped else run.stable
    if rollout.stable == role or run.is_over:
        return None
    return f"stable: {rollout.stable}, and while the run is {run.phase} it is {role}"


def _number(rollout: Rollout, run: Run) -> str | None:
    if run.number == rollout.runs > 0:
        return None
    return f"run.number: {run.number}, and there were {rollout.runs} runs"


def _phase(_: Rollout, run: Run) -> str | None:
    if run.phase in (_NEVER if run.plan.replaces else REPLACES_ALONE):
        return f"run.phase: {run.phase} is none of {_kind(run)}"
    return None


def _cause(_: Rollout, run: Run) -> str | None:
    if run.cause not in _CAUSES[run.phase]:
        return f"run.cause: nothing is {run.phase} for {run.cause}"
    return None


def _kind(run: Run) -> str:
    return "a Replace" if run.plan.replaces else "a Canary"


def _hold(_: Rollout, run: Run) -> str | None:
    hold, is_held = run.hold, run.phase is Phase.HELD
    if hold is None:
        return "run.hold: missing, and the run is Held" if is_held else None
    if not is_held:
        return f"run.hold: there is one, and the run is {run.phase}"
    if hold.cause is not run.cause:
        return f"run.hold.cause: {hold.cause}, and the run is held for {run.cause}"
    if hold.phase not in _GOES_ON_AT[run.plan.replaces]:
        return f"run.hold.phase: {_kind(run)} is not held while it is {hold.phase}"
    return None


def _step(_: Rollout, run: Run) -> str | None:
    steps = len(run.plan.steps)
    if run.plan.replaces and steps:
        return f"run.plan.steps: a Replace has none, and these are {steps}"
    if run.step >= max(1, steps):
        return f"run.step: {run.step}, of {steps} steps that are counted from 0"
    if run.step and run.place in _BEFORE_THEM:
        return f"run.step: {run.step}, and the run has not come to its first one"
    if unknown := [step for step in sorted(run.approved) if step >= max(1, steps)]:
        return f"run.approved: {unknown[0]}, of {steps} steps that are counted from 0"
    return None


def _weight(_: Rollout, run: Run) -> str | None:
    steps = [step.weight for step in run.plan.steps]
    allowed = {0}
    if run.has_swapped:
        allowed = {100}
    elif run.phase is Phase.ROLLED_BACK:
        # Another strategy ends a run where it is.
        allowed = {0, *steps}
    elif run.place in _SHARED and steps:
        allowed = {steps[run.step]}
    if run.weight not in allowed:
        return (
            f"run.weight: {run.weight}, and at step {run.step} of {run.place} it is {_any(allowed)}"
        )
    if unknown := run.overruled - {100, *steps}:
        return f"run.overruled: {min(unknown)} is the weight of no step"
    return None


def _any(numbers: Iterable[int]) -> str:
    return " or ".join(str(number) for number in sorted(numbers))


def _times(_: Rollout, run: Run) -> str | None:
    is_since_a_step = run.place in _SHARED - {Phase.SHIFTING} or run.phase is Phase.WATCHING
    if is_since_a_step and run.step_since is None and not _waits_to_stop(run):
        return f"run.step_since: missing, and the run is {run.place}"
    if (run.stopped is not None) is not _has_stopped(run):
        said = "missing" if run.stopped is None else "there is one"
        return f"run.stopped: {said}, and {_kind(run)} is {run.place}"
    if (run.doubted is not None) is not bool(run.doubts) or run.doubts > _MOST_DOUBTS:
        return f"run.doubts: {run.doubts}, and the last was at {run.doubted}"
    known = max(run.since, run.last_data or run.since) - run.started
    if run.paused > max(timedelta(0), known) + _APART:
        return f"run.paused: {run.paused}, and the run has lasted {known}"
    return None


def _waits_to_stop(run: Run) -> bool:
    return run.plan.replaces and run.place is Phase.AWAITING_APPROVAL


def _has_stopped(run: Run) -> bool:
    """Whether a time has to be there; on its way back, and at its end, there may be one of a Replace."""
    if run.plan.replaces and run.place in _BACK_OR_OVER:
        return run.stopped is not None
    return run.plan.replaces and run.place in _STOPPED


def _metrics(_: Rollout, run: Run) -> str | None:
    for place, metrics in (("plan.metrics", run.plan.metrics), ("usual", run.usual)):
        for number, metric in enumerate(metrics):
            if said := _metric(metric, metrics[:number]):
                return f"run.{place}.{number}.{said}"
    is_compared = (run.weight or run.mirrors) and run.cause is not Cause.NOTHING_TO_COMPARE
    if is_compared and run.has_to_learn and not run.plan.replaces:
        return "run.plan.metrics: what is to be learned of the stable revision is not"
    return None


def _metric(metric: Metric, others: Iterable[Metric]) -> str | None:
    if metric.name in {other.name for other in others}:
        return f"name: {metric.name} is another's too"
    if metric.measure and metric.measure not in list(Measure):
        return f"measure: nothing tells {metric.measure}"
    if metric.learns and not metric.measure:
        return "learns: there is nothing that it could learn from"
    return None


def _evidence(_: Rollout, run: Run) -> str | None:
    """As many sums as ways to be accepted; after the last judgement nobody adds to them."""
    for metric in run.judged_by if run.phase in JUDGED else ():
        ways, sums = len(metric.accept), len(run.evidence.get(metric.name, Evidence()).acceptance)
        if sums not in (0, ways):
            return (
                f"run.evidence.{metric.name}.acceptance: {sums} of them, and {ways} ways to accept"
            )
    return None


def _copies(_: Rollout, run: Run) -> str | None:
    if not run.mirrors:
        return None
    if run.plan.mirror is None:
        return "run.plan.mirror: missing, and the run makes copies"
    is_good = run.exam is not None and not run.exam.gate and quality.verdict(run)[0] is Verdict.GOOD
    if run.plan.quality is not None and run.plan.quality.is_due(0) and not is_good:
        return "run.exam: the run makes copies, and its answers were not found good before"
    return None


def _exam(_: Rollout, run: Run) -> str | None:
    if run.exam is None:
        return None
    if run.plan.quality is None:
        return "run.exam: there is one, and the plan asks for none"
    if run.exam.gate > len(run.plan.steps):
        return f"run.exam.gate: {run.exam.gate}, of {len(run.plan.steps)} and the promotion"
    return None


Check = Callable[[Rollout, Run], str | None]

CHECKS: tuple[Check, ...] = (
    _number,
    _revisions,
    _phase,
    _hold,
    _cause,
    _copies,
    _exam,
    _step,
    _weight,
    _times,
    _metrics,
    _evidence,
)
"""The phase and the step come before what is looked up by them."""

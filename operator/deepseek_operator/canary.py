"""A Canary's next moment, from what status keeps of it and what gateways and pods say; and the roles that follow. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deepseek_operator import passage
from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment, Rollout, RolloutStep, seconds_of
from deepseek_operator.build import gateway
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, is_current, ready_replicas
from deepseek_operator.rollout import counting, evidence, record, stretches
from deepseek_operator.rollout import machine as machines
from deepseek_operator.rollout import run as runs
from deepseek_operator.rollout.evidence import Absolute, Metric, Relative
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.run import Facts, Figures, Fleet, Limits, Phase, Plan, Run, Step
from deepseek_operator.rollout.scene import elapsed
from deepseek_operator.rollout.switch import Roles

PASS_SECONDS = 2.0
"""How soon a pass looks again while a run is under way."""

_METRICS = tuple(
    Metric(name, Relative(), (Relative(), Absolute(good=0.0025, bad=0.01)))
    for name in (counting.ERRORS, counting.REJECTIONS)
)
_KEPT_FOR = timedelta(seconds=10)
"""A record in which nothing is new but the time of the last figures is not worth a write before that."""


@dataclass(frozen=True, slots=True)
class Course:
    """What status is to keep, and who gets requests and pods by it."""

    record: Record
    roles: Roles
    trouble: str | None = None
    """Why what status kept was put aside."""

    @property
    def run(self) -> Run | None:
        """The present run, or the last one."""
        return self.record.rollout.run

    @property
    def is_under_way(self) -> bool:
        """Whether a run has not ended."""
        return self.run is not None and not self.run.is_over


def is_wanted(deployment: DeepSeekDeployment) -> bool:
    """Whether a new revision takes over step by step."""
    return deployment.spec.rollout.strategy == "Canary" and gateway.is_embedded(deployment)


def course(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    target: str,
    can_start: bool,
    now: datetime,
) -> Course | None:
    """None before the first revision serves: there is nothing to compare it with."""
    serving = stored.get("serving", {}).get("revision")
    if not is_wanted(deployment) or serving is None:
        return None
    kept, trouble = _kept(stored, str(serving))
    if trouble is not None:
        # This pass takes everybody back and says so; a new run begins with the next.
        roles = _roles(deployment, observed, kept, target=target, can_start=can_start)
        return Course(kept, roles, trouble=trouble)
    before = _roles(deployment, observed, kept, target=target, can_start=can_start)
    reading = counting.reading(observed.gateways, at=now)
    base, figures = _stretch(kept, reading)
    facts = _facts(
        deployment,
        observed,
        kept,
        before,
        figures=figures,
        target=target if can_start else None,
    )
    decided = machines.decide(kept.rollout, facts, now=now)
    following = Record(
        _settled(kept.rollout, decided, now=now),
        base if decided.run and not decided.run.is_over else None,
        _replicas(deployment, observed, kept, decided.stable, target=target),
    )
    return Course(
        record=following,
        roles=replace(
            _roles(deployment, observed, following, target=target, can_start=can_start),
            cut_off=_cut_off(decided, now=now),
        ),
    )


def _kept(stored: Manifest, serving: str) -> tuple[Record, str | None]:
    """What status keeps, or why it is put aside: unreadable, or of another revision than the one that serves."""
    text = stored.get("rollout", {}).get("record")
    anew = Record(runs.Rollout(serving))
    if text is None:
        return anew, None
    try:
        found = record.load(text)
    except RecordError as error:
        return anew, f"what status kept of the rollout is unreadable: {error}"
    if found.rollout.stable != serving:
        return anew, "another revision serves than the rollout's record says"
    return found, None


def _settled(before: runs.Rollout, after: runs.Rollout, *, now: datetime) -> runs.Rollout:
    """The rollout before, where nothing is new but when figures were last seen, and that not long ago."""
    if before.run is None or after.run is None or before.run.last_data is None:
        return after
    same = replace(after, run=replace(after.run, last_data=before.run.last_data)) == before
    return before if same and now - before.run.last_data < _KEPT_FOR else after


def _cut_off(rollout: runs.Rollout, *, now: datetime) -> frozenset[str]:
    """A candidate that a gateway goes on sending requests to, though it was told to stop a while ago."""
    run = rollout.run
    if run is None or run.phase is not Phase.ROLLING_BACK:
        return frozenset()
    waited = elapsed(run.since, now)
    return frozenset({run.candidate} if waited > run.plan.limits.acknowledge else ())


def _stretch(
    kept: Record, reading: stretches.Reading
) -> tuple[stretches.Reading | None, Figures | None]:
    run = kept.rollout.run
    if run is None or run.is_over:
        return None, None
    return stretches.stretch(
        kept.base, reading, candidate=run.candidate, stable=run.stable, counted=counting.REJECTIONS
    )


def _facts(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    roles: Roles,
    *,
    figures: Figures | None,
    target: str | None,
) -> Facts:
    settings, run = deployment.spec.rollout, kept.rollout.run
    candidate = run.candidate if run and not run.is_over else target
    stable = run.stable if run and not run.is_over else kept.rollout.stable
    fleet = _fleet(observed, roles, candidate)
    # What was told is what is recorded: effects follow the record.
    version = passage.told(deployment, roles)["version"]
    is_there = any(one.is_ready for one in observed.gateways)
    is_taken = is_there and counting.acknowledged(observed.gateways, version)
    return Facts(
        target=target,
        plan=plan_of(settings),
        candidate=fleet,
        stable=_fleet(observed, roles, stable),
        carries=100 * fleet.ready // fleet.wanted if fleet.wanted else 0,
        acknowledged=(run.weight if run else 0) if is_taken else None,
        sees=counting.all_answered(observed.gateways),
        figures=figures,
        share=_share(kept, figures),
        in_flight=counting.in_flight(observed.gateways, candidate) if candidate else 0,
        restarts=_restarts(observed, candidate),
        paused=bool(settings.paused),
        promotes_itself=settings.auto_promote is not False,
        command=deployment.metadata.command,
    )


def _share(kept: Record, figures: Figures | None) -> tuple[int, int]:
    """Requests of the candidate and of both in a stretch that lies wholly within the step."""
    run, base = kept.rollout.run, kept.base
    if run is None or base is None or figures is None or run.step_since is None:
        return 0, 0
    if base.at < run.step_since + run.plan.limits.settle:
        return 0, 0
    pairs = figures.windows.get(counting.REJECTIONS, ())
    of_candidate = sum(pair.candidate.total for pair in pairs)
    return of_candidate, of_candidate + sum(pair.stable.total for pair in pairs)


def _fleet(observed: Observed, roles: Roles, key: str | None) -> Fleet:
    if key is None:
        return Fleet()
    deployment, wanted = observed.deployment(key), roles.replicas.get(key, 0)
    ready = ready_replicas(deployment) if is_current(deployment) else 0
    return Fleet(min(ready, wanted), wanted)


def _restarts(observed: Observed, key: str | None) -> int:
    """Of the engines of a revision, as far as its pods were looked at: only when some do not serve."""
    if key is None:
        return 0
    return sum(
        int(status.get("restartCount", 0))
        for pod in observed.pods_of(key)
        for status in pod.get("status", {}).get("containerStatuses") or []
    )


def _roles(
    deployment: DeepSeekDeployment,
    observed: Observed,
    kept: Record,
    *,
    target: str,
    can_start: bool,
) -> Roles:
    """The stable revision first: what serves is repaired first."""
    rollout, run = kept.rollout, kept.rollout.run
    stable = rollout.stable
    replicas = {stable: _wanted(deployment, observed, kept, stable, target=target)}
    weights, then = {}, {}
    if run is not None and not run.is_over:
        other = run.stable if stable == run.candidate else run.candidate
        if other != stable and (can_start or observed.deployment(other) is not None):
            replicas[other] = _wanted(deployment, observed, kept, other, target=target)
        if run.weight and stable != run.candidate:
            # Named first: with a sticky key, who was with the candidate stays when its share grows.
            weights = {run.candidate: run.weight, stable: 100 - run.weight}
            then = {run.candidate: (stable,)}
    return Roles(
        target=target,
        serving=stable,
        replicas=replicas,
        takes_over=False,
        weights=weights,
        then=then,
    )


def _wanted(
    deployment: DeepSeekDeployment, observed: Observed, kept: Record, key: str, *, target: str
) -> int:
    """The spec's number is that of the revision that it asks for; another keeps what it had."""
    if key == target:
        return deployment.spec.replicas
    known = kept.replicas.get(key)
    if known is not None:
        return known
    present = observed.deployment(key) or {}
    return int(present.get("spec", {}).get("replicas", deployment.spec.replicas))


def _replicas(
    deployment: DeepSeekDeployment, observed: Observed, kept: Record, stable: str, *, target: str
) -> dict[str, int]:
    """Of every revision with a role that the spec does not speak of any more."""
    run = kept.rollout.run
    keys = {stable, *([run.candidate, run.stable] if run and not run.is_over else [])}
    return {
        key: _wanted(deployment, observed, kept, key, target=target)
        for key in sorted(keys - {target})
    }


def plan_of(settings: Rollout) -> Plan:
    """What a run that begins now follows."""
    limits = Limits()
    given = {
        "hold": settings.hold_timeout,
        "total": settings.max_duration,
        "keep": settings.rollback_window,
        "drain": settings.drain_timeout,
    }
    changes = {
        name: timedelta(seconds=seconds_of(text))
        for name, text in given.items()
        if text is not None
    }
    return Plan(
        steps=tuple(map(_step, settings.steps)) or runs.DEFAULT_STEPS,
        metrics=_METRICS,
        bar=evidence.bar(metrics=len(_METRICS)),
        limits=replace(limits, **changes),
    )


def _step(step: RolloutStep) -> Step:
    return Step(
        weight=step.weight,
        min_duration=timedelta(seconds=seconds_of(step.min_duration)),
        min_requests=step.min_requests,
        pause=step.pause,
    )


def stalled(deployment: DeepSeekDeployment, course: Course | None, target: str) -> Finding | None:
    """The spec asks for what was rolled back: a person has to change it, or ask for another try."""
    if course is None or course.is_under_way:
        return None
    failure = course.record.rollout.failure_of(target)
    run = course.run
    if failure is None or run is None or target == course.record.rollout.stable:
        return None
    return Finding(
        Reason.ROLLED_BACK,
        f"revision {target} was rolled back ({failure.cause}): {failure.said}; change the spec, or "
        f"ask for another try: kubectl deepseek retry {deployment.metadata.name}, or annotation "
        f"{names.COMMAND_ANNOTATION}=retry:{run.name}/{run.step}",
    )


def entry(course: Course) -> Manifest | None:
    """As status has it; None before the first run."""
    run = course.run
    if run is None and course.trouble is not None:
        return {
            "phase": "Idle",
            "reason": "RecordUnreadable",
            "message": f"{course.trouble}: all requests go to the revision that serves"[:1024],
            "record": record.dump(course.record),
        }
    if run is None:
        return None
    shown = run.step + 1 if run.phase is not Phase.STARTING else 0
    reason, said = str(run.cause), run.said
    if course.roles.cut_off:
        reason = "RollbackStalled"
        said = f"a gateway has not left it, so its addresses are withdrawn ({run.cause}): {said}"
    return {
        "run": run.name,
        "at": f"{run.name}/{run.step}",
        "phase": str(run.phase),
        "reason": reason,
        "message": said[:1024],
        "step": shown,
        "steps": len(run.plan.steps),
        "weight": 0 if run.phase is Phase.ROLLED_BACK else run.weight,
        "candidate": run.candidate,
        "stable": run.stable,
        "since": run.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": course.record.rollout.answer,
        "record": record.dump(course.record),
    }

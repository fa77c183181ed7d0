"""What status and conditions tell of a run. Pure."""

from enum import StrEnum

from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.canary import Course
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest
from deepseek_operator.rollout import estimate, record, shown
from deepseek_operator.rollout.run import Phase, Run

PLAN_CHANGED = (
    "; spec.rollout was changed since this run began: it goes on by its steps, analysis, mirror and times of before, "
    "and the next run follows the new ones (abort and then retry to begin that now)"
)


class Told(StrEnum):
    """Reasons of `status.rollout` that no run records, beside the causes that it does."""

    RECORD_UNREADABLE = "RecordUnreadable"
    ROLLBACK_STALLED = "RollbackStalled"


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


def _choice(run: Run) -> Manifest:
    """Which strategy the run follows, and why, where the object left that open."""
    if not run.plan.chosen:
        return {}
    strategy = "Replace" if run.plan.replaces else "Canary"
    return {"strategy": strategy, "chosen": run.plan.chosen[:1024]}


def kept_aside(course: Course | None) -> dict[str, Manifest]:
    """Of a strategy without runs: the last one is in status, and says nothing of what goes on now."""
    told = entry(course) if course and course.is_aside else None
    return {} if told is None else {"rollout": told}


def entry(course: Course) -> Manifest | None:
    """As status has it; None before the first run."""
    run = course.run
    if run is None and course.trouble is not None:
        return {
            "phase": "Idle",
            "reason": str(Told.RECORD_UNREADABLE),
            "message": f"{course.trouble}: all requests go to the revision that serves"[:1024],
            "record": record.dump(course.record),
        }
    if run is None:
        return None
    expected, examined, copies = estimate.left(run), shown.examined(run), shown.mirror(run)
    is_stepping = run.phase not in (Phase.STARTING, Phase.MIRRORING) and run.plan.steps
    step = run.step + 1 if is_stepping else 0
    reason, said = str(run.cause), run.said
    if course.roles.cut_off:
        reason = str(Told.ROLLBACK_STALLED)
        said = f"a gateway has not left it, so its addresses are withdrawn ({run.cause}): {said}"
    elif run.late and run.phase is Phase.DRAINING:
        reason = str(Told.ROLLBACK_STALLED)
        said = f"{run.late} requests were sent to it after every gateway had left it ({run.cause}): {said}"
    if course.is_plan_changed:
        said = f"{said[: 1024 - len(PLAN_CHANGED)]}{PLAN_CHANGED}"
    return {
        "run": run.name,
        "at": f"{run.name}/{run.step}",
        "phase": str(run.phase),
        "reason": reason,
        "message": said[:1024],
        "step": step,
        "steps": len(run.plan.steps),
        "weight": 0 if run.phase is Phase.ROLLED_BACK else run.weight,
        **_choice(run),
        "candidate": run.candidate,
        "stable": run.stable,
        "since": run.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **({} if expected is None else {"decisionSeconds": int(expected.total_seconds())}),
        "command": course.record.rollout.answer[:256],
        "metrics": shown.metrics(run),
        **({"notCompared": list(course.untold)} if course.untold else {}),
        **({} if examined is None else {"quality": examined}),
        **({} if copies is None else {"mirror": copies}),
        "record": record.dump(course.record),
    }

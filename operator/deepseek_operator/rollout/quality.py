"""Whether a candidate answers well enough to go on: examined before a step, and before the promotion. Pure.

An examination is recorded first and carried out then. Until its report is there nothing goes forward; a report that says
too little holds the run, and one that says that the answers are bad takes it back. Nothing here gives traffic.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from deepseek_operator.rollout.evidence import Verdict
from deepseek_operator.rollout.exams import Exam, Report, judge
from deepseek_operator.rollout.run import ON_THE_WAY_BACK, Cause, Rollout, Run
from deepseek_operator.rollout.scene import Scene, elapsed


def seen(run: Run, report: Report | None, *, now: datetime) -> Run:
    """With the report of the examination that is under way; one that is silent again leaves what was known."""
    exam = run.exam
    if exam is None or report is None or report == exam.report:
        return run
    return replace(run, exam=replace(exam, report=report, ended=now))


def is_open(run: Run) -> bool:
    """Whether an examination is to be carried out now: it goes on until its report says good or bad."""
    is_at_gate = run.phase not in ON_THE_WAY_BACK and not run.has_swapped and not run.is_over
    return is_at_gate and run.exam is not None and verdict(run)[0] is Verdict.UNKNOWN


def is_disturbing(run: Run | None, *, now: datetime, settle: timedelta) -> bool:
    """Whether what engines count now is, in part, of an examination: it is nobody's request."""
    if run is None or run.exam is None or run.plan.quality is None:
        return False
    if not run.plan.quality.asks_prompts(run.exam.gate):
        return False
    return is_open(run) or (run.exam.ended is not None and now < run.exam.ended + settle)


def verdict(run: Run) -> tuple[Verdict, str]:
    """Of the last examination; Unknown before there is one."""
    if run.exam is None or run.plan.quality is None:
        return Verdict.UNKNOWN, ""
    return judge(run.plan.quality, run.exam.gate, run.exam.report)


def before(run: Run) -> str:
    """What the examination decides on."""
    gate = run.exam.gate if run.exam else 0
    return f"step {gate + 1}" if gate < len(run.plan.steps) else "promotion"


def poor(scene: Scene) -> Rollout | None:
    """The answers are not what they have to be: whoever is examined at a gate goes back from it."""
    run = scene.run
    if run.phase in ON_THE_WAY_BACK or run.has_swapped:
        return None
    found, words = verdict(run)
    if found is not Verdict.BAD:
        return None
    return scene.back(Cause.QUALITY_FAILED, f"before {before(run)}, {words}")


def unknown(scene: Scene) -> tuple[Cause, str] | None:
    """Why a run is held at a gate: its examination left no result, or takes too long to leave one."""
    run, quality = scene.run, scene.run.plan.quality
    if run.exam is None or quality is None or not is_open(run):
        return None
    if run.exam.report is not None:
        return Cause.QUALITY_UNKNOWN, verdict(run)[1]
    if elapsed(run.exam.since, scene.now) > quality.patience:
        said = f"its examination has left no result since {run.exam.since:%H:%M:%S}"
        return Cause.QUALITY_UNKNOWN, f"{said}; see the Jobs whose names begin with quality-"
    return None


def waits(run: Run, gate: int, *, now: datetime) -> tuple[Run, str | None]:
    """The run, examined or to be examined at a gate, and what it waits for there; None: it may go on."""
    quality = run.plan.quality
    if quality is None or not quality.is_due(gate):
        return run, None
    if run.exam is None or run.exam.gate != gate:
        run = replace(run, exam=Exam(gate, now))
    found, words = verdict(run)
    return run, None if found is Verdict.GOOD else f"before {before(run)}, {words}"

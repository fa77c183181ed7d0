"""Which examination of a Canary is to be carried out, and which Jobs are to go. Pure.

An examination is open in the record before its Job is made; a Job that left no result is made anew after a while.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from deepseek_operator import exam_results
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import quality as builders
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout import quality, shown
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Run

RETRY = timedelta(seconds=30)
"""How long after it left no result an examination is tried again."""

MOST_PODS = 16
"""Of each revision that are asked, in turn: a Job's document has to stay small."""


@dataclass(frozen=True, slots=True)
class Examining:
    """`jobs` are created unless they are there; `delete` are not wanted any more, or tried again."""

    jobs: tuple[Manifest, ...] = ()
    delete: tuple[Manifest, ...] = ()


def plan_examining(
    deployment: DeepSeekDeployment,
    run: Run | None,
    observed: Observed,
    *,
    shape: Shape | None,
    image: str,
    now: datetime,
) -> Examining:
    """What the recorded run needs; `shape` of its candidate, `image` of the tools."""
    is_open = run is not None and quality.is_open(run)
    wanted = builders.exam_name(deployment, run) if run is not None and is_open else None
    unwanted = tuple(
        _to_delete(job)
        for job in observed.exams
        if job["metadata"]["name"] != wanted
        and "deletionTimestamp" not in job["metadata"]
        and exam_results.ended_at(observed, job["metadata"]["name"]) is None
    )
    if run is None or wanted is None or shape is None:
        return Examining(delete=unwanted)
    present = observed.exam(wanted)
    if present is not None:
        again = _is_due_again(observed, wanted, now=now)
        return Examining(delete=(*unwanted, *([_to_delete(present)] if again else [])))
    addresses = _addresses(run, observed)
    if addresses is None:
        return Examining(delete=unwanted)
    job = builders.build_exam_job(
        deployment, run, shape, addresses=addresses, metrics=shown.metrics(run), image=image
    )
    return Examining(jobs=(job,), delete=unwanted)


def _is_due_again(observed: Observed, job: str, *, now: datetime) -> bool:
    ended = exam_results.ended_at(observed, job)
    return ended is not None and datetime.fromisoformat(ended) + RETRY <= now


def _addresses(run: Run, observed: Observed) -> dict[str, list[str]] | None:
    """Whose pods are asked; None while one of the revisions has none that could be."""
    asked, gate = run.plan.quality, run.exam.gate if run.exam else 0
    if asked is None or not asked.asks_prompts(gate):
        return {}
    roles = {"candidate": run.candidate}
    if asked.compares(gate):
        roles["stable"] = run.stable
    found = {
        role: [
            engine.address for engine in observed.told_by(key) if engine.is_ready and engine.address
        ][:MOST_PODS]
        for role, key in roles.items()
    }
    return found if all(found.values()) else None


def _to_delete(job: Manifest) -> Manifest:
    """As far as deleting it needs."""
    metadata = job["metadata"]
    kept = {name: metadata[name] for name in ("name", "namespace", "uid")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": kept}

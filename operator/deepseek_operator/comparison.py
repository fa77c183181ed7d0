"""How a Canary that begins now would go: its steps, what it compares, how long it may take. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from deepseek_operator.api.durations import seconds_of
from deepseek_operator.api.traffic import Rollout, RolloutStep
from deepseek_operator.catalog import models
from deepseek_operator.engines import vllm_figures
from deepseek_operator.rollout import evidence, metrics
from deepseek_operator.rollout import run as runs
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Limits, Plan, Step


def plan_of(settings: Rollout, *, candidate: Shape | None, stable: Shape | None) -> Plan:
    """What a run between these two revisions follows; of one that cannot be read nothing is asked."""
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
    both = [shape for shape in (candidate, stable) if shape is not None]
    is_pair = len(both) == 2
    chosen = metrics.choose(
        settings.analysis,
        engines_tell=is_pair and all(vllm_figures.is_told_by(one.template) for one in both),
        are_alike=is_pair and are_alike(*both),
        same_model=is_pair and both[0].model == both[1].model,
    )
    return Plan(
        steps=tuple(map(_step, settings.steps)) or runs.DEFAULT_STEPS,
        metrics=chosen,
        bar=evidence.bar(metrics=len(chosen)),
        limits=replace(limits, **changes),
    )


def _step(step: RolloutStep) -> Step:
    return Step(
        weight=step.weight,
        min_duration=timedelta(seconds=seconds_of(step.min_duration)),
        min_requests=step.min_requests,
        pause=step.pause,
    )


def are_alike(one: Shape, other: Shape) -> bool:
    """Whether by nature both need the same time for an answer: the same work on the same accelerators."""
    same_work = one.model == other.model or _work(one.model) == _work(other.model) is not None
    return same_work and _accelerators(one.template) == _accelerators(other.template)


def _work(name: str) -> tuple[object, ...] | None:
    """What a token of a catalog's model costs; nothing is known of others."""
    model = models.find_model(name)
    if model is None:
        return None
    return (model.architecture, model.parameters, model.active_parameters, model.layers)


def _accelerators(template: Mapping[str, Any]) -> object:
    """Which and how many, as the frozen pods ask for them."""
    spec = template.get("spec", {})
    limits = [
        {
            name: str(count)
            for name, count in (item.get("resources", {}).get("limits") or {}).items()
            if "/" in name
        }
        for item in spec.get("containers", [])
    ]
    chosen = {
        label: value for label, value in (spec.get("nodeSelector") or {}).items() if "/gpu" in label
    }
    return limits, chosen

"""How a run that begins now would go: its steps, what it compares, how long it may take. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from deepseek_operator.api import mirror, names, quality
from deepseek_operator.api.durations import seconds_of
from deepseek_operator.api.traffic import Rollout, RolloutStep
from deepseek_operator.catalog.accelerators import LABELS
from deepseek_operator.catalog.models import Model
from deepseek_operator.engines import choice
from deepseek_operator.rollout import metrics
from deepseek_operator.rollout import run as runs
from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.engine_counts import ANSWERS, NEEDED, Measure
from deepseek_operator.rollout.exams import Quality
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Breaker, Limits, Plan, Run, Step

_EXAM_STARTS = timedelta(minutes=5)
"""How much longer than its own time an examination may take: its image may have to be pulled."""


def plan_of(
    settings: Rollout,
    *,
    candidate: Shape | None,
    stable: Shape | None,
    known: Mapping[str, Model],
    has_gateways: bool = True,
    replaces: bool | None = None,
) -> Plan:
    """What a run between these two revisions follows; of one that cannot be read nothing is asked.

    `known` are the models of which it is known what a token costs. `has_gateways`: of the object's own, which count
    requests; without them engines have to. `replaces`: whether one makes way for the other; None: as the strategy says.
    """
    given = {
        "start": settings.start_timeout,
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
    if settings.strategy == "Replace" if replaces is None else replaces:
        return _replacing(replace(_IN_AN_OUTAGE, **changes), settings)
    both = [shape for shape in (candidate, stable) if shape is not None]
    is_pair = len(both) == 2
    chosen = metrics.choose(
        settings.analysis,
        told=told_by(both) if is_pair else frozenset(),
        are_alike=is_pair and are_alike(*both, known=known),
        same_model=is_pair and both[0].model == both[1].model,
        has_gateways=has_gateways,
    )
    return Plan(
        steps=tuple(map(_step, settings.steps)) or runs.DEFAULT_STEPS,
        metrics=chosen,
        bar=metrics.bar(chosen),
        limits=replace(Limits(), **changes),
        quality=_quality(settings.analysis.quality),
        mirror=_mirror(settings.mirror),
    )


_FROZEN = frozenset(
    {
        "steps",
        "mirror",
        "analysis",
        "start_timeout",
        "hold_timeout",
        "max_duration",
        "rollback_window",
        "drain_timeout",
    }
)
"""Settings that a run reads when it begins."""


def asked(settings: Rollout) -> str:
    """What of the spec a run follows from its beginning on, as a digest: a default is the same as nothing said."""
    return names.digest(settings.model_dump_json(include=set(_FROZEN), exclude_defaults=True))


_IN_AN_OUTAGE = Limits(start=timedelta(minutes=30), hold=timedelta(minutes=5))
"""Nobody is served meanwhile."""
_SURE = Breaker(windows=15)
"""Whoever goes back from a Replace is served by nobody on the way: half a minute of failures, not one second's."""


def _replacing(limits: Limits, settings: Rollout) -> Plan:
    """There are never two revisions to compare: gateways' counts are for people, and for the breaker."""
    quality = _quality(settings.analysis.quality)
    return Plan(
        steps=(),
        metrics=metrics.GATEWAY_METRICS,
        bar=metrics.bar(metrics.GATEWAY_METRICS),
        breaker=_SURE,
        limits=limits,
        # Where the strategy is Auto, it may be said how a Canary's answers compare.
        quality=quality and replace(quality, max_drop=None, every_step=False),
        replaces=True,
    )


def told_by(shapes: Sequence[Shape]) -> frozenset[Measure]:
    """What the engines of all these revisions promise to tell."""
    tellings = [choice.telling(shape.template.get("spec", {})) for shape in shapes]
    figures = [one.figures if one else frozenset() for one in tellings]
    return frozenset(
        measure for measure, needed in NEEDED.items() if all(needed <= known for known in figures)
    )


def untold(
    run: Run | None, shapes: Mapping[str, Shape], *, told_before: Mapping[str, Any]
) -> tuple[str, ...]:
    """What a run cannot compare, because an engine of one of its revisions does not tell it.

    Once one of them is gone, it is what status said of the same run before.
    """
    if run is None:
        return ()
    if run.candidate not in shapes or run.stable not in shapes:
        is_same = told_before.get("run") == run.name
        return tuple(told_before.get("notCompared", ())) if is_same else ()
    told = told_by([shapes[run.candidate], shapes[run.stable]])
    return tuple(str(measure) for measure in ANSWERS if measure not in told)


def _quality(given: quality.Quality | None) -> Quality | None:
    """What answers are examined for."""
    if given is None:
        return None
    passing, found = given.min_passing_percent, Quality()
    return Quality(
        prompts=given.prompts is not None,
        min_passing=found.min_passing if passing is None else passing,
        max_drop=given.max_drop_percent,
        every_step=bool(given.every_step),
        webhook=given.webhook is not None,
        patience=timedelta(seconds=given.seconds) + _EXAM_STARTS,
    )


def _mirror(given: mirror.Mirror | None) -> Mirror | None:
    """What is asked of copies."""
    if given is None:
        return None
    return Mirror(
        percent=given.percent,
        min_requests=given.min_requests,
        min_duration=timedelta(seconds=seconds_of(given.min_duration)),
        max_duration=timedelta(seconds=seconds_of(given.max_duration)),
        most=given.max_concurrent,
    )


def _step(step: RolloutStep) -> Step:
    return Step(
        weight=step.weight,
        min_duration=timedelta(seconds=seconds_of(step.min_duration)),
        min_requests=step.min_requests,
        pause=step.pause,
    )


def are_alike(one: Shape, other: Shape, *, known: Mapping[str, Model]) -> bool:
    """Whether by nature both need the same time for an answer: the same work on the same accelerators."""
    works = [_work(known.get(shape.model)) for shape in (one, other)]
    same_work = one.model == other.model or works[0] == works[1] is not None
    return same_work and _accelerators(one.template) == _accelerators(other.template)


def _work(model: Model | None) -> tuple[object, ...] | None:
    """What a token of a catalog's model costs; nothing is known of others."""
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
        label: value
        for label, value in (spec.get("nodeSelector") or {}).items()
        if "/gpu" in label or label in LABELS.values()
    }
    return limits, chosen

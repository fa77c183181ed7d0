"""The verbs that need no cluster: plan, models, accelerators."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from deepseek_operator.api import warnings
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.cli import documents, objects, peaks, questions, tables, timing
from deepseek_operator.cli.objects import Given, InputError
from deepseek_operator.cli.peaks import Peak, Planned
from deepseek_operator.cli.questions import Block
from deepseek_operator.cli.timing import Known, Time, Way
from deepseek_operator.sizing.fleet import fleet_of
from deepseek_operator.sizing.size import Sized, size
from deepseek_operator.sizing.terms import CannotRunError, Pool, Question, Workload

if TYPE_CHECKING:
    from deepseek_operator.cli.admission import Admission
    from deepseek_operator.cli.changes import Changes
    from deepseek_operator.cli.making import Making


class Ending(IntEnum):
    """How a plan ends, as an exit code; 2 is argparse's."""

    FITS = 0
    REFUSED = 1
    """It cannot be served, or what is given cannot be read."""
    FALLS_SHORT = 3
    """It can be served, but there are too few accelerators or replicas, or a latency target is missed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All blocks of an object."""

    name: str
    workload: Workload
    blocks: tuple[Planned, ...]
    """None where nothing is derived of what the object asks for."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """What is risky and allowed, as the API server says it."""
    peak: Peak | None = None
    """What rolling it out needs at once; None where it is not known what serves."""
    time: Time | None = None
    """How long its rollout takes."""
    changes: "Changes | None" = None
    """Of what runs; None without a cluster."""
    making: "Making | None" = None
    """The objects that the operator makes of it; None where nobody asked."""
    admission: "Admission | None" = None
    """What the API server says of it; None without a cluster."""

    @property
    def ending(self) -> Ending:
        """Whether all of it can be as asked."""
        if self.admission is not None and self.admission.refused:
            return Ending.REFUSED
        if self.making is not None and self.making.stalled:
            return Ending.REFUSED
        good = (self.peak is None or not self.peak.lacks) and all(
            found.enough and not found.fleet.is_overloaded and not found.sized.missed
            for found in self.blocks
        )
        return Ending.FITS if good else Ending.FALLS_SHORT


def run(options: argparse.Namespace) -> int:
    """One verb; errors in one sentence."""
    try:
        known = objects.read_catalog(options.catalog)
        if options.verb == "plan":
            return _plan(options, known)
        text = _listing(options.verb, options.output, known)
    except (InputError, CatalogError, CannotRunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return Ending.REFUSED
    print(text)
    return Ending.FITS


def _plan(options: argparse.Namespace, known: Catalog) -> int:
    return show(make_plan(options, known), options)


def show(plan: Plan, options: argparse.Namespace) -> int:
    """Print it; the exit code."""
    if options.output == "table":
        print(tables.plan(plan, color=wants_color()))
    else:
        print(documents.render(documents.plan(plan), options.output))
    return plan.ending


def _listing(kind: str, output: str, known: Catalog) -> str:
    if output != "table":
        return documents.render(documents.listing(kind, known), output)
    return tables.models(known) if kind == "models" else tables.accelerators(known)


def wants_color() -> bool:
    """Colour is for people at a terminal who have not said otherwise (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def make_plan(options: argparse.Namespace, known: Catalog) -> Plan:
    """Of the accelerators that the command line names; with `rollout.from` also how the first rollout goes on them."""
    given = objects.read(options.filename)
    spec = given.spec
    known = questions.prices(options.price, known)
    pools = questions.pools(options.accelerators, known)
    plan = plan_on(pools, options, known, name=given.name, spec=spec)
    plan = replace(plan, time=_time(plan, spec, options), warnings=warned(given))
    if options.children:
        notes = (*plan.notes, *set_aside(options))
        plan = replace(plan, making=_making(given, pools, known), notes=notes)
    first = questions.baseline(spec, options)
    if first is None:
        return plan
    try:
        before = _best(first, _answers(first, options, known, pools), {})
    except (InputError, CannotRunError):
        # What does not run on what was named is no part of this plan.
        return plan
    there = peaks.cluster_of(pools)
    peak = peaks.peak_of(plan.blocks, there, known=known, spec=spec, serving=before)
    return replace(plan, peak=peak)


def warned(given: Given) -> tuple[str, ...]:
    """What the API server would warn of."""
    return tuple(one.message for one in warnings.warnings_of(given.manifest["spec"]))


def set_aside(options: argparse.Namespace) -> tuple[str, ...]:
    """That what the command line sets is in no object."""
    names = ("quantization", "input_tokens", "output_tokens", "requests_per_second")
    latencies = ("time_to_first_token", "time_per_output_token")
    given = [name for name in (*names, *latencies) if getattr(options, name) is not None]
    given += ["set"] if options.set else []
    notes = []
    if given:
        said = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        notes.append(f"children and changes are of the file alone: {said} is not in them")
    if options.catalog:
        notes.append(
            "children and changes are of the catalog with --catalog: the operator has to have the same entries (docs/catalog.md)"
        )
    return tuple(notes)


def _time(plan: Plan, spec: DeepSeekDeploymentSpec, options: argparse.Namespace) -> Time:
    """As the strategy says: what serves is not known, nor what is fetched."""
    strategy = spec.rollout.strategy
    way: Way = "Canary" if strategy == "Auto" else strategy
    known = Known(
        fetch_rate=timing.fetch_rate(options.fetch_rate),
        start_seconds=timing.start_time(options.start_time),
    )
    return timing.time(plan.blocks[0], spec, way=way, known=known)


def _making(given: Given, pools: Sequence[Pool], known: Catalog) -> "Making":
    """Of a new object in a cluster that knows everything."""
    # The operator's own plan, which a sizing does without.
    from deepseek_operator.api.types import DeepSeekDeployment, ObjectMeta  # noqa: PLC0415
    from deepseek_operator.cli import making  # noqa: PLC0415
    from deepseek_operator.observed import Observed  # noqa: PLC0415

    metadata = ObjectMeta(name=given.name or "NAME", namespace=given.namespace or "default")
    return making.making(
        DeepSeekDeployment(metadata=metadata, spec=given.spec),
        Observed(cluster=peaks.cluster_of(pools), catalog=known),
        stored={},
        now=datetime.now(UTC),
    )


def plan_on(
    pools: Sequence[Pool],
    options: argparse.Namespace,
    known: Catalog,
    *,
    name: str,
    spec: DeepSeekDeploymentSpec,
) -> Plan:
    """Every block of the object on the accelerators that are best for it, of those that are left."""
    asked = questions.blocks(spec, options)
    taken: dict[str, int] = {}
    found: list[Planned] = []
    for block in asked:
        best = _best(block, _answers(block, options, known, pools), taken)
        pool = str(best.sized.question.pool)
        taken[pool] = taken.get(pool, 0) + best.fleet.accelerators
        found.append(best)
    return Plan(name, asked[0].workload, tuple(found), _notes(found))


def _answers(
    block: Block, options: argparse.Namespace, known: Catalog, pools: Sequence[Pool]
) -> list[Sized | CannotRunError]:
    """One for each pool that the block may use; what the command line sets is of who serves."""
    is_first = block.field == "spec"
    asked = [
        questions.question(
            block,
            pool,
            catalog=known,
            quantization=options.quantization if is_first else None,
            settings=options.set if is_first else (),
        )
        for pool in questions.pools_for(block, pools, known, is_read=not options.accelerators)
    ]
    return [_sized(item, block) for item in asked]


def _sized(question: Question, block: Block) -> Sized | CannotRunError:
    try:
        return size(question)
    except CannotRunError as error:
        where = f"{block.field}." if not error.field.startswith(("workload", "price")) else ""
        return CannotRunError(f"{where}{error.field}", str(error).partition(": ")[2])


def _best(
    block: Block, answers: Sequence[Sized | CannotRunError], taken: dict[str, int]
) -> Planned:
    """The pool that has room for it, keeps the targets and costs least; the first refusal where none runs it."""
    found = []
    for answer in answers:
        if isinstance(answer, CannotRunError):
            continue
        fleet = fleet_of(answer, replicas=block.replicas)
        pool = answer.question.pool
        left = replace(pool, count=max(0, pool.count - taken.get(str(pool), 0)))
        enough = fleet.replicas <= left.replicas(answer.layout.accelerators)
        found.append(Planned(block, answer, fleet, enough))
    if not found:
        raise next(answer for answer in answers if isinstance(answer, CannotRunError))
    return min(found, key=lambda one: (not one.enough, len(one.sized.missed), one.fleet.per_hour))


def _notes(found: Sequence[Planned]) -> tuple[str, ...]:
    """Where the operator would do otherwise."""
    open_ones = [one for one in found if one.block.serving.accelerator.product is None]
    spread = [one for one in found if one.sized.layout.nodes > 1 and one.sized.layout.data > 1]
    scaled = [one.block.scaled for one in found if one.block.scaled is not None]
    return (
        *(
            f"spec.autoscaling: reckoned with its max, {asked.max}; it may run with {asked.min}"
            for asked in scaled
        ),
        *(
            f"{one.block.field}.accelerator.product: not set, so the operator derives this only where all nodes that the "
            f"pods may run on have one product; to be sure set it to {one.sized.question.pool.accelerator.labels.gpu_operator[0]}"
            for one in open_ones
        ),
        *(
            f"{one.block.field}: ranks on {one.sized.layout.nodes} nodes need RDMA between these; without multiNode.rdma "
            "in the chart the operator gives each node a part of the layers"
            for one in spread
        ),
    )

"""The verbs that need no cluster: plan, models, accelerators."""

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from deepseek_operator.api import warnings
from deepseek_operator.api.long_requests import DEFAULT_MOST_REQUESTS
from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.cli import answers, documents, objects, peaks, questions, tables, timing
from deepseek_operator.cli.answers import Answer
from deepseek_operator.cli.objects import Given, InputError, NotSizedError
from deepseek_operator.cli.peaks import Peak, Planned
from deepseek_operator.cli.questions import Block
from deepseek_operator.cli.timing import Known, Time, Way
from deepseek_operator.sizing.fleet import fleet_of
from deepseek_operator.sizing.terms import TARGET_UTILIZATION, CannotRunError, Pool, Workload

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
    """What rolling it out needs at once; None where nothing is derived, or it is not known what is free."""
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
    """Of the accelerators that the command line names, with nobody on them but the object."""
    given = objects.read(options.filename)
    spec = given.spec
    known = questions.prices(options.price, known)
    pools = questions.pools(options.accelerators, known)
    plan = plan_on(pools, options, known, name=given.name, spec=spec)
    before = baseline_on(pools, options, known, spec=spec)
    # Afterwards, as what is not derived is refused with the very field to use instead.
    objects.check(given, options.filename)
    _check_pods((*plan.blocks, *([before] if before else [])), given, known, rdma=options.rdma)
    there = peaks.cluster_of(pools)
    peak = peaks.peak_of(plan.blocks, there, known=known, spec=spec, serving=before)
    plan = replace(plan, peak=peak, warnings=warned(given))
    plan = replace(plan, time=_time(plan, spec, options, first=before))
    if options.children:
        notes = (*plan.notes, *set_aside(options))
        making = _making(given, pools, known, rdma=options.rdma)
        plan = replace(plan, making=making, notes=notes)
    return plan


def _check_pods(found: Sequence[Planned], given: Given, known: Catalog, *, rdma: bool) -> None:
    """InputError for the first block whose pods the operator could not make."""
    # Builders of pods, which lists do without.
    from deepseek_operator.cli import servable  # noqa: PLC0415

    for one in found:
        servable.shape(one, servable.deployment_of(given), known, rdma=rdma)


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


def way_of(plan: Plan, spec: DeepSeekDeploymentSpec) -> Way:
    """How a revision takes over from another, as the strategy says and Auto would choose."""
    if spec.rollout.strategy != "Auto":
        return spec.rollout.strategy
    return "Replace" if plan.peak and plan.peak.auto == "Replace" else "Canary"


def _time(
    plan: Plan,
    spec: DeepSeekDeploymentSpec,
    options: argparse.Namespace,
    *,
    first: Planned | None,
) -> Time:
    """As the strategy says: what serves is not known, nor what is fetched."""
    known = Known(
        fetch_rate=timing.fetch_rate(options.fetch_rate),
        start_seconds=timing.start_time(options.start_time),
    )
    way = way_of(plan, spec)
    return timing.time(plan.blocks[0], spec, way=way, known=known, first=first)


def _making(given: Given, pools: Sequence[Pool], known: Catalog, *, rdma: bool) -> "Making":
    """Of a new object in a cluster that knows everything."""
    # The operator's own plan, which a sizing does without.
    from deepseek_operator.cli import making, servable  # noqa: PLC0415
    from deepseek_operator.observed import Observed  # noqa: PLC0415

    return making.making(
        servable.deployment_of(given),
        Observed(cluster=peaks.cluster_of(pools), catalog=known),
        stored={},
        now=datetime.now(UTC),
        rdma=rdma,
    )


def plan_on(
    pools: Sequence[Pool],
    options: argparse.Namespace,
    known: Catalog,
    *,
    name: str,
    spec: DeepSeekDeploymentSpec,
    cluster: Cluster | None = None,
) -> Plan:
    """Every block of the object on the accelerators that are best for it, of those that are left.

    `cluster` is what was read of the nodes that have them; None: nothing is known but their sizes.
    """
    asked = questions.blocks(spec, options)
    found: list[Planned] = []
    for block in asked:
        tried = _planned(block, _answers(block, options, known, pools, cluster))
        found.append(_best(_placed(tried, found, pools, known, cluster)))
    idle = questions.idle_prices(options.price, pools, known)
    notes = (*_notes(found), *_shut_out(found, spec), *idle)
    return Plan(name, asked[0].workload, tuple(found), notes)


def baseline_on(
    pools: Sequence[Pool],
    options: argparse.Namespace,
    known: Catalog,
    *,
    spec: DeepSeekDeploymentSpec,
    cluster: Cluster | None = None,
) -> Planned | None:
    """What the first rollout begins with, refused as a block is; None where that is the spec itself."""
    first = questions.baseline(spec, options)
    if first is None:
        return None
    try:
        tried = _planned(first, _answers(first, options, known, pools, cluster))
        return _best(_placed(tried, (), pools, known, cluster))
    except NotSizedError:
        raise
    except InputError as error:
        # The block itself cannot be changed once the object is there.
        way_out = f"to begin with {spec.model} at once set spec.rollout.skipInitial: true"
        raise type(error)(f"{error}; {way_out}") from error


def _answers(
    block: Block,
    options: argparse.Namespace,
    known: Catalog,
    pools: Sequence[Pool],
    cluster: Cluster | None,
) -> list[Answer]:
    """One for each pool that the block may use; `cluster` is what was read of nodes."""
    there = list(pools)
    if cluster is not None and block.serving.accelerator.product is None:
        # Of no product the operator takes that of the nodes that the pods may run on.
        there = peaks.open_pools(cluster, block, known.accelerators) or there
    usable = questions.pools_for(block, there, known, is_read=not options.accelerators)
    changes = answers.changes_of(options, block)
    return answers.answers(block, usable, catalog=known, changes=changes)


def _planned(block: Block, found: Sequence[Answer]) -> list[Planned]:
    """The replicas by pool; the first refusal where none runs it."""
    tried = [
        answer
        if isinstance(answer, InputError)
        else answers.too_many(block, answer)
        or Planned(block, answer, fleet_of(answer, replicas=block.replicas))
        for answer in found
    ]
    planned = [one for one in tried if isinstance(one, Planned)]
    if not planned:
        raise next(one for one in tried if isinstance(one, InputError))
    return planned


def _placed(
    tried: Sequence[Planned],
    before: Sequence[Planned],
    pools: Sequence[Pool],
    known: Catalog,
    cluster: Cluster | None,
) -> list[Planned]:
    """Each with whether it finds room beside the blocks before it: on all nodes of its product, not those of its pool alone."""
    there, is_named = cluster or peaks.cluster_of(pools), cluster is None
    return [
        peaks.placed(one, before, there, known=known.accelerators, is_named=is_named)
        for one in tried
    ]


def _best(placed: Sequence[Planned]) -> Planned:
    """Where there is room for it, it keeps the targets and costs least, on nodes that a pod fits."""
    return min(
        placed,
        key=lambda one: (
            not one.enough,
            len(one.sized.missed),
            one.fleet.per_hour,
            max(0, one.sized.layout.accelerators_each - one.sized.question.pool.node_size),
        ),
    )


def _shut_out(found: Sequence[Planned], spec: DeepSeekDeploymentSpec) -> Iterator[str]:
    """That the gateway lets fewer requests pass than a replica is sized for."""
    most = spec.gateway.max_requests_per_replica or DEFAULT_MOST_REQUESTS
    if spec.gateway.provider == "None":
        return
    for one in found:
        running = one.sized.pace.sequences
        if running > most:
            yield (
                f"spec.gateway.maxRequestsPerReplica: {most} requests of a replica may be under way, and {one.block.field} "
                f"is sized for {running} at once; set it to {math.ceil(running / TARGET_UTILIZATION)}"
            )


def _notes(found: Sequence[Planned]) -> tuple[str, ...]:
    """Where the operator would do otherwise."""
    open_ones = [one for one in found if one.block.serving.accelerator.product is None]
    spread = [one for one in found if one.sized.layout.nodes > 1 and one.sized.layout.data > 1]
    staged = [
        one
        for one in found
        if one.sized.layout.nodes > 1
        and one.sized.question.model.experts is not None
        and not one.sized.question.rdma
    ]
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
        *(
            f"{one.block.field}: on {one.sized.layout.nodes} nodes, and reckoned without RDMA between these; where the "
            "chart has multiNode.rdma, say --rdma"
            for one in staged
        ),
        *(text for one in found if (text := answers.unasked(one.block, one.sized)) is not None),
    )

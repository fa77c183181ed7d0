"""A plan against a cluster: what is free, what runs, what the API server says of it. Nothing is written."""

import argparse
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from deepseek_operator import fallbacks, observe_nodes
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment, DeepSeekDeploymentSpec, ObjectMeta
from deepseek_operator.build import weights
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli import (
    admission,
    changes,
    lookup,
    making,
    objects,
    offline,
    peaks,
    questions,
    reading,
    servable,
    timing,
)
from deepseek_operator.cli.changes import Changes, Standing
from deepseek_operator.cli.making import Making
from deepseek_operator.cli.objects import Given, InputError, NotSizedError
from deepseek_operator.cli.offline import Plan
from deepseek_operator.cli.peaks import Owner, Planned
from deepseek_operator.cli.timing import Fetched, Known, Time, Way
from deepseek_operator.errors import Stalled
from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import Manifest, Observed, is_complete
from deepseek_operator.rollout.revisions import target_key
from deepseek_operator.sizing.terms import Pool


async def plan(kube: Kube, options: argparse.Namespace, *, namespace: str) -> int:
    """Print the plan; the exit code. `namespace` is the context's."""
    known = questions.prices(options.price, objects.read_catalog(options.catalog))
    given = objects.read(options.filename)
    if not given.name:
        # The API server is not asked about an object without one.
        objects.check(given, options.filename)
    namespace = _namespace(given, options.namespace) or namespace
    # Before anything else: where the cluster knows no such objects there is nothing to plan for.
    present = await lookup.find(kube, namespace, given.name) if given.name else None
    cluster, pools = await _accelerators(kube, options, known)
    read = None if options.accelerators else cluster
    try:
        found = offline.plan_on(
            pools, options, known, name=given.name, spec=given.spec, cluster=read
        )
    except NotSizedError as error:
        # What it changes of what runs is known all the same.
        found = Plan(
            given.name, questions.workload_of(given.spec, options), (), (f"not sized: {error}",)
        )
    found = replace(found, warnings=offline.warned(given))
    if options.accelerators:
        note = "what of --accelerators is free is not known, so there is no peak"
        found = replace(found, notes=(*found.notes, note))
    first = None
    if found.blocks and _serving(present) is None:
        found, first = _beginning(found, pools, options, known, given, cluster=read)
    if found.blocks and not options.accelerators:
        owner = Owner(namespace, given.name, _serving(present))
        peak = peaks.peak_of(
            found.blocks, cluster, known=known, spec=given.spec, owner=owner, serving=first
        )
        found = replace(found, peak=peak)
    if not given.name:
        note = "metadata.name: missing, so nothing is compared with the cluster; set it"
        return offline.show(replace(found, notes=(*found.notes, note)), options)
    there = _There(kube, given, present, namespace, cluster, known, first)
    return offline.show(await there.compared(found, options), options)


def _beginning(
    found: Plan,
    pools: list[Pool],
    options: argparse.Namespace,
    known: Catalog,
    given: Given,
    *,
    cluster: Cluster | None,
) -> tuple[Plan, Planned | None]:
    """What the first rollout begins with, if it does; what is not sized is noted."""
    try:
        return found, offline.baseline_on(pools, options, known, spec=given.spec, cluster=cluster)
    except NotSizedError as error:
        note = f"not sized, so neither its accelerators nor its time are counted: {error}"
        return replace(found, notes=(*found.notes, note)), None


def _namespace(given: Given, named: str | None) -> str:
    """Where the object is, as kubectl decides it; empty: in the context's."""
    if named and given.namespace and named != given.namespace:
        raise InputError(
            f"metadata.namespace: {given.namespace}, and --namespace says {named}; leave one of them out"
        )
    return named or given.namespace


async def _accelerators(
    kube: Kube, options: argparse.Namespace, known: Catalog
) -> tuple[Cluster, list[Pool]]:
    """Those of the nodes and who holds them; or those that the command line names, with nobody on them."""
    if options.accelerators:
        pools = questions.pools(options.accelerators, known)
        return peaks.cluster_of(pools), pools
    cluster = await observe_nodes.read_cluster(kube, with_pods=True)
    remedy = "say what there is by --accelerators, such as 16xH200:8, and --diff to compare with what runs"
    if cluster.unread:
        raise InputError(
            "nodes and pods of the whole cluster may not be listed with these credentials; "
            + remedy
        )
    pools = peaks.pools_of(cluster, known.accelerators)
    if not pools:
        raise InputError(f"no node offers whole GPUs that the catalog knows; {remedy}")
    return cluster, pools


def _serving(present: Manifest | None) -> str | None:
    return ((_status(present).get("serving")) or {}).get("revision")


def _status(present: Manifest | None) -> Manifest:
    found: Manifest = (present or {}).get("status") or {}
    return found


@dataclass(frozen=True, slots=True)
class _There:
    """An object of a file, and the cluster that it would be applied to."""

    kube: Kube
    given: Given
    present: Manifest | None
    namespace: str
    cluster: Cluster
    known: Catalog
    first: Planned | None
    """What the first rollout begins with, where nothing serves yet and it is sized."""

    async def compared(self, found: Plan, options: argparse.Namespace) -> Plan:
        """The plan with all that the cluster tells."""
        deployment, stored = self._deployment(), _status(self.present)
        admitted = await admission.ask(
            self.kube, self.given.manifest, self.present, namespace=self.namespace
        )
        observed, unread = await reading.observe(
            self.kube, deployment, stored=stored, cluster=self.cluster
        )
        observed = replace(observed, catalog=self.known)
        made = making.making(
            deployment,
            observed,
            stored=stored,
            now=datetime.now(UTC),
            unread=unread,
            rdma=options.rdma,
        )
        standing = self._standing(deployment, observed)
        return replace(
            found,
            changes=self._changes(standing, observed, made),
            making=made,
            time=self._time(found, standing, observed, made, options),
            admission=admitted,
            notes=(*found.notes, *offline.set_aside(options)),
        )

    def _deployment(self) -> DeepSeekDeployment:
        """As the operator would read it."""
        metadata: dict[str, Any] = (self.present or {}).get("metadata") or {}
        return DeepSeekDeployment(
            metadata=ObjectMeta(
                name=self.given.name,
                namespace=self.namespace,
                uid=str(metadata.get("uid", "")),
                generation=int(metadata.get("generation", 0)) + 1,
                annotations=metadata.get("annotations") or {},
            ),
            spec=self.given.spec,
        )

    def _before(self) -> DeepSeekDeploymentSpec | None:
        """The spec in the cluster; None where this version cannot read it."""
        try:
            return DeepSeekDeploymentSpec.model_validate((self.present or {}).get("spec"))
        except ValidationError:
            return None

    def _standing(self, deployment: DeepSeekDeployment, observed: Observed) -> Standing:
        before, target = self._before(), target_key(deployment.spec)
        conditions = _status(self.present).get("conditions") or ()
        return Standing(
            target=target,
            is_there=self.present is not None,
            desired=None if before is None else target_key(before),
            serving=_serving(self.present),
            is_frozen=observed.revision(target) is not None,
            is_rolled_back=any(
                one["type"] == "Stalled"
                and one["status"] == "True"
                and one["reason"] == Reason.ROLLED_BACK
                for one in conditions
            ),
        )

    def _changes(self, standing: Standing, observed: Observed, made: Making) -> Changes:
        before, notes = self._before(), []
        said = standing.said(self.given.name, self.given.spec.rollout.strategy)
        spec: tuple[changes.Change, ...] = ()
        if before is not None:
            spec = changes.of_specs(before, self.given.spec, name=self.given.name)
        elif self.present is not None:
            notes.append(
                "the spec in the cluster cannot be read by this version: its fields are not compared"
            )
        if "deletionTimestamp" in ((self.present or {}).get("metadata") or {}):
            notes.append(
                "the object in the cluster is being deleted: apply the file once it is gone"
            )
        sizing: tuple[changes.Value, ...] = ()
        of = standing.serving or standing.desired
        if of is not None and standing.is_new and made.sizing is not None:
            old = self._sizing(observed, of)
            sizing = () if old is None else changes.of_sizings(old, made.sizing)
            if old is None:
                notes.append(
                    f"what revision {of} was derived to is not known: its operator was older, or its record may not be read"
                )
        return Changes(self.namespace, standing, said, spec, sizing, tuple(notes))

    def _sizing(self, observed: Observed, revision: str) -> Manifest | None:
        """As it was frozen, or as status has it of the very revision."""
        try:
            frozen = fallbacks.frozen_shape(observed, revision)
        except Stalled:
            frozen = None
        if frozen is not None and frozen.sizing is not None:
            return frozen.sizing
        told: Manifest = _status(self.present).get("sizing") or {}
        return told if told.get("revision") == revision else None

    def _time(
        self,
        found: Plan,
        standing: Standing,
        observed: Observed,
        made: Making,
        options: argparse.Namespace,
    ) -> Time | None:
        if not found.blocks:
            return None
        status = _status(self.present)
        warmups = [int(one["seconds"]) for one in status.get("warmup") or () if "seconds" in one]
        known = Known(
            fetched=_fetched(observed, status, made.claim),
            fetch_rate=timing.fetch_rate(options.fetch_rate),
            start_seconds=timing.start_time(options.start_time),
            warmup_seconds=max(warmups, default=None),
        )
        way: Way = "None" if made.stalled else self._way(found, standing, options)
        reckoned = timing.time(
            found.blocks[0],
            self.given.spec,
            way=way,
            known=known,
            first=self.first,
            of_first=self._fetched_first(observed, status, rdma=options.rdma),
        )
        if standing.target != standing.desired or way == "None":
            return reckoned
        note = "it is under way already, and this is all of its time: kubectl deepseek status tells how far it is"
        return replace(reckoned, notes=(*reckoned.notes, note))

    def _fetched_first(self, observed: Observed, status: Manifest, *, rdma: bool) -> Fetched:
        """What of the weights is there that the first rollout begins with."""
        if self.first is None:
            return Fetched()
        with contextlib.suppress(InputError):
            shape = servable.shape(self.first, self._deployment(), self.known, rdma=rdma)
            return _fetched(observed, status, weights.claim_of(shape) or "")
        # Why it cannot be made is told by the operator's own plan.
        return Fetched()

    def _way(self, found: Plan, standing: Standing, options: argparse.Namespace) -> Way:
        """How the revision of the file comes to serve."""
        if standing.serving == standing.target:
            return "None"
        if standing.is_rolled_back and not standing.is_new:
            return "None"
        if standing.serving is None and questions.baseline(self.given.spec, options) is None:
            return "First"
        return offline.way_of(found, self.given.spec)


def _fetched(observed: Observed, status: Manifest, claim: str) -> Fetched:
    """What of the weights is there, by the volume that they are fetched into."""
    volume = observed.claim(claim) if claim else None
    if volume is not None and is_complete(volume):
        return Fetched(is_complete=True)
    for entry in status.get("weights") or ():
        if entry.get("claim") == claim:
            return Fetched(
                done=int(entry.get("bytesDone") or 0),
                is_complete=entry.get("phase") == "Ready",
                per_second=entry.get("bytesPerSecond"),
            )
    return Fetched()

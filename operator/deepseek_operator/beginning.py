"""Whether a rollout finds accelerators at its peak, how it goes where the strategy is Auto, and what is missing. Pure.

At its peak a Canary or BlueGreen has the pods of the revision that serves, of the new one and of the fallback; a Replace those of
the new one and of the fallback. A rollout that cannot have them is not begun: half of it would hold accelerators that another
waits for, and nobody would be served by them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from deepseek_operator import canary, records
from deepseek_operator.api.conditions import ConditionType, Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.capacity import holders, placing, room, words
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.room import Cluster, Fit, Want
from deepseek_operator.diagnosis import Finding
from deepseek_operator.fallbacks import Entry
from deepseek_operator.observed import (
    Manifest,
    Observed,
    nodes_of,
    ready_replicas,
    replicas_of,
    template_of,
)
from deepseek_operator.rollout import commands
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Cause, Phase

Way = Literal["BlueGreen", "Canary", "Replace"]

LOOK_SECONDS = 30.0
"""How soon a pass looks again whether there is room."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a rollout that begins now goes, and why it does not begin."""

    way: Way
    chosen: str = ""
    """Why Auto goes this way; empty for other strategies."""
    missing: Finding | None = None
    counted: bool = True
    """Whether what is free was looked at, or need not be."""


def is_due(
    deployment: DeepSeekDeployment, observed: Observed, stored: Manifest, target: str
) -> bool:
    """Whether a rollout of the target is what comes next, so that accelerators have to be counted."""
    serving = stored.get("serving", {}).get("revision")
    if not _has_accelerators(deployment) or serving in (None, target):
        return False
    if not canary.is_wanted(deployment):
        return observed.engine_set(target) is None and not _has_begun(stored, target)
    return _begins(deployment, observed, stored, target) or _is_to_stop(deployment, stored)


def _has_begun(stored: Manifest, target: str) -> bool:
    """Whether status was written of the target, and not that it waits: its weights may be on their way then."""
    is_known = stored.get("desired", {}).get("revision") == target
    return is_known and not any(
        condition["type"] == ConditionType.ROLLED_OUT
        and condition["reason"] == Reason.INSUFFICIENT_ACCELERATORS
        for condition in stored.get("conditions", [])
    )


def _begins(
    deployment: DeepSeekDeployment, observed: Observed, stored: Manifest, target: str
) -> bool:
    """Whether the next pass begins a run of the target, as far as status tells and if there is room for it."""
    serving = str(stored["serving"]["revision"])
    kept, trouble = records.kept(stored, serving, observed, target=target)
    rollout, verb = commands.read(kept.rollout, deployment.metadata.command)
    if trouble is not None or (rollout.run is not None and not rollout.run.is_over):
        return False
    return rollout.failure_of(target) is None or verb is Verb.RETRY


_COUNTS = (Cause.COUNTING, Cause.CAPACITY)


def _is_to_stop(deployment: DeepSeekDeployment, stored: Manifest) -> bool:
    """Whether all is prepared for a Replace, but that it is known whether there is room for it still."""
    reason = stored.get("rollout", {}).get("reason")
    return _is_preparing(deployment, stored) and reason in _COUNTS


def _is_preparing(deployment: DeepSeekDeployment, stored: Manifest) -> bool:
    """Whether status tells of a Replace before which nobody has stopped yet."""
    phase = stored.get("rollout", {}).get("phase")
    before = (Phase.PREPARING, Phase.AWAITING_APPROVAL, Phase.HELD)
    return canary.is_under_way(deployment, stored) and phase in before


def _has_accelerators(deployment: DeepSeekDeployment) -> bool:
    return deployment.spec.accelerator.kind == "GPU" and deployment.spec.replicas > 0


def plan_beginning(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    target: str,
    shape: Shape | None,
    entries: Sequence[Entry],
) -> Beginning:
    """How a rollout of the target begins, if it does; what is not known keeps none from beginning."""
    strategy = deployment.spec.rollout.strategy
    cluster = observed.cluster
    unseen = Beginning(strategy) if strategy != "Auto" else Beginning("Canary", _unseen(deployment))
    is_counted = not (_has_accelerators(deployment) and _is_preparing(deployment, stored))
    if shape is None or cluster is None or not is_due(deployment, observed, stored, target):
        return replace(unseen, counted=is_counted)
    serving = str(stored["serving"]["revision"])
    if not cluster.unread and _is_contradicted(deployment, observed, cluster, serving):
        return unseen
    peak = _Peak(deployment, observed, cluster, serving, shape, entries)
    if _is_to_stop(deployment, stored):
        return Beginning("Replace", missing=peak.missing("Replace"))
    if strategy == "Auto":
        return peak.chosen()
    return Beginning(strategy, missing=peak.missing(strategy))


def _is_contradicted(
    deployment: DeepSeekDeployment, observed: Observed, cluster: Cluster, serving: str
) -> bool:
    """Whether pods serve with accelerators that no node was seen to have: then these are given in another way."""
    running = observed.engine_set(serving)
    if not ready_replicas(running) or holders_of(deployment, cluster, serving):
        return False
    return running is not None and holders.accelerators_of(template_of(running)["spec"]) > 0


def _unseen(deployment: DeepSeekDeployment) -> str:
    if deployment.spec.replicas == 0:
        return "spec.replicas is 0, and so nothing needs room"
    if deployment.spec.accelerator.kind == "CPU":
        return "accelerator.kind is CPU, and only accelerators are counted"
    return "what is free is not known"


def of_run(beginning: Beginning) -> canary.Begins:
    """The same as a run is told."""
    return canary.Begins(
        replaces=beginning.way == "Replace",
        chosen=beginning.chosen,
        lacking=beginning.missing.message if beginning.missing else "",
        counted=beginning.counted,
    )


@dataclass(frozen=True, slots=True)
class _Peak:
    """What a rollout needs."""

    deployment: DeepSeekDeployment
    observed: Observed
    cluster: Cluster
    serving: str
    shape: Shape
    entries: Sequence[Entry]

    def chosen(self) -> Beginning:
        """A Canary where it fits, or may; else a Replace."""
        cluster = self.cluster
        if cluster.unread:
            return Beginning("Canary", f"what is free is not known: {cluster.unread}")
        if self._fit("Canary") is not Fit.NO:
            return Beginning("Canary", "there is room for both revisions")
        said = self._shortage("Canary")
        if self._is_open("Canary"):
            return Beginning("Canary", f"{cluster.grows} adds nodes for pods that wait: {said}")
        if self._is_open("Replace"):
            return Beginning("Replace", f"there is no room for both revisions: {said}")
        return Beginning("Canary", said, self.missing("Replace"))

    def missing(self, way: Way) -> Finding | None:
        """Why it does not begin; None where it may."""
        if self._is_open(way):
            return None
        said = f"{self.shape.model} waits for accelerators: {self._shortage(way)}"
        if way == "Replace":
            said += f", those of revision {self.serving} counted"
        elif self._may_replace and self._fit("Replace") is not Fit.NO:
            said += "; strategy Replace would fit"
        remedy = "where nodes are added for pods that wait, set rollout.waitForAccelerators: false"
        return Finding(Reason.INSUFFICIENT_ACCELERATORS, f"{said}; {remedy}")

    @property
    def _may_replace(self) -> bool:
        return self.deployment.spec.gateway.provider != "GatewayAPI"

    def _is_open(self, way: Way) -> bool:
        waits = self.deployment.spec.rollout.wait_for_accelerators
        if waits is False or (waits is None and self.cluster.grows):
            return True
        return self._fit(way) is not Fit.NO

    def _fit(self, way: Way) -> Fit:
        return room.fit(self.cluster, self._wants(way), without=self._leaving(way))

    def _shortage(self, way: Way) -> str:
        known = self.observed.catalog.accelerators
        return words.shortage(
            self.cluster, self._wants(way), known=known, without=self._leaving(way)
        )

    def _leaving(self, way: Way) -> tuple[Holder, ...]:
        return holders_of(self.deployment, self.cluster, self.serving) if way == "Replace" else ()

    def _wants(self, way: Way) -> list[Want]:
        """Pods that are still to find room: the target's, and of others those that could have it without the target."""
        leaving = self._leaving(way)
        others = [
            want
            for want in self._others(is_replaced=way == "Replace")
            if room.fit(self.cluster, [want], without=leaving) is not Fit.NO
        ]
        pods = self.deployment.spec.replicas * self.shape.nodes
        target = self._want(self.shape.key, "", pods, self.shape.template)
        return [target, *others] if others else [target]

    def _others(self, *, is_replaced: bool) -> Iterable[Want]:
        standing = {
            one.key: one for one in self.entries if one.is_member and one.key != self.shape.key
        }
        running = self.observed.engine_set(self.serving)
        if running is not None and self.serving not in standing and not is_replaced:
            pods = max(self._least, replicas_of(running)) * nodes_of(running)
            yield self._want(self.serving, "the revision that serves", pods, template_of(running))
        for key, entry in standing.items():
            template = _template(self.observed, entry)
            if template is not None:
                replicas = entry.replicas
                if key == self.serving and running is not None and not is_replaced:
                    replicas = max(replicas, replicas_of(running))
                pods = replicas * _nodes(self.observed, entry)
                is_anew = is_replaced and key == self.serving
                yield self._want(key, f"fallback {entry.model}", pods, template, is_anew=is_anew)

    @property
    def _least(self) -> int:
        """Replicas that the revision that serves is compared with, though it may rest now."""
        is_compared = self.deployment.spec.rollout.strategy != "BlueGreen"
        return int(is_compared and self.deployment.spec.autoscaling is not None)

    def _want(
        self, key: str, what: str, pods: int, template: Manifest, *, is_anew: bool = False
    ) -> Want:
        """Of a revision's pods those that have no node; all of them where its present ones are taken for gone.

        A replica on several nodes is as many equal pods: each asks for the accelerators of its node.
        """
        spec = template.get("spec", {})
        placed = [
            one
            for one in holders_of(self.deployment, self.cluster, key)
            if not one.is_ending and not is_anew
        ]
        return Want(
            what=what,
            pods=max(0, pods - len(placed)),
            size=holders.accelerators_of(spec),
            placement=placing.placement_of(spec),
        )


def holders_of(
    deployment: DeepSeekDeployment, cluster: Cluster, revision: str
) -> tuple[Holder, ...]:
    """The pods of a revision that hold accelerators."""
    return cluster.held_by(deployment.metadata.namespace, deployment.metadata.name, revision)


def _template(observed: Observed, entry: Entry) -> Manifest | None:
    if entry.shape is not None:
        return entry.shape.template
    running = observed.engine_set(entry.key)
    return None if running is None else template_of(running)


def _nodes(observed: Observed, entry: Entry) -> int:
    """Pods of one replica, each on a node of its own where there are several."""
    if entry.shape is not None:
        return entry.shape.nodes
    running = observed.engine_set(entry.key)
    return 1 if running is None else nodes_of(running)

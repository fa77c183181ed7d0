"""Pods that find no node: what accelerators they need, and what there is."""

from collections.abc import Sequence

from deepseek_operator.api import names
from deepseek_operator.capacity import holders, placing, room, words
from deepseek_operator.capacity.holders import Holder
from deepseek_operator.capacity.room import Fit, Want
from deepseek_operator.observed import Manifest, Observed, is_group, nodes_of
from deepseek_operator.pod_states import unscheduled


def wants_accelerators(pod: Manifest) -> bool:
    """Whether the pod waits for a node, and accelerators may be what is missing."""
    return unscheduled(pod) is not None and holders.accelerators_of(pod.get("spec", {})) > 0


def counted(
    observed: Observed,
    waiting: Sequence[Manifest],
    *,
    pods: Sequence[Manifest],
    engine_set: Manifest | None,
    beside: str | None,
) -> str | None:
    """What those of the pods that wait need and what there is; None for pods without accelerators.

    `beside` is the revision that serves while this one is to take over from it.
    """
    cluster, spec = observed.cluster, waiting[0].get("spec", {})
    if cluster is None:
        return None
    size, placement = holders.accelerators_of(spec), placing.placement_of(spec)
    want = Want("", _wanted(waiting, pods, engine_set), size, placement)
    if not want.accelerators:
        return None
    if room.fit(cluster, [want]) is Fit.YES:
        return "the accelerators that it needs are free, so something else keeps it off"
    known = observed.catalog.accelerators
    said = words.shortage(cluster, [want], known=known)
    serving: tuple[Holder, ...] = ()
    if beside is not None:
        metadata = waiting[0]["metadata"]
        owner = metadata.get("labels", {}).get(names.DEPLOYMENT_LABEL, "")
        serving = cluster.held_by(metadata.get("namespace", ""), owner, beside)
    would_fit = serving and room.fit(cluster, [want], without=serving) is Fit.YES
    # With a route on a Gateway of somebody else there is no Replace.
    return f"{said}; strategy Replace would fit" if would_fit and not observed.routes else said


def _wanted(
    waiting: Sequence[Manifest], pods: Sequence[Manifest], engine_set: Manifest | None
) -> int:
    """Pods that need room: those that wait, or of groups all that are asked for and have no node.

    A group's workers may not be there before its leader has a node (exclusive topology), and nobody is served without them.
    """
    if engine_set is None or not is_group(engine_set):
        return len(waiting)
    asked = int(engine_set["spec"]["replicas"]) * nodes_of(engine_set)
    placed = sum(bool(pod.get("spec", {}).get("nodeName")) for pod in pods)
    return max(len(waiting), asked - placed)

"""Groups on few nodes, with a controller that makes all leaders first and a scheduler that takes pods as they come."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator import groups
from deepseek_operator.api import names
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.revisions import Group, Shape

KEY = "0123456789"
Manifest = dict[str, Any]


@dataclass
class Cluster:
    """Nodes that hold one pod each, and a LeaderWorkerSet."""

    nodes: int
    size: int
    replicas: int = 0
    pods: dict[tuple[int, int], bool] = field(default_factory=dict)
    """Pods by group and place in it, and whether they have a node."""

    @property
    def shape(self) -> Shape:
        return Shape(KEY, "m", "pvc://m", "image", {}, group=Group(self.size, {}))

    @property
    def whole(self) -> list[int]:
        """Groups of which every pod has a node."""
        return [
            group
            for group in range(self.replicas)
            if all(self.pods.get((group, place)) for place in range(self.size))
        ]

    def observed(self, *, ready: bool) -> Observed:
        made = {
            "kind": "LeaderWorkerSet",
            "metadata": {"labels": {names.REVISION_LABEL: KEY}, "generation": 1},
            "spec": {"replicas": self.replicas},
            "status": {"readyReplicas": len(self.whole) if ready else 0},
        }
        pods = tuple(self._pod(group, place) for group, place in self.pods)
        return Observed(groups=(made,) if self.replicas else (), pods=pods)

    def _pod(self, group: int, place: int) -> Manifest:
        label = names.WORKER_LABEL if place else names.REVISION_LABEL
        labels = {label: KEY, groups.GROUP_INDEX_LABEL: str(group)}
        spec = {"nodeName": "n"} if self.pods[group, place] else {}
        return {"metadata": {"name": f"{group}-{place}", "labels": labels}, "spec": spec}

    def make_leaders(self) -> None:
        """All at once, as a StatefulSet with parallel pods does."""
        for group in range(self.replicas):
            self.pods.setdefault((group, 0), False)

    def make_workers(self) -> None:
        """Of every leader that is there."""
        for group, place in list(self.pods):
            if place == 0:
                for worker in range(1, self.size):
                    self.pods.setdefault((group, worker), False)

    def schedule(self, order: st.DataObject) -> None:
        waiting = [pod for pod, has_node in self.pods.items() if not has_node]
        room = self.nodes - sum(self.pods.values())
        for pod in order.draw(st.permutations(waiting))[: max(0, room)]:
            self.pods[pod] = True


@given(nodes=st.integers(0, 12), size=st.integers(2, 4), wanted=st.integers(0, 6), data=st.data())
def test_as_many_groups_are_whole_as_there_is_room_for(
    nodes: int, size: int, wanted: int, data: st.DataObject
) -> None:
    cluster = Cluster(nodes, size)
    for _ in range(2 * wanted + 2):
        observed = cluster.observed(ready=data.draw(st.booleans()))
        asked = groups.asked(observed, cluster.shape, wanted)
        assert cluster.replicas <= asked <= max(cluster.replicas, len(cluster.whole) + 1)
        cluster.replicas = asked
        # The scheduler is not waited for: leaders may have nodes before any worker is made.
        cluster.make_leaders()
        cluster.schedule(data)
        cluster.make_workers()
        cluster.schedule(data)

    assert len(cluster.whole) == min(wanted, nodes // size)


@given(there=st.integers(0, 9), wanted=st.integers(0, 9), whole=st.integers(0, 9))
def test_groups_are_taken_away_only_where_fewer_are_wanted(
    there: int, wanted: int, whole: int
) -> None:
    made = {
        "kind": "LeaderWorkerSet",
        "metadata": {"labels": {names.REVISION_LABEL: KEY}},
        "spec": {"replicas": there},
        "status": {"readyReplicas": min(there, whole)},
    }

    asked = groups.asked(Observed(groups=(made,)), Cluster(0, 2).shape, wanted)

    assert min(there, wanted) <= asked <= wanted

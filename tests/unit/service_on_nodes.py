"""A service on nodes with accelerators, through whole passes: what is free is what its pods and others leave."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deepseek_operator import beginning
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.capacity import holders
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.observed import ENGINE_SETS, Observed, nodes_of, revision_of, template_of
from deepseek_operator.plan import Plan
from deepseek_operator.rollout.revisions import target_key
from tests.unit.capacity import machines
from tests.unit.capacity.machines import H200
from tests.unit.samples import CPU_SPEC, NOW, Manifest, deepseek
from tests.unit.test_canary import CANARY, Service
from tests.unit.test_fallbacks import key

REPLACE: Manifest = {"strategy": "Replace", "rollbackWindow": "10m"}
AUTO: Manifest = {**CANARY, "strategy": "Auto"}
GPU: Manifest = {"kind": "GPU", "product": "NVIDIA-H200", "count": 4}
OLD: Manifest = {
    **CPU_SPEC,
    "model": "small",
    "accelerator": GPU,
    "replicas": 2,
    "gateway": {},
    "rollout": {},
}
NEW: Manifest = {**OLD, "model": "large", "accelerator": {**GPU, "count": 8}, "replicas": 1}


@dataclass
class Machines(Service):
    """A service on nodes; its engine pods take the first that have room. Nodes are read where observe() does."""

    nodes: list[Manifest] = field(default_factory=list)
    others: list[Manifest] = field(default_factory=list)
    """Pods of somebody else."""
    unplaced: str = ""
    """A pod that the scheduler has not come to."""
    unread: str = ""
    grows: str = ""

    def placed(self) -> list[Manifest]:
        """Pods with a node: of each revision as many as find room."""
        left = {node["metadata"]["name"]: self._offered(node) for node in self.nodes}
        for pod in self.others:
            left[pod["spec"]["nodeName"]] -= holders.accelerators_of(pod["spec"])
        found = list(self.others)
        for (kind, name), child in sorted(self.children.items()):
            revision = revision_of(child)
            if kind not in ENGINE_SETS or revision is None:
                continue
            size = holders.accelerators_of(template_of(child)["spec"])
            for number in range(child["spec"]["replicas"] * nodes_of(child)):
                place = next((node for node, count in left.items() if count >= size), None)
                if place is not None and size and self.unplaced != f"{name}-{number}":
                    left[place] -= size
                    found.append(
                        machines.engine(
                            f"{name}-{number}",
                            of="chat",
                            revision=revision,
                            worker=number % nodes_of(child) > 0,
                            on=place,
                            gpus=size,
                        )
                    )
        return found

    def _offered(self, node: Manifest) -> int:
        return int(node["status"]["allocatable"]["nvidia.com/gpu"])

    def cluster(self) -> Cluster:
        """As observe() would read it."""
        if self.unread:
            return Cluster(unread=self.unread)
        return machines.cluster(*self.nodes, *self.placed(), grows=self.grows)

    asking: DeepSeekDeployment | None = None

    def plan(self, deployment: DeepSeekDeployment, *, now: datetime = NOW) -> Plan:
        self.asking = deployment
        return super().plan(deployment, now=now)

    def observed(self) -> Observed:
        found, asking = super().observed(), self.asking
        is_read = asking is not None and beginning.is_due(
            asking, found, self.stored, target_key(asking.spec)
        )
        return replace(found, cluster=self.cluster() if is_read else None)

    def served(self, spec: Manifest) -> "Machines":
        """After this spec has come to serve."""
        for _ in range(6):
            self.one_pass(deepseek(**spec))
        assert self.stored["serving"]["revision"] == key(spec)
        return self

    def pass_over(self, deployment: DeepSeekDeployment, *, times: int = 3) -> Manifest:
        for _ in range(times):
            self.one_pass(deployment)
        return self.stored

    @property
    def phases(self) -> list[str]:
        """The phases that the runs went through."""
        seen = [status["rollout"]["phase"] for status in self.history if "rollout" in status]
        return list(dict.fromkeys(seen))


def on(*gpus: int, spec: Manifest = OLD) -> Machines:
    """The old revision serves on nodes of these sizes."""
    nodes = [
        machines.node(f"n{number}", labels=H200, gpus=count) for number, count in enumerate(gpus)
    ]
    return Machines(nodes=nodes).served(spec)


def wanting(rollout: Manifest, spec: Manifest = NEW, **more: Any) -> DeepSeekDeployment:
    return deepseek(**{**spec, "rollout": rollout, **more}, generation=2)


BLUE_GREEN: Manifest = {}

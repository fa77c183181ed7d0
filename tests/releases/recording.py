"""What a release stores of objects, from its own code: `python -m tests.releases` runs this file inside its tree.

So nothing is imported here but what stands in that tree: its types, its schema's defaults, its plans, and the
cluster in memory of its own tests. It prints JSON: by the name of a scene the object and all there is of it.
"""

import copy
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.observed import Observed
from deepseek_operator.rollout.revisions import revision_key, target_key
from tests.unit import structural
from tests.unit.samples import CPU_SPEC, EVERY_FIELD, NO_GATEWAY, deepseek
from tests.unit.test_canary import Service

Manifest = dict[str, Any]

H200 = {"kind": "GPU", "product": "NVIDIA-H200"}
STEPS = [{"weight": 20, "minRequests": 20}, {"weight": 50, "minRequests": 50}]
CANARY: Manifest = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "10m"}
OLD: Manifest = {**CPU_SPEC, "replicas": 8, "gateway": {}, "rollout": CANARY}
NEW: Manifest = {**OLD, "replicas": 2, "engine": {"args": ["--max-model-len=4096"]}}
DISTILLED: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "accelerator": H200,
    "workload": {"inputTokens": 1024, "outputTokens": 256, "timePerOutputToken": "50ms"},
    "replicas": 2,
    "gateway": {},
}
CHAIN: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": H200,
    "gateway": {"stickyHeader": "x-conversation-id"},
    "cache": {"storageClassName": "fast"},
    "fallback": [
        {"model": "DeepSeek-R1-0528", "accelerator": H200},
        {
            "model": "DeepSeek-R1-Distill-Qwen-7B",
            "accelerator": {**H200, "count": 1},
            "replicas": 2,
        },
    ],
}
TWO_NODES: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3", "count": 16},
    "gateway": NO_GATEWAY,
}
PASSES = 8


class Scene(Service):
    """A service in memory whose weights are fetched; what its nodes have is not known."""

    def observed(self) -> Observed:
        """Nodes may not be read, so that nothing waits for room on them."""
        unread = Cluster(unread="nodes may not be read here")
        return replace(super().observed(), cluster=unread)

    def passes(self, spec: Manifest, *, generation: int = 1, count: int = PASSES) -> "Scene":
        """So many passes over an object of this spec."""
        for _ in range(count):
            self.end_jobs()
            self.one_pass(stored(spec, generation=generation))
        return self

    def reaches(self, spec: Manifest, *phases: str) -> "Scene":
        """Passes over the second generation of an object until its run is there."""
        self.until(stored(spec, generation=2), *phases)
        return self


def stored(spec: Manifest, *, generation: int = 1) -> DeepSeekDeployment:
    """An object as an API server with the release's schema keeps it: with every default."""
    kept = structural.defaulted(structural.schema_of("spec"), spec)
    assert not [*structural.faults(structural.schema_of("spec"), kept)]
    return deepseek(generation=generation, **kept)


def every_field() -> tuple[Scene, Manifest]:
    """Each field of the spec has a value."""
    spec = copy.deepcopy(EVERY_FIELD)
    return Scene().passes(spec), spec


def serving() -> tuple[Scene, Manifest]:
    """A model of the catalog, sized for a GPU, with weights that were fetched."""
    return Scene().passes(DISTILLED), DISTILLED


def fallback() -> tuple[Scene, Manifest]:
    """V3, with R1 and a distilled model standing by."""
    return Scene().passes(CHAIN, count=2 * PASSES), CHAIN


def two_nodes() -> tuple[Scene, Manifest]:
    """One replica on two nodes."""
    return Scene().passes(TWO_NODES), TWO_NODES


def canary() -> tuple[Scene, Manifest]:
    """In the middle of a Canary: a fifth of the requests go to the new revision."""
    scene = Scene().passes(OLD).reaches(NEW, "Analyzing")
    return scene, NEW


def promoted() -> tuple[Scene, Manifest]:
    """A Canary that was promoted, and may still go back."""
    return Scene().passes(OLD).reaches(NEW, "Watching"), NEW


def rolled_back() -> tuple[Scene, Manifest]:
    """A Canary whose new revision failed every second request, some time after it went back."""
    scene = Scene().passes(OLD).reaches(NEW, "Starting")
    scene.bad = {scene.stored["rollout"]["candidate"]: 0.5}
    scene.reaches(NEW, "RolledBack")
    return scene.passes(NEW, generation=2, count=3), NEW


def replacing() -> tuple[Scene, Manifest]:
    """In the middle of a Replace: the old revision's pods have gone, the new one's start."""
    way = {"strategy": "Replace", "rollbackWindow": "10m"}
    new = {**NEW, "rollout": way}
    return Scene().passes({**OLD, "rollout": way}).reaches(new, "Starting"), new


def stalled() -> tuple[Scene, Manifest]:
    """The spec cannot be served, and what was before it goes on serving."""
    wrong = {**OLD, "model": "DeepSeek-V4"}
    del wrong["source"]
    return Scene().passes(OLD).passes(wrong, generation=2, count=3), wrong


SCENES: Mapping[str, Callable[[], tuple[Scene, Manifest]]] = {
    "serving": serving,
    "every-field": every_field,
    "fallback": fallback,
    "two-nodes": two_nodes,
    "canary": canary,
    "promoted": promoted,
    "rolled-back": rolled_back,
    "replacing": replacing,
    "stalled": stalled,
}
FIRST = ("serving", "every-field", "fallback", "two-nodes")
"""Scenes of an object whose spec never changed."""


def recorded(name: str) -> Manifest:
    """A scene: the object as it is stored, its children, what it shares, and its revision keys."""
    scene, asked = SCENES[name]()
    generation = 1 if name in FIRST else 2
    deployment = stored(asked, generation=generation)
    spec = deployment.spec
    keys = {
        "target": target_key(spec),
        "fallback": [revision_key(one.inheriting_from(spec)) for one in spec.fallback],
    }
    if spec.rollout.from_ is not None:
        keys["from"] = revision_key(spec.rollout.from_.inheriting_from(spec))
    return {
        "scene": SCENES[name].__doc__,
        "now": scene.now.isoformat(),
        "keys": keys,
        "object": {
            "apiVersion": deployment.api_version,
            "kind": deployment.kind,
            "metadata": {
                "name": deployment.metadata.name,
                "namespace": deployment.metadata.namespace,
                "uid": deployment.metadata.uid,
                "generation": generation,
            },
            "spec": structural.defaulted(structural.schema_of("spec"), asked),
            "status": scene.stored,
        },
        "children": list(scene.children.values()),
        "shared": list(scene.shared.values()),
    }


if __name__ == "__main__":
    json.dump({name: recorded(name) for name in SCENES}, sys.stdout)

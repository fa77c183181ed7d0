"""The objects that the benchmark creates, the children they should have, and what is wrong with those there."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.kube import drift
from deepseek_operator.observed import Observed
from deepseek_operator.plan import make_plan

Manifest = dict[str, Any]
Children = Mapping[tuple[str, str], Manifest]
"""Children by kind and name."""

IMAGES = EngineImages(
    vllm="registry.example/vllm:1",
    vllm_cpu="registry.example/vllm-cpu:1",
    tensorrt_llm="registry.example/tensorrt-llm:1",
    toolbox="registry.example/toolbox:1",
    gateway="registry.example/gateway:1",
)

_SETTLED = {"Ready": "True", "Reconciling": "False", "RolledOut": "True"}


def deepseek(name: str, namespace: str, **spec: Any) -> Manifest:
    """An object that serves one replica of a small model on CPU; `spec` replaces its fields."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": "tiny",
            "source": "pvc://models/tiny",
            "accelerator": {"kind": "CPU"},
            # Passes that only follow a warm-up would count; plain kopf knows of none.
            "warmup": {"enabled": False},
            # Its pods are played and take up nothing.
            "gateway": {"provider": "None"},
            "replicas": 1,
            **spec,
        },
    }


def desired_children(manifest: Manifest) -> list[Manifest]:
    """The children of an object that nothing was made for yet, as the operator's builders make them."""
    deployment = DeepSeekDeployment.model_validate({**manifest, "status": {}})
    plan = make_plan(
        deployment,
        Observed(),
        stored={},
        images=IMAGES,
        now=datetime.now(UTC).replace(microsecond=0),
    )
    return list(plan.apply)


def is_settled(manifest: Manifest) -> bool:
    """Whether an object says of its present generation that users are served and nothing is under way."""
    generation = manifest["metadata"]["generation"]
    said = {
        item["type"]: item["status"]
        for item in manifest.get("status", {}).get("conditions", ())
        if item.get("observedGeneration") == generation
    }
    return all(said.get(kind) == status for kind, status in _SETTLED.items())


def is_ready(deployment: Manifest) -> bool:
    """Whether a Deployment has all the pods that it should have, ready."""
    status, metadata = deployment.get("status", {}), deployment["metadata"]
    counted = status.get("observedGeneration", 0) >= metadata["generation"]
    return bool(counted and status.get("readyReplicas", 0) == deployment["spec"]["replicas"])


def by_owner(children: Iterable[Manifest]) -> dict[str, dict[tuple[str, str], Manifest]]:
    """Children that are not on their way out, by the name of the object that their label names."""
    found: dict[str, dict[tuple[str, str], Manifest]] = {}
    for child in children:
        metadata = child["metadata"]
        owner = metadata.get("labels", {}).get(names.DEPLOYMENT_LABEL)
        if owner is not None and "deletionTimestamp" not in metadata:
            found.setdefault(owner, {})[child["kind"], metadata["name"]] = child
    return found


def is_right(manifest: Manifest, present: Children) -> bool:
    """Whether an object has its children: all, as built for its spec, its own, and the pods ready."""
    desired = {
        (item["kind"], item["metadata"]["name"]): item for item in desired_children(manifest)
    }
    if desired.keys() - present.keys():
        return False
    uid = manifest["metadata"]["uid"]
    return all(
        _is_owned(present[key], uid)
        and not drift.differs(_without_number(present[key]), _without_number(wanted))
        and (wanted["kind"] != "Deployment" or is_ready(present[key]))
        for key, wanted in desired.items()
    )


def _is_owned(child: Manifest, uid: str) -> bool:
    owners = child["metadata"].get("ownerReferences", ())
    return [owner["uid"] for owner in owners if owner.get("controller")] == [uid]


def _without_number(manifest: Manifest) -> Manifest:
    """A ControllerRevision's number depends on those before it."""
    return {key: value for key, value in manifest.items() if key != "revision"}

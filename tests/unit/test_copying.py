"""Where no volume can be shared between nodes: each pod fetches a copy, and the object says so."""

import copy
import dataclasses
import json
from typing import Any

import pytest

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import copies
from deepseek_operator.build import weights as builders
from deepseek_operator.plan import TROUBLE_SECONDS, Plan, make_plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import revision_key
from tests.unit.samples import (
    IMAGES,
    NOW,
    Manifest,
    check_against_kubernetes,
    conditions,
    deepseek,
)
from tests.unit.world import World

SPEC: Manifest = {"model": "tiny", "source": "hf://org/tiny", "cache": {"size": "9Gi"}}
MANY = deepseek(**SPEC, replicas=3)
KEY = revision_key(MANY.spec)
CLAIM = str(builders.claim_of(resolve_shape(MANY, MANY.spec, images=IMAGES)))
LOCAL_PATH = (
    'failed to provision volume with StorageClass "local-path": NodePath only supports '
    "ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"
)  # fmt: skip
REFUSED = json.dumps({"reason": "Unauthorized", "message": "no token"})


def plan(world: World, deployment: DeepSeekDeployment = MANY, **read: Any) -> Plan:
    """A pass that reads this beside what the world has."""
    observed = dataclasses.replace(world.observed(), **read)
    stored = copy.deepcopy(world.stored)
    made = make_plan(deployment, observed, stored=stored, images=IMAGES, now=NOW)
    DeepSeekDeploymentStatus.model_validate(made.status)
    return made


def pending(deployment: DeepSeekDeployment = MANY) -> World:
    """The claim and its Job are made, and no volume is."""
    world = World()
    world.carry_out(world.plan(deployment))
    for (kind, _), item in world.shared.items():
        if kind == "PersistentVolumeClaim":
            item["status"] = {"phase": "Pending"}
    return world


def copied(deployment: DeepSeekDeployment = MANY) -> World:
    """The pods that each fetch a copy are asked for."""
    world = pending(deployment)
    world.carry_out(plan(world, deployment, warnings={CLAIM: (LOCAL_PATH,)}))
    return world


def template(world: World) -> Manifest:
    found: Manifest = world.find("Deployment", KEY)["spec"]["template"]
    return found


def weights_ready(made: Plan) -> tuple[str, str, str]:
    found = conditions(made.status)["WeightsReady"]
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(LOCAL_PATH, id="local-path"),
        pytest.param(
            "rpc error: code = InvalidArgument desc = Volume capabilities "
            "MULTI_NODE_MULTI_WRITER not supported. Only AccessModes[ReadWriteOnce] supported.",
            id="ebs",
        ),
        pytest.param("VolumeCapabilities is invalid: specified multi writer", id="pd"),
        pytest.param("mountVolume is not supported for access mode: MULTI_NODE_MULTI", id="azure"),
        pytest.param(
            "multi node access modes are only supported on rbd `block` type volumes", id="rbd"
        ),
        pytest.param("Only SINGLE_NODE_WRITER is supported", id="digitalocean"),
    ],
)
def test_where_nodes_cannot_share_a_volume_each_pod_fetches_a_copy(said: str) -> None:
    world = pending()

    world.carry_out(plan(world, warnings={CLAIM: (said,)}))

    pod = template(world)["spec"]
    assert [item["name"] for item in pod["initContainers"]] == ["fetch", "tools", "warden"]
    [weights] = [item for item in pod["volumes"] if item["name"] == "weights"]
    claim = weights["ephemeral"]["volumeClaimTemplate"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "9Gi"}},
    }
    assert world.shared == {}
    assert weights_ready(plan(world)) == (
        "True",
        "WeightsPerPod",
        (
            "the default StorageClass has no volumes that nodes can share (ReadWriteMany): each pod "
            "fetches a copy of hf://org/tiny"
        ),
    )
    assert [entry["phase"] for entry in world.stored["weights"]] == ["PerPod"]


def test_what_is_made_of_it_is_what_kubernetes_knows() -> None:
    world = copied(
        deepseek(**{**SPEC, "pod": {"imagePullSecrets": [{"name": "pull"}]}}, replicas=3)
    )

    deployments = [item for (kind, _), item in world.children.items() if kind == "Deployment"]
    [made] = deployments
    check_against_kubernetes(made)
    pod = made["spec"]["template"]["spec"]
    volumes = {item["name"] for item in pod["volumes"]}
    mounted = {
        mount["name"]
        for item in (*pod["initContainers"], *pod["containers"])
        for mount in item["volumeMounts"]
    }
    assert mounted == volumes
    assert "registry" in volumes


def test_the_class_that_the_user_names_is_that_of_the_copies_and_is_named() -> None:
    deployment = deepseek(
        **{**SPEC, "cache": {"size": "9Gi", "storageClassName": "fast"}}, replicas=3
    )
    claim = str(builders.claim_of(resolve_shape(deployment, deployment.spec, images=IMAGES)))
    world = pending(deployment)

    made = plan(world, deployment, warnings={claim: (LOCAL_PATH,)})

    world.carry_out(made)
    assert copies.volume_of(template(world))["storageClassName"] == "fast"
    assert "StorageClass fast has no volumes" in weights_ready(made)[2]


def test_a_size_that_the_source_told_is_that_of_the_copies() -> None:
    deployment = deepseek(model="tiny", source="hf://org/tiny", replicas=3)
    world = World()
    world.carry_out(world.plan(deployment))
    world.end_jobs()
    world.carry_out(world.plan(deployment))
    world.shared["PersistentVolumeClaim", CLAIM]["status"] = {"phase": "Pending"}

    world.carry_out(plan(world, deployment, warnings={CLAIM: (LOCAL_PATH,)}))

    assert copies.volume_of(template(world))["resources"] == {"requests": {"storage": "12Gi"}}
    assert world.shared == {}


def test_once_copied_it_stays_so_and_nothing_more_is_written() -> None:
    world = copied()
    before = copy.deepcopy(template(world))

    world.settle(MANY)

    assert template(world) == before
    assert conditions(world.stored)["Ready"]["status"] == "True"
    assert world.shared == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"replicas": 1}, id="one-replica"),
        pytest.param({"cache": {"size": "20Gi"}}, id="another-size"),
        pytest.param({"cache": {"size": "9Gi", "accessMode": "ReadWriteMany"}}, id="asked-later"),
        pytest.param({"cache": {"size": "9Gi", "stallTimeout": "1h"}}, id="more-patience"),
    ],
)
def test_no_later_change_restarts_pods_that_have_their_copies(change: Manifest) -> None:
    world = copied()
    world.settle(MANY)
    before = copy.deepcopy(template(world))

    world.settle(deepseek(**{**SPEC, "replicas": 3, **change}, generation=2))

    assert template(world) == before


def test_a_lost_controller_revision_changes_no_copy() -> None:
    world = copied()
    world.settle(MANY)
    before = copy.deepcopy(template(world))
    [place] = [place for place in world.children if place[0] == "ControllerRevision"]
    del world.children[place]

    world.settle(MANY)

    assert template(world) == before


@pytest.mark.parametrize(
    ("deployment", "said"),
    [
        pytest.param(deepseek(**SPEC), LOCAL_PATH, id="one-replica"),
        pytest.param(MANY, "quota exceeded", id="another-trouble"),
        pytest.param(MANY, "", id="no-trouble"),
    ],
)
def test_otherwise_the_claim_is_waited_for(deployment: DeepSeekDeployment, said: str) -> None:
    world = pending(deployment)

    made = plan(world, deployment, warnings={CLAIM: (said,)} if said else {})

    assert [item for item in made.apply if item["kind"] == "Deployment"] == []
    assert weights_ready(made)[0] == "False"


def test_who_asks_for_sharing_is_told_that_it_cannot_be() -> None:
    deployment = deepseek(
        **{**SPEC, "cache": {"size": "9Gi", "accessMode": "ReadWriteMany"}}, replicas=3
    )
    claim = str(builders.claim_of(resolve_shape(deployment, deployment.spec, images=IMAGES)))
    world = pending(deployment)

    made = plan(world, deployment, warnings={claim: (LOCAL_PATH,)})

    assert weights_ready(made)[1] == "VolumeNotProvisioned"
    assert [item for item in made.apply if item["kind"] == "Deployment"] == []


def test_a_bound_claim_is_never_left_for_copies() -> None:
    world = pending()
    world.shared["PersistentVolumeClaim", CLAIM]["status"] = {"phase": "Bound"}

    made = plan(world, warnings={CLAIM: (LOCAL_PATH,)})

    assert [item for item in made.apply if item["kind"] == "Deployment"] == []


def pod(**fetch: Any) -> Manifest:
    """A pod of the revision, by its container that fetches."""
    labels = {"serving.deepseek.dev/revision": KEY}
    return {
        "metadata": {"name": "chat-1", "labels": labels, "creationTimestamp": "x"},
        "spec": {"containers": []},
        "status": {"initContainerStatuses": [{"name": "fetch", **fetch}]},
    }


LINE = json.dumps({"bytesDone": 61, "bytesTotal": 100, "bytesPerSecond": 5, "secondsLeft": 8})
FAILED: Manifest = {"terminated": {"exitCode": 2, "message": REFUSED}}
KILLED: Manifest = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


def test_how_far_a_copy_is_is_told() -> None:
    world = copied()

    made = plan(world, pods=(pod(state={"running": {}}),), progress={"chat-1": LINE})

    ready = conditions(made.status)["Ready"]
    assert (ready["reason"], ready["message"]) == (
        "WeightsFetching",
        "pod chat-1: its copy of the weights: 61 % of 100 B, 5 B/s, 8 s left",
    )
    assert conditions(made.status)["Stalled"]["status"] == "False"
    assert made.requeue_seconds == TROUBLE_SECONDS


@pytest.mark.parametrize(
    ("fetch", "told", "reason", "stalled"),
    [
        pytest.param(
            {"state": {"waiting": {}}, "lastState": FAILED}, "", "Unauthorized", "True",
            id="refused-and-waiting",
        ),
        pytest.param(
            {"state": {"running": {}}, "lastState": FAILED}, "", "Unauthorized", "True",
            id="refused-and-trying",
        ),
        pytest.param(
            {"state": {"running": {}}, "lastState": FAILED}, LINE, "Unauthorized", "False",
            id="refused-once-and-coming",
        ),
        pytest.param(
            {"state": {"waiting": {}}, "lastState": KILLED}, "", "WeightsFailed", "False",
            id="killed",
        ),
    ],
)  # fmt: skip
def test_why_a_copy_does_not_come_is_told(
    fetch: Manifest, told: str, reason: str, stalled: str
) -> None:
    world = copied()

    made = plan(world, pods=(pod(**fetch),), progress={"chat-1": told} if told else {})

    found = conditions(made.status)
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", reason)
    assert found["Stalled"]["status"] == stalled


def test_a_pod_that_has_its_copy_tells_of_its_engine() -> None:
    world = copied()
    loading = {"name": "engine", "state": {"running": {"startedAt": "then"}}}
    whole = pod(state={"terminated": {"exitCode": 0}})
    whole["status"]["containerStatuses"] = [loading]

    made = plan(world, pods=(whole,))

    assert conditions(made.status)["Ready"]["reason"] == "EngineLoading"


def test_a_copy_that_fails_does_not_take_what_serves_from_users() -> None:
    world = copied()
    world.settle(MANY)
    world.start_pods(ready=2)

    made = plan(world, pods=(pod(state={"waiting": {}}, lastState=FAILED),))

    found = conditions(made.status)["Ready"]
    assert found["status"] == "True"
    assert "no token" in found["message"]

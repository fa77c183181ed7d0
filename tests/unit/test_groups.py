"""Replicas on several nodes through whole plans: made once the cluster is known to have them, one group after another."""

from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator import groups, replaced
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.groups import GROUP_INDEX_LABEL
from deepseek_operator.observed import Observed
from deepseek_operator.plan import make_plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape, target_key
from tests.unit.samples import IMAGES, NOW, Manifest, conditions, deepseek
from tests.unit.world import World, served

H100, H200 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200"
V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": H100, "count": 16},
}
SMALL: Manifest = {
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "source": "pvc://small",
    "accelerator": {"product": H200},
}
SET = "LeaderWorkerSet"


def kinds(world: World) -> list[str]:
    return sorted(kind for kind, _ in world.children if kind in ("Deployment", SET))


def shape_of(**spec: Any) -> Shape:
    deployment = deepseek(**spec)
    return resolve_shape(deployment, deployment.spec, images=IMAGES)


def place(world: World, group: int, *, workers: int = 1, nodes: bool = True) -> None:
    """Pods of a group, with a node each."""
    [made] = [child for (kind, _), child in world.children.items() if kind == SET]
    parts = made["spec"]["leaderWorkerTemplate"]
    for number, template in enumerate(
        (parts["leaderTemplate"], *[parts["workerTemplate"]] * workers)
    ):
        name = f"{made['metadata']['name']}-{group}" + (f"-{number}" if number else "")
        labels = {**template["metadata"]["labels"], GROUP_INDEX_LABEL: str(group)}
        spec = {"nodeName": f"n-{name}"} if nodes else {}
        metadata = {"name": name, "namespace": "team", "labels": labels}
        status: Manifest = {"phase": "Pending"}
        world.pods.append({"metadata": metadata, "spec": spec, "status": status})


def asked(world: World) -> int:
    return int(world.find(SET, world.stored["desired"]["revision"])["spec"]["replicas"])


def test_a_revision_is_frozen_before_its_first_group_is_made() -> None:
    world, deployment = World(), deepseek(**V3)

    first = world.plan(deployment)
    world.carry_out(first)
    assert (kinds(world), world.observed().knows_groups) == ([], True)
    world.carry_out(world.plan(deployment))

    assert kinds(world) == [SET]
    assert world.stored["desired"]["nodes"] == 2


def test_it_serves_like_any_other() -> None:
    world = served(deepseek(**V3))

    found = conditions(world.stored)
    assert found["Ready"]["status"] == found["RolledOut"]["status"] == "True"
    assert (world.stored["serving"]["nodes"], world.stored["serving"]["readyReplicas"]) == (2, 1)
    assert world.plan(deepseek(**V3)).requeue_seconds == groups.REST_SECONDS


def test_a_replica_on_one_node_says_nothing_of_nodes() -> None:
    world = served(deepseek(**SMALL))

    assert "nodes" not in world.stored["serving"]
    assert world.observed().knows_groups is None
    assert world.plan(deepseek(**SMALL)).requeue_seconds is None


def test_a_cluster_without_groups_is_told_how_to_get_them() -> None:
    world = World(knows_groups=False)

    plan = world.settle(deepseek(**V3))

    stalled = conditions(plan.status)["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "LeaderWorkerSetMissing")
    assert stalled["message"] == (
        "spec: one replica of DeepSeek-V3 is on 2 nodes, and the cluster has no LeaderWorkerSet of "
        "leaderworkerset.x-k8s.io/v1; install it (kubectl apply --server-side -f "
        "https://github.com/kubernetes-sigs/lws/releases/download/v0.9.0/manifests.yaml), or set accelerator.product to "
        "GPUs of which one node holds it"
    )
    assert kinds(world) == []
    assert plan.requeue_seconds == groups.REST_SECONDS


def test_once_they_are_there_it_goes_on() -> None:
    world = World(knows_groups=False)
    world.settle(deepseek(**V3))

    world.knows_groups = True
    world.settle(deepseek(**V3))

    assert kinds(world) == [SET]
    assert conditions(world.stored)["Stalled"]["status"] == "False"


class Uncounted(World):
    """A world of which nodes may not be read: nothing waits for accelerators."""

    def observed(self) -> Observed:
        return replace(super().observed(), cluster=Cluster(unread="nodes may not be listed"))


@pytest.mark.parametrize("strategy", ["Canary", "Replace", "BlueGreen"])
def test_what_serves_gives_way_to_nothing_that_cannot_be_made(strategy: str) -> None:
    gateway: Manifest = {"gateway": {}, "rollout": {"strategy": strategy}}
    world = Uncounted(knows_groups=False)
    world.settle(deepseek(**SMALL, **gateway))
    before = world.stored["serving"]

    new = deepseek(**V3, **gateway, generation=2)
    for _ in range(8):
        world.follow()
        world.start_pods()
        world.carry_out(world.plan(new))

    assert world.stored["serving"] == before
    assert kinds(world) == ["Deployment", "Deployment"]
    assert conditions(world.stored)["Stalled"]["reason"] == "LeaderWorkerSetMissing"
    assert conditions(world.stored)["Ready"]["status"] == "True"


def test_a_fallback_that_cannot_be_made_keeps_nobody_from_anything() -> None:
    spec = {**SMALL, "gateway": {}, "fallback": [V3]}
    world = World(knows_groups=False)
    world.settle(deepseek(**spec))

    [one] = world.stored["fallback"]
    assert one["reason"] == "LeaderWorkerSetMissing"
    assert one["message"].startswith("spec.fallback[0]: one replica of DeepSeek-V3 is on 2 nodes")
    assert conditions(world.stored)["Ready"]["status"] == "True"


def test_a_fallback_on_several_nodes_stands_by() -> None:
    world = World()
    world.settle(deepseek(**SMALL, gateway={}, fallback=[V3]))

    [one] = world.stored["fallback"]
    assert (one["reason"], one["nodes"], one["readyReplicas"]) == ("StandingBy", 2, 1)
    assert kinds(world) == ["Deployment", "Deployment", SET]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(SMALL, V3, SET, id="to-several-nodes"),
        pytest.param(V3, SMALL, "Deployment", id="back-to-one"),
        pytest.param(V3, {**V3, "engine": {"args": ["--seed=1"]}}, SET, id="several-to-several"),
    ],
)
def test_models_of_other_node_counts_take_over_from_each_other(
    before: Manifest, after: Manifest, kind: str
) -> None:
    world = served(deepseek(**before))
    new = deepseek(**after, generation=2)
    world.carry_out(world.plan(new))
    world.carry_out(world.plan(new))
    assert len(kinds(world)) == 2
    assert world.stored["serving"]["revision"] == target_key(deepseek(**before).spec)

    world.settle(new)

    assert kinds(world) == [kind]
    assert world.stored["serving"]["revision"] == target_key(new.spec)


def test_scaled_to_zero_it_has_no_groups() -> None:
    world = served(deepseek(**V3))

    world.settle(deepseek(**V3, replicas=0, generation=2))

    assert asked(world) == 0
    assert conditions(world.stored)["Ready"]["reason"] == "ScaledToZero"


def test_groups_that_were_edited_or_deleted_come_back() -> None:
    world, deployment = served(deepseek(**V3)), deepseek(**V3)
    key = target_key(deployment.spec)
    world.find(SET, key)["spec"]["leaderWorkerTemplate"]["restartPolicy"] = "None"

    world.settle(deployment)
    found = world.find(SET, key)
    assert found["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    del world.children[SET, found["metadata"]["name"]]
    world.settle(deployment)

    assert kinds(world) == [SET]


def test_without_its_record_a_running_group_is_left_as_it_is() -> None:
    world, deployment = served(deepseek(**V3)), deepseek(**V3)
    revision = world.find("ControllerRevision", target_key(deployment.spec))
    frozen = revision["data"]
    del world.children["ControllerRevision", revision["metadata"]["name"]]

    world.settle(deployment)

    assert world.find("ControllerRevision", target_key(deployment.spec))["data"] == frozen


FETCHED: Manifest = {"model": "DeepSeek-V3", "accelerator": {"product": H100}}


def claim_of(world: World) -> Manifest:
    [claim] = [item for (kind, _), item in world.shared.items() if kind == "PersistentVolumeClaim"]
    return claim


def test_weights_are_on_a_volume_that_nodes_can_share() -> None:
    world = World()
    world.carry_out(world.plan(deepseek(**FETCHED)))

    assert claim_of(world)["spec"]["accessModes"] == ["ReadWriteMany"]


def test_where_nodes_cannot_share_one_no_pod_has_a_copy_and_a_person_is_told() -> None:
    """A copy that is tried again is a container that restarts, and each makes its group anew."""
    world, deployment = World(), deepseek(**FETCHED)
    world.carry_out(world.plan(deployment))
    claim = claim_of(world)
    claim["status"] = {"phase": "Pending"}
    said = "NodePath only supports ReadWriteOnce access modes"
    observed = replace(world.observed(), warnings={claim["metadata"]["name"]: (said,)})

    made = make_plan(deployment, observed, stored=world.stored, images=IMAGES, now=NOW)

    found = conditions(made.status)["WeightsReady"]
    assert (found["status"], found["reason"]) == ("False", "VolumeNotProvisioned")
    assert said in found["message"]
    assert not [child for child in made.apply if child["kind"] in ("Deployment", SET)]


def test_pods_on_their_way_out_hold_accelerators_whichever_they_are() -> None:
    key = shape_of(**V3).key
    world = served(deepseek(**V3))
    place(world, 0)
    for pod in world.pods:
        pod["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"

    assert replaced.leaving(world.observed(), {key: 1}, key) == 2


def test_a_root_cause_may_be_a_workers() -> None:
    world, deployment = World(), deepseek(**V3)
    for _ in range(3):
        world.carry_out(world.plan(deployment))
    place(world, 0, nodes=False)
    worker = world.pods[-1]
    said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    worker["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    ]

    world.carry_out(world.plan(deployment))

    ready = conditions(world.stored)["Ready"]
    assert ready["reason"] == "Unschedulable"
    assert ready["message"].endswith(f"pod {worker['metadata']['name']}: {said}")


class Placing:
    """An object of three groups, pass by pass."""

    def __init__(self) -> None:
        self.world, self.deployment = World(), deepseek(**V3, replicas=3)
        for _ in range(3):
            self.one_pass()

    def one_pass(self) -> int:
        self.world.carry_out(self.world.plan(self.deployment))
        return asked(self.world) if kinds(self.world) else 0


def test_another_group_is_asked_for_once_those_before_have_their_nodes() -> None:
    placing = Placing()
    assert placing.one_pass() == 1
    place(placing.world, 0, workers=0)
    assert placing.one_pass() == 1

    placing.world.pods.clear()
    place(placing.world, 0)
    assert placing.one_pass() == 2
    assert placing.one_pass() == 2
    place(placing.world, 1, nodes=False)
    assert placing.one_pass() == 2
    place(placing.world, 1)

    assert placing.one_pass() == 3


def test_a_group_that_serves_has_its_nodes() -> None:
    placing = Placing()
    placing.world.start_pods(ready=1)

    assert placing.one_pass() == 2


def test_what_it_is_to_have_in_the_end_is_remembered() -> None:
    placing = Placing()
    made = placing.world.find(SET, placing.world.stored["desired"]["revision"])

    assert made["spec"]["replicas"] == 1
    assert made["metadata"]["annotations"].get("serving.deepseek.dev/replicas") == "3"
    assert conditions(placing.world.stored)["RolledOut"]["status"] == "False"


def test_a_group_that_fails_takes_no_other_with_it() -> None:
    world = served(deepseek(**V3, replicas=3))
    assert asked(world) == 3
    world.start_pods(ready=1)

    world.carry_out(world.plan(deepseek(**V3, replicas=3)))

    assert asked(world) == 3


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_fewer_are_asked_for_at_once(wanted: int) -> None:
    shape = shape_of(**V3)
    present = {
        "kind": SET,
        "metadata": {"labels": {"serving.deepseek.dev/revision": shape.key}},
        "spec": {"replicas": 3},
    }

    assert groups.asked(Observed(groups=(present,)), shape, wanted) == wanted


def test_the_next_look_is_at_the_soonest_of_all_reasons() -> None:
    there = Observed(groups=({"metadata": {}},))

    assert groups.look_seconds(Observed(), None) is None
    assert groups.look_seconds(Observed(), 5.0) == 5.0
    assert groups.look_seconds(there, None) == groups.REST_SECONDS
    assert groups.look_seconds(there, 5.0) == 5.0
    assert groups.look_seconds(Observed(knows_groups=False), None) == groups.REST_SECONDS

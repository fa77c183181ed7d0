"""What others added to the pods of a child, and what of it is taken away."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from deepseek_operator.kube import additions, drift
from tests.unit import world
from tests.unit.samples import Manifest

REMOVED = "serving.deepseek.dev/removed"

PODS: Manifest = {
    "initContainers": [{"name": "tools", "image": "t", "command": ["copy"]}],
    "containers": [
        {
            "name": "engine",
            "image": "e",
            "args": ["--a"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}

DEPLOYMENT: Manifest = {
    "kind": "Deployment",
    "metadata": {"name": "x", "annotations": {"note": "n"}},
    "spec": {"replicas": 1, "template": {"metadata": {"labels": {"a": "1"}}, "spec": PODS}},
}
GROUPS: Manifest = {
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "x"},
    "spec": {
        "leaderWorkerTemplate": {
            "size": 2,
            "leaderTemplate": {"metadata": {}, "spec": PODS},
            "workerTemplate": {"metadata": {}, "spec": copy.deepcopy(PODS)},
        }
    },
}


def stored(desired: Manifest) -> Manifest:
    """As the server holds it, with defaults of its own inside of what is listed."""
    observed = copy.deepcopy(drift.with_digest(desired))
    observed["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    for pods in pods_of(observed):
        pods["restartPolicy"] = "Always"
        for container in (*pods["initContainers"], *pods["containers"]):
            container["imagePullPolicy"] = "IfNotPresent"
    return observed


def pods_of(manifest: Manifest) -> list[Manifest]:
    spec = manifest["spec"]
    templates = spec.get("leaderWorkerTemplate", spec)
    return [one["spec"] for name, one in templates.items() if name.lower().endswith("template")]


def add(*steps: str | int, value: Any) -> Callable[[Manifest], None]:
    """Something of somebody's at the beginning of a list, or as a field."""

    def change(pods: Manifest) -> None:
        place: Any = pods
        for step in steps[:-1]:
            place = place[step]
        if isinstance(value, dict):
            place.setdefault(steps[-1], []).insert(0, value)
        else:
            place[steps[-1]] = value

    return change


SIDECAR = {"name": "sidecar", "image": "s", "volumeMounts": [{"name": "own", "mountPath": "/x"}]}

ADDED = [
    pytest.param([add("containers", value=SIDECAR)], ["containers/sidecar"], id="container"),
    pytest.param(
        [add("initContainers", value={"name": "first"})], ["initContainers/first"], id="first"
    ),
    pytest.param(
        [add("containers", 0, "env", value={"name": "X", "value": "1"})],
        ["containers/engine/env/X"],
        id="variable",
    ),
    pytest.param(
        [add("initContainers", 0, "env", value={"name": "X", "value": "1"})],
        ["initContainers/tools/env/X"],
        id="variable-where-none-is",
    ),
    pytest.param(
        [add("initContainers", 0, "args", value=["--x"])],
        ["initContainers/tools/args"],
        id="arguments-where-none-are",
    ),
    pytest.param(
        [add("containers", 0, "envFrom", value=[{"secretRef": {"name": "x"}}])],
        ["containers/engine/envFrom"],
        id="all-of-a-secret",
    ),
    pytest.param(
        [
            add("volumes", value={"name": "own", "emptyDir": {}}),
            add("containers", 0, "volumeMounts", value={"name": "own", "mountPath": "/own"}),
            add("containers", value=SIDECAR),
        ],
        ["containers/engine/volumeMounts//own", "containers/sidecar", "volumes/own"],
        id="volume-with-who-mounts-it",
    ),
    pytest.param(
        [
            add("containers", 0, "env", value={"name": "X", "value": "1"}),
            add("containers", 0, "env", value={"name": "Y", "value": "1"}),
            add("containers", value=SIDECAR),
            add("containers", value={"name": "second"}),
        ],
        [
            "containers/engine/env/X",
            "containers/engine/env/Y",
            "containers/second",
            "containers/sidecar",
        ],
        id="several",
    ),
]


@pytest.mark.parametrize("desired", [DEPLOYMENT, GROUPS], ids=["Deployment", "LeaderWorkerSet"])
@pytest.mark.parametrize(("changes", "told"), ADDED)
def test_what_is_added_to_pods_is_taken_away(
    desired: Manifest, changes: list[Callable[[Manifest], None]], told: list[str]
) -> None:
    observed = stored(desired)
    before = copy.deepcopy(observed)
    for pods in pods_of(observed):
        for change in changes:
            change(pods)
    wanted = drift.with_digest(desired)

    assert drift.differs(observed, wanted)
    operations = drift.adopt_fields(observed, wanted)
    assert operations is not None
    world.patch(observed, operations)

    names = json.loads(observed["metadata"]["annotations"].pop(REMOVED))
    assert {name.rpartition("/spec/")[2] for name in names} == set(told)
    assert set(names.values()) == {1}
    assert without_empty_lists(before) == without_empty_lists(observed)
    assert not drift.differs(observed, wanted)


def without_empty_lists(value: Any) -> Any:
    """The server leaves them out."""
    if isinstance(value, dict):
        return {key: without_empty_lists(one) for key, one in value.items() if one != []}
    return [without_empty_lists(one) for one in value] if isinstance(value, list) else value


def test_a_pause_is_taken_away() -> None:
    observed = stored(DEPLOYMENT)
    observed["spec"]["paused"] = True

    operations = additions.removal(observed, drift.with_digest(DEPLOYMENT))

    assert operations[0] == {"op": "remove", "path": "/spec/paused"}


@pytest.mark.parametrize("desired", [DEPLOYMENT, GROUPS], ids=["Deployment", "LeaderWorkerSet"])
def test_what_others_say_of_pods_and_what_the_server_adds_stays(desired: Manifest) -> None:
    observed = stored(desired)
    metadata = observed["spec"].get("template", observed)["metadata"]
    metadata["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}

    assert additions.removal(observed, drift.with_digest(desired)) == []


def test_what_comes_back_again_and_again_is_left_in_the_end() -> None:
    """A webhook, or a controller, insists on it: pods would restart without end."""
    observed, desired = stored(DEPLOYMENT), drift.with_digest(DEPLOYMENT)
    [pods] = pods_of(observed)
    taken = 0
    for _ in range(10):
        add("volumes", value={"name": "own", "emptyDir": {}})(pods)
        add("containers", value=SIDECAR)(pods)
        operations = additions.removal(observed, desired)
        if not operations:
            break
        world.patch(observed, operations)
        taken += 1

    assert taken == additions.TIMES
    assert not drift.differs(observed, desired)


def test_something_else_is_taken_away_beside_what_is_left() -> None:
    observed, desired = stored(DEPLOYMENT), drift.with_digest(DEPLOYMENT)
    [pods] = pods_of(observed)
    add("volumes", value={"name": "own", "emptyDir": {}})(pods)
    add("containers", value=SIDECAR)(pods)
    counts = {"spec/template/spec/containers/sidecar": additions.TIMES}
    observed["metadata"]["annotations"][REMOVED] = json.dumps(counts)
    add("containers", value={"name": "other"})(pods)

    world.patch(observed, additions.removal(observed, desired))

    assert [one["name"] for one in pods["containers"]] == ["sidecar", "engine"]
    assert [one["name"] for one in pods["volumes"]] == ["own", "tmp"], "the sidecar mounts it"


def test_a_volume_stays_while_a_mount_of_ours_was_moved_to_it() -> None:
    """The apply moves the mount back; before that the server would refuse to let the volume go."""
    observed, desired = stored(DEPLOYMENT), drift.with_digest(DEPLOYMENT)
    [pods] = pods_of(observed)
    add("volumes", value={"name": "own", "emptyDir": {}})(pods)
    [mount] = pods["containers"][0]["volumeMounts"]
    mount["name"] = "own"

    assert additions.removal(observed, desired) == []
    assert drift.differs(observed, desired)
    mount["name"] = "tmp"
    assert additions.removal(observed, desired)[0]["path"] == "/spec/template/spec/volumes/0"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"spec/paused": "often"}', "null"])
def test_a_mark_that_is_not_as_we_write_it_counts_as_none(text: str) -> None:
    observed = stored(DEPLOYMENT)
    observed["spec"]["paused"] = True
    observed["metadata"]["annotations"][REMOVED] = text

    world.patch(observed, additions.removal(observed, drift.with_digest(DEPLOYMENT)))

    assert json.loads(observed["metadata"]["annotations"][REMOVED]) == {"spec/paused": 1}


def test_not_every_addition_of_years_is_remembered() -> None:
    observed, desired = stored(DEPLOYMENT), drift.with_digest(DEPLOYMENT)
    [pods] = pods_of(observed)
    for number in range(100):
        add("containers", value={"name": f"one-{number}"})(pods)
        world.patch(observed, additions.removal(observed, desired))

    kept = list(json.loads(observed["metadata"]["annotations"][REMOVED]))
    assert len(kept) < 50
    assert kept[-1].endswith("/one-99")

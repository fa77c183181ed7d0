"""Whether objects and their children are as they should be."""

import copy
from typing import Any

import pytest

from bench.reconcile import objects
from bench.reconcile.objects import Manifest

UID = "3f0e"


def stored(**spec: Any) -> Manifest:
    manifest = objects.deepseek("chat", "n", **spec)
    manifest["metadata"] |= {"uid": UID, "generation": 2, "resourceVersion": "7"}
    return manifest


def children(manifest: Manifest) -> dict[tuple[str, str], Manifest]:
    """The children as the API server would show them, their pods ready."""
    found = copy.deepcopy(objects.desired_children(manifest))
    for child in found:
        child["metadata"] |= {"uid": "c", "generation": 1}
        if child["kind"] == "Deployment":
            replicas = child["spec"]["replicas"]
            child["status"] = {"observedGeneration": 1, "readyReplicas": replicas}
    return objects.by_owner(found)["chat"]


def test_an_object_with_all_its_children_is_right() -> None:
    manifest = stored(replicas=2)
    present = children(manifest)

    assert sorted(kind for kind, _ in present) == [
        "ControllerRevision", "Deployment", "PodDisruptionBudget", "Service", "Service",
    ]  # fmt: skip
    assert objects.is_right(manifest, present)


@pytest.mark.parametrize("kind", ["ControllerRevision", "Deployment", "Service"])
def test_an_object_without_a_child_is_wrong(kind: str) -> None:
    manifest = stored()
    present = {key: child for key, child in children(manifest).items() if key[0] != kind}

    assert not objects.is_right(manifest, present)


def test_a_child_of_an_object_that_was_there_before_is_wrong() -> None:
    manifest = stored()
    present = children(manifest)
    manifest["metadata"]["uid"] = "another"

    assert not objects.is_right(manifest, present)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": {"replicas": 0}}, id="scaled by hand"),
        pytest.param({"status": {"observedGeneration": 1, "readyReplicas": 0}}, id="not ready"),
        pytest.param({"status": {}}, id="not yet counted"),
    ],
)
def test_a_deployment_that_is_not_as_asked_for_is_wrong(change: Manifest) -> None:
    manifest = stored()
    present = children(manifest)
    for (kind, _), child in present.items():
        if kind == "Deployment":
            for part, fields in change.items():
                child[part] = {**child[part], **fields} if fields else {}

    assert not objects.is_right(manifest, present)


def test_the_number_of_a_revision_does_not_matter() -> None:
    manifest = stored()
    present = children(manifest)
    for (kind, _), child in present.items():
        if kind == "ControllerRevision":
            child["revision"] = 9

    assert objects.is_right(manifest, present)


def test_children_are_found_by_label_and_not_when_they_leave() -> None:
    label = {"serving.deepseek.dev/deployment": "chat"}
    listed: list[Manifest] = [
        {"kind": "Service", "metadata": {"name": "a", "labels": label}},
        {"kind": "Service", "metadata": {"name": "b", "labels": label, "deletionTimestamp": "x"}},
        {"kind": "Service", "metadata": {"name": "kubernetes"}},
    ]

    assert list(objects.by_owner(listed)) == ["chat"]
    assert list(objects.by_owner(listed)["chat"]) == [("Service", "a")]


@pytest.mark.parametrize(
    ("ready", "generation", "settled"),
    [
        pytest.param("True", 2, True, id="served"),
        pytest.param("False", 2, False, id="not served"),
        pytest.param("True", 1, False, id="served by an older generation"),
    ],
)
def test_an_object_is_settled_when_it_says_so_of_its_generation(
    ready: str, generation: int, *, settled: bool
) -> None:
    manifest = stored()
    manifest["status"] = {
        "conditions": [
            {"type": kind, "status": status, "observedGeneration": generation}
            for kind, status in (("Ready", ready), ("Reconciling", "False"), ("RolledOut", "True"))
        ]
    }

    assert settled == objects.is_settled(manifest)
    assert not objects.is_settled(stored())

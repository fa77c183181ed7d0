"""Objects that several use together: who comes is added, who goes leaves the others alone."""

import copy
from typing import Any

import pytest

from deepseek_operator.api import names
from deepseek_operator.kube import sharing
from tests.unit.samples import Manifest
from tests.unit.world import patch

CLAIM, JOB = "PersistentVolumeClaim", "Job"
RETAINED = {names.RETAIN_ANNOTATION: "true"}


def owner(uid: str) -> Manifest:
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": uid, "uid": uid}


def wanted(
    *owners: str, kind: str = CLAIM, storage: str | None = "10Gi", **annotations: str
) -> Manifest:
    """What an object asks for: itself as the owner."""
    requests = {} if storage is None else {"resources": {"requests": {"storage": storage}}}
    return {
        "kind": kind,
        "metadata": {
            "name": "weights-x",
            "labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.WEIGHTS_LABEL: "weights-x"},
            "annotations": annotations,
            "ownerReferences": [owner(uid) for uid in owners],
        },
        "spec": requests,
    }


def stored(*owners: str, **given: Any) -> Manifest:
    """What is there."""
    manifest = wanted(*owners, **given)
    manifest["metadata"]["resourceVersion"] = "7"
    return manifest


def joined(present: Manifest, desired: Manifest) -> Manifest:
    """What is there after an object has joined, which then has nothing left to do."""
    after = copy.deepcopy(present)
    patch(after, sharing.join(present, desired) or [])
    assert sharing.join(after, desired) is None
    return after


def owners_of(manifest: Manifest) -> list[str]:
    return [item["uid"] for item in manifest["metadata"]["ownerReferences"]]


@pytest.mark.parametrize("kind", [CLAIM, JOB])
def test_who_joins_becomes_an_owner_beside_the_others(kind: str) -> None:
    after = joined(stored("a", "b", kind=kind), wanted("c", kind=kind))

    assert owners_of(after) == ["a", "b", "c"]
    assert after["metadata"]["ownerReferences"][2] == owner("c")


def test_owners_of_other_kinds_stay_as_they_are() -> None:
    present = stored("a")
    backup = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": True}
    present["metadata"]["ownerReferences"].append(backup)

    assert backup in joined(present, wanted("c"))["metadata"]["ownerReferences"]


@pytest.mark.parametrize(
    "nobody",
    [pytest.param({}, id="left-out"), pytest.param({"ownerReferences": None}, id="null")],
)
def test_the_first_owner_of_what_has_none_is_added(nobody: Manifest) -> None:
    present = stored()
    del present["metadata"]["ownerReferences"]
    present["metadata"] |= nobody

    assert owners_of(joined(present, wanted("a"))) == ["a"]


@pytest.mark.parametrize(
    ("present", "desired"),
    [
        pytest.param(stored("a", "b"), wanted("a"), id="an-owner-already"),
        pytest.param(stored("a", storage="10240Mi"), wanted("a"), id="as-large-in-other-words"),
        pytest.param(stored("a", storage="20Gi"), wanted("a"), id="larger-already"),
        pytest.param(stored("a"), wanted("a", storage=None), id="of-any-size"),
        pytest.param(stored("a", x="1", y="2"), wanted("a", x="1"), id="with-other-annotations"),
        pytest.param(stored(**RETAINED), wanted("a"), id="kept-for-somebody-else"),
        pytest.param(stored(**RETAINED), wanted(**RETAINED), id="kept"),
        pytest.param(stored("a", kind=JOB), wanted("a", kind=JOB, storage="99Gi"), id="a-job"),
    ],
)
def test_who_has_joined_writes_nothing(present: Manifest, desired: Manifest) -> None:
    assert sharing.join(present, desired) is None


def test_annotations_are_added_to_those_of_others() -> None:
    after = joined(stored("a", theirs="1", both="old"), wanted("a", ours="2", both="new"))

    assert after["metadata"]["annotations"] == {"theirs": "1", "ours": "2", "both": "new"}


def test_what_has_no_annotations_is_given_some() -> None:
    present = stored("a")
    del present["metadata"]["annotations"]

    assert joined(present, wanted("a", ours="2"))["metadata"]["annotations"] == {"ours": "2"}


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        pytest.param("10Gi", "20Gi", "20Gi", id="grows"),
        pytest.param("900Mi", "1Gi", "1Gi", id="grows-across-units"),
        pytest.param("20Gi", "10Gi", "20Gi", id="never-shrinks"),
        pytest.param("1Gi", "900Mi", "1Gi", id="never-shrinks-across-units"),
    ],
)
def test_a_volume_grows_and_never_shrinks(before: str, asked: str, after: str) -> None:
    found = joined(stored("a", storage=before), wanted("b", storage=asked))

    assert after == found["spec"]["resources"]["requests"]["storage"]


def test_what_somebody_wants_kept_loses_its_owners() -> None:
    after = joined(stored("a", "b"), wanted(**RETAINED))

    assert owners_of(after) == []
    assert after["metadata"]["annotations"] == RETAINED


def test_what_is_kept_gets_no_owners_any_more() -> None:
    after = joined(stored(storage="10Gi", **RETAINED), wanted("b", storage="20Gi"))

    assert owners_of(after) == []
    assert after["metadata"]["annotations"] == RETAINED


def test_owners_that_somebody_gave_to_what_is_kept_are_taken_off() -> None:
    assert owners_of(joined(stored("a", **RETAINED), wanted("a"))) == []


@pytest.mark.parametrize(
    ("owners", "left"),
    [
        pytest.param(["a", "b", "c"], ["a", "c"], id="two-stay"),
        pytest.param(["b", "a"], ["a"], id="one-stays"),
        pytest.param(["a", "c"], ["a", "c"], id="was-no-owner"),
    ],
)
def test_who_leaves_leaves_the_others(owners: list[str], left: list[str]) -> None:
    present = stored(*owners)
    operations = sharing.leave(present, "b")

    assert operations is not None
    patch(present, operations)
    assert left == owners_of(present)


@pytest.mark.parametrize("owners", [pytest.param(["b"], id="alone"), pytest.param([], id="none")])
def test_the_last_one_does_not_leave_but_delete(owners: list[str]) -> None:
    assert sharing.leave(stored(*owners), "b") is None


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param(sharing.join(stored("a"), wanted("b")), id="an-owner"),
        pytest.param(sharing.join(stored("a"), wanted("a", x="1")), id="an-annotation"),
        pytest.param(sharing.join(stored("a"), wanted("a", storage="2Ti")), id="growth"),
        pytest.param(sharing.join(stored("a"), wanted(**RETAINED)), id="kept"),
        pytest.param(sharing.leave(stored("a", "b"), "b"), id="leaving"),
    ],
)
def test_every_change_is_of_the_version_that_was_read(operations: list[Manifest]) -> None:
    """Replaced, not tested: the server answers 409 to another version."""
    assert operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert len(operations) > 1


@pytest.mark.parametrize(
    ("labels", "shared"),
    [
        pytest.param(wanted()["metadata"]["labels"], True, id="both-marks"),
        pytest.param({**wanted()["metadata"]["labels"], "team": "a"}, True, id="and-others"),
        pytest.param(
            {**wanted()["metadata"]["labels"], names.WEIGHTS_LABEL: "other"}, False, id="others'"
        ),
        pytest.param({names.WEIGHTS_LABEL: "weights-x"}, False, id="one-mark"),
        pytest.param({}, False, id="no-marks"),
        pytest.param(None, False, id="no-labels"),
    ],
)
def test_only_what_carries_our_marks_is_shared(labels: Manifest | None, *, shared: bool) -> None:
    assert shared is sharing.is_shared({"metadata": {"labels": labels}}, wanted("a"))

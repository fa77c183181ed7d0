"""Whether an object still is as it was applied."""

import copy
import re
from typing import Any

import pytest

from deepseek_operator.api.names import APPLIED_ANNOTATION, DEPLOYMENT_LABEL
from deepseek_operator.kube import drift
from tests.unit.samples import CPU_SPEC, EVERY_FIELD, Manifest, deepseek
from tests.unit.world import World

ANNOTATION = "serving.deepseek.dev/applied"

DESIRED: Manifest = {
    "kind": "Deployment",
    "metadata": {"name": "x", "labels": {"a": "1"}, "annotations": {"note": "n"}},
    "spec": {
        "replicas": 0,
        "paused": False,
        "empty": {},
        "text": "",
        "args": ["--a", "--b"],
        "env": [{"name": "A", "value": ""}, {"name": "B", "value": "2"}],
        "limits": {"memory": "1024Mi", "cpu": "500m"},
        "selector": {"a": "1"},
    },
}


def stored(**spec: Any) -> Manifest:
    """The object as the server holds it: with defaults of its own, and what `spec` changes."""
    observed = copy.deepcopy(drift.with_digest(DESIRED))
    observed["metadata"].update({"uid": "u", "resourceVersion": "7"})
    observed["metadata"]["labels"]["server"] = "x"
    observed["spec"]["defaulted"] = True
    observed["spec"].update(spec)
    return observed


def test_the_digest_stands_beside_the_other_annotations_and_leaves_the_original_alone() -> None:
    before = copy.deepcopy(DESIRED)

    annotations = drift.with_digest(DESIRED)["metadata"]["annotations"]

    assert annotations["note"] == "n"
    assert re.fullmatch("[0-9a-f]{10}[.][0-9a-f]{10}", annotations[ANNOTATION])
    assert before == DESIRED


def test_the_digest_depends_on_the_content_and_not_on_its_order() -> None:
    other_order = dict(reversed(DESIRED.items()))
    changed = {**DESIRED, "spec": {**DESIRED["spec"], "replicas": 1}}

    digest = drift.with_digest(DESIRED)["metadata"]["annotations"][ANNOTATION]

    assert digest == drift.with_digest(other_order)["metadata"]["annotations"][ANNOTATION]
    assert digest != drift.with_digest(changed)["metadata"]["annotations"][ANNOTATION]


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(stored(), id="with-the-server's-defaults"),
        pytest.param(stored(text=None), id="empty-text-left-out"),
        pytest.param(stored(empty=None), id="empty-map-left-out"),
        pytest.param(stored(limits={"memory": "1Gi", "cpu": "0.5"}), id="equal-quantities"),
        pytest.param(
            stored(env=[{"name": "B", "value": "2"}, {"name": "A"}, {"name": "C", "value": "3"}]),
            id="a-merged-list-in-other-order-with-more",
        ),
    ],
)
def test_what_the_server_makes_of_it_is_no_drift(observed: Manifest) -> None:
    assert drift.differs(observed, drift.with_digest(DESIRED)) is False


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(stored(replicas=3), id="changed-number"),
        pytest.param(stored(replicas=None), id="zero-removed"),
        pytest.param(stored(paused=True), id="flag-turned"),
        pytest.param(stored(paused=None), id="false-removed"),
        pytest.param(stored(args=["--b", "--a"]), id="order-of-arguments"),
        pytest.param(stored(args=["--a"]), id="argument-removed"),
        pytest.param(stored(args=["--a", "--b", "--c"]), id="argument-added"),
        pytest.param(stored(args=None), id="arguments-removed"),
        pytest.param(stored(env=[{"name": "B", "value": "2"}]), id="variable-removed"),
        pytest.param(
            stored(env=[{"name": "A"}, {"name": "B", "value": "3"}]), id="variable-changed"
        ),
        pytest.param(stored(limits={"memory": "2Gi", "cpu": "0.5"}), id="other-quantity"),
        pytest.param(stored(limits={"memory": "much", "cpu": "0.5"}), id="no-quantity"),
        pytest.param(stored(limits={"memory": 1024, "cpu": "0.5"}), id="other-type"),
        pytest.param(stored(limits="none"), id="no-map-any-more"),
        pytest.param(stored(selector={"a": "1", "b": "2"}), id="key-added-to-a-selector"),
        pytest.param(stored(selector={}), id="key-removed-from-a-selector"),
    ],
)
def test_what_somebody_changed_is_drift(observed: Manifest) -> None:
    assert drift.differs(observed, drift.with_digest(DESIRED)) is True


AFFINITY: Manifest = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "zone", "labelSelector": {"matchLabels": {}, "matchExpressions": []}},
            {
                "topologyKey": "host",
                "labelSelector": {
                    "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]
                },
            },
        ]
    }
}


def kept(first: Manifest | None, second: Manifest) -> Manifest:
    """The terms as the server keeps them: with these selectors."""
    selectors = [{} if first is None else {"labelSelector": first}, {"labelSelector": second}]
    terms = [
        {"topologyKey": key, **selector}
        for key, selector in zip(("zone", "host"), selectors, strict=True)
    ]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


EXISTS: Manifest = {"matchExpressions": [{"key": "a", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("observed", "differs"),
    [
        pytest.param(kept({}, EXISTS), False, id="as-it-was-applied"),
        pytest.param(kept(None, EXISTS), True, id="selects-nothing-any-more"),
        pytest.param(kept({"matchLabels": {"a": "1"}}, EXISTS), True, id="selects-less"),
        pytest.param(kept({}, {}), True, id="selects-everything"),
    ],
)
def test_what_a_selector_has_that_is_empty_is_left_out_by_the_server(
    observed: Manifest, *, differs: bool
) -> None:
    desired = drift.with_digest({**DESIRED, "spec": {"affinity": AFFINITY}})

    found = drift.differs({**copy.deepcopy(desired), "spec": {"affinity": observed}}, desired)

    assert found is differs


def test_a_field_that_is_not_wanted_any_more_is_drift() -> None:
    less = {**DESIRED, "spec": {"replicas": 0}}

    assert drift.differs(stored(), drift.with_digest(less)) is True


@pytest.mark.parametrize("label", ["a", "serving"])
def test_a_removed_label_is_drift(label: str) -> None:
    desired = copy.deepcopy(DESIRED)
    desired["metadata"]["labels"] = {label: "1"}
    observed = copy.deepcopy(drift.with_digest(desired))
    del observed["metadata"]["labels"][label]

    assert drift.differs(observed, drift.with_digest(desired)) is True


@pytest.mark.parametrize("spec", [CPU_SPEC, EVERY_FIELD], ids=["cpu", "every-field"])
def test_a_child_that_was_just_applied_does_not_differ(spec: Manifest) -> None:
    for child in map(drift.with_digest, World().plan(deepseek(**spec)).apply):
        assert drift.differs(copy.deepcopy(child), child) is False


@pytest.mark.parametrize(
    ("owners", "ours"),
    [
        pytest.param([{"controller": True, "uid": "u"}], True, id="ours"),
        pytest.param([{"controller": True, "uid": "v"}], False, id="another's"),
        pytest.param([{"uid": "u"}], False, id="owned-and-not-controlled"),
        pytest.param([], False, id="nobody's"),
        pytest.param([{"uid": "v"}, {"controller": True, "uid": "u"}], True, id="second"),
    ],
)
def test_an_object_is_ours_by_the_uid_of_its_controller(
    owners: list[Manifest], *, ours: bool
) -> None:
    assert ours is drift.belongs_to({"metadata": {"ownerReferences": owners}}, "chat", "u")


@pytest.mark.parametrize(
    ("labels", "annotations", "ours"),
    [
        pytest.param({DEPLOYMENT_LABEL: "chat"}, {APPLIED_ANNOTATION: "x"}, True, id="orphan"),
        pytest.param({DEPLOYMENT_LABEL: "chat"}, {}, False, id="only-labelled"),
        pytest.param({DEPLOYMENT_LABEL: "talk"}, {APPLIED_ANNOTATION: "x"}, False, id="another's"),
        pytest.param({}, {}, False, id="foreign"),
    ],
)
def test_an_object_without_a_controller_is_ours_by_the_marks_only_we_give(
    labels: dict[str, str], annotations: dict[str, str], *, ours: bool
) -> None:
    metadata = {"labels": labels, "annotations": annotations}

    assert ours is drift.belongs_to({"metadata": metadata}, "chat", "u")


def managed(*entries: Manifest) -> Manifest:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


CREATED = {"manager": "deepseek-operator", "operation": "Update", "fieldsV1": {"f:spec": {}}}
APPLIED = {"manager": "deepseek-operator", "operation": "Apply", "fieldsV1": {"f:data": {}}}
STATUS = {"manager": "deepseek-operator", "operation": "Update", "subresource": "status"}
OTHER = {"manager": "kubectl-edit", "operation": "Update"}
WANTED = drift.with_digest({"metadata": {"name": "x"}})


@pytest.mark.parametrize(
    ("entries", "turned"),
    [
        pytest.param([OTHER, CREATED], [OTHER, {**CREATED, "operation": "Apply"}], id="created"),
        pytest.param([CREATED, APPLIED, OTHER], [APPLIED, OTHER], id="created-and-applied"),
    ],
)
def test_fields_of_our_create_become_fields_of_our_apply(
    entries: list[Manifest], turned: list[Manifest]
) -> None:
    assert [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/managedFields", "value": turned},
    ] == drift.adopt_fields(managed(*entries), WANTED)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([], id="none"),
        pytest.param([APPLIED, OTHER], id="applied"),
        pytest.param([STATUS], id="status"),
    ],
)
def test_fields_that_we_applied_need_no_turning(entries: list[Manifest]) -> None:
    assert drift.adopt_fields(managed(*entries), WANTED) is None
    assert drift.adopt_fields({"metadata": {}}, WANTED) is None


@pytest.mark.parametrize(
    ("then", "now", "turned"),
    [
        pytest.param({"replicas": 1}, {"replicas": 2}, False, id="another-value"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, True, id="a-field-less"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, True, id="a-field-more"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, True, id="an-item-less"),
        pytest.param({"a": [{"name": "x"}]}, {"a": [{"name": "y"}]}, True, id="another-item"),
        pytest.param({"a": {"b": 1}}, {"a": {"c": 1}}, True, id="another-field-below"),
    ],
)
def test_fields_are_turned_only_before_one_may_be_dropped(
    then: Manifest, now: Manifest, *, turned: bool
) -> None:
    present = drift.with_digest({"metadata": {"name": "x"}, "spec": then})
    present["metadata"] |= {"resourceVersion": "7", "managedFields": [CREATED]}
    desired = drift.with_digest({"metadata": {"name": "x"}, "spec": now})

    assert turned is (drift.adopt_fields(present, desired) is not None)


@pytest.mark.parametrize(
    ("observed", "differs"),
    [
        pytest.param({}, False, id="as-the-server-keeps-it"),
        pytest.param({"ingress": [{}]}, True, id="open-to-all"),
        pytest.param({"ingress": [{"ports": [{"port": 1}]}]}, True, id="open-on-a-port"),
    ],
)
def test_a_direction_that_is_to_be_shut_is_ours_though_it_is_empty(
    observed: Manifest, *, differs: bool
) -> None:
    spec = {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"]}
    desired = drift.with_digest({**DESIRED, "spec": {**spec, "ingress": []}})

    found = drift.differs({**copy.deepcopy(desired), "spec": {**spec, **observed}}, desired)

    assert found is differs

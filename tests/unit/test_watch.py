"""Which events of an object ask for a pass: all but the echo of the operator's own report."""

import copy
from typing import Any

import pytest

from deepseek_operator.watch import EndlessBackoffs, Heard, owners_of
from tests.unit.samples import Manifest

STORED: Manifest = {
    "metadata": {
        "name": "chat",
        "namespace": "n",
        "uid": "u",
        "generation": 1,
        "resourceVersion": "1",
        "annotations": {"team": "search"},
        "managedFields": [{"manager": "user", "operation": "Apply"}],
    },
    "spec": {"model": "tiny"},
    "status": {"observedGeneration": 1},
}


def changed(*, status: Manifest | None = None, **metadata: Any) -> Manifest:
    """The object as a later event shows it."""
    found = copy.deepcopy(STORED)
    found["metadata"] |= {"resourceVersion": "2", **metadata}
    if status is not None:
        found["status"] = status
    return found


def test_a_new_status_alone_is_no_news() -> None:
    heard = Heard()
    heard.is_news("ADDED", STORED)
    fields = [{"manager": "deepseek-operator", "operation": "Apply", "subresource": "status"}]

    assert not heard.is_news("MODIFIED", changed(status={"url": "x"}, managedFields=fields))
    assert not heard.is_news("MODIFIED", changed(status={"url": "y"}))


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(changed(generation=2), id="the spec changed"),
        pytest.param(changed(annotations={"team": "chat"}), id="an annotation changed"),
        pytest.param(changed(labels={"a": "b"}), id="a label came"),
        pytest.param(changed(deletionTimestamp="2026-03-01T12:00:00Z"), id="it is deleted"),
        pytest.param(changed(uid="another"), id="it is another one"),
        pytest.param(changed(status={}), id="the status was lost"),
    ],
)
def test_whatever_else_changes_is_news_once(event: Manifest) -> None:
    heard = Heard()
    heard.is_news(None, STORED)

    assert heard.is_news("MODIFIED", event)
    assert not heard.is_news("MODIFIED", event)


@pytest.mark.parametrize("kind", [None, "ADDED", "DELETED"])
def test_an_object_that_comes_or_goes_or_is_listed_is_news(kind: str | None) -> None:
    heard = Heard()
    heard.is_news("ADDED", STORED)

    assert heard.is_news(kind, STORED)


def test_an_object_never_heard_of_is_news() -> None:
    heard = Heard()

    assert heard.is_news("MODIFIED", STORED)


def test_objects_of_one_name_in_two_namespaces_are_told_apart() -> None:
    heard = Heard()
    heard.is_news("ADDED", STORED)

    assert heard.is_news("MODIFIED", changed(namespace="m"))


def test_nothing_is_kept_of_an_object_that_is_gone() -> None:
    heard = Heard()
    heard.is_news("ADDED", STORED)
    heard.is_news("DELETED", STORED)

    assert heard.is_news("MODIFIED", STORED)


def test_waits_for_the_api_server_do_not_end() -> None:
    waits = iter(EndlessBackoffs())

    assert [next(waits) for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


OWNER = {"apiVersion": "serving.deepseek.dev/v1alpha1", "kind": "DeepSeekDeployment"}
LABEL = {"serving.deepseek.dev/deployment": "chat"}


@pytest.mark.parametrize(
    ("metadata", "objects"),
    [
        pytest.param({"labels": LABEL}, {"chat"}, id="of its label"),
        pytest.param(
            {"labels": LABEL, "ownerReferences": [{**OWNER, "name": "other"}]},
            {"chat"},
            id="of its label before its owners",
        ),
        pytest.param(
            {"ownerReferences": [{**OWNER, "name": "a"}, {**OWNER, "name": "b"}]},
            {"a", "b"},
            id="of all that share it",
        ),
        pytest.param(
            {
                "ownerReferences": [
                    {**OWNER, "apiVersion": "serving.deepseek.dev/v1beta1", "name": "a"},
                    {**OWNER, "apiVersion": "serving.deepseek.developers/v1", "name": "b"},
                ]
            },
            {"a"},
            id="of its owner in another version of the API, and of no other API's",
        ),
        pytest.param(
            {"labels": {"team": "x"}, "ownerReferences": [{**OWNER, "name": "a"}]},
            {"a"},
            id="of its owner whatever else it is labelled with",
        ),
        pytest.param(
            {
                "ownerReferences": [
                    {**OWNER, "name": "a"},
                    {**OWNER, "kind": "Job", "name": "b"},
                    {**OWNER, "apiVersion": "example.com/v1", "name": "c"},
                    {"name": "d"},
                ]
            },
            {"a"},
            id="not of foreign owners",
        ),
        pytest.param({"labels": None, "ownerReferences": None}, set(), id="of none"),
        pytest.param({}, set(), id="of none at all"),
    ],
)
def test_what_changed_is_looked_at_for_every_object_it_belongs_to(
    metadata: Manifest, objects: set[str]
) -> None:
    assert objects == owners_of({"metadata": metadata})

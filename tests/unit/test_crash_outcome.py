"""What tests/cluster/test_crash_points.py compares: the same for every name, and different for another spec."""

from bench.reconcile.objects import desired_children
from tests.cluster.objects import deepseek
from tests.cluster.test_crash_points import content
from tests.unit.samples import Manifest


def contents(name: str, **spec: object) -> list[str]:
    children = desired_children(deepseek(name, "team", replicas=2, **spec))
    return sorted(content(child, name) for child in children)


def test_children_of_equal_objects_have_equal_content() -> None:
    assert contents("clean-x") == contents("x12z")
    assert len(contents("clean-x")) == 5


def test_another_spec_or_label_is_another_content() -> None:
    child: Manifest = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"selector": {"app": "chat"}, "clusterIP": "10.0.0.1"},
    }
    elsewhere = {**child, "spec": {**child["spec"], "clusterIP": "10.0.0.2"}}
    edited = {**child, "spec": {"selector": {"app": "mine"}}}
    taken = {**child, "metadata": {"labels": {}}}

    assert content(child, "chat") == content(elsewhere, "chat")
    assert content(child, "chat") != content(edited, "chat")
    assert content(child, "chat") != content(taken, "chat")
    assert contents("a") != contents("a", engine={"args": ["--seed=1"]})

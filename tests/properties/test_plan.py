"""make_plan() for any spec: deterministic, complete, and at rest once it was carried out."""

import copy
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.kube import drift
from tests.examples import as_many_as
from tests.properties.strategies import Spec, specs
from tests.unit.samples import NOW, check_against_kubernetes, conditions, deepseek
from tests.unit.world import World, served

pytestmark = pytest.mark.campaign(has_short_form=True)


@given(specs(), specs())
def test_the_same_input_gives_the_same_plan(first: Spec, second: Spec) -> None:
    world = served(deepseek(**first))
    deployment = deepseek(**second, generation=2)

    assert world.plan(deployment) == copy.deepcopy(world).plan(deployment)


@given(specs(), st.integers(1, 10**6))
def test_what_was_carried_out_needs_nothing_more_at_any_later_time(
    spec: Spec, seconds: int
) -> None:
    deployment = deepseek(**spec)
    world = served(deployment)

    plan = world.plan(deployment, now=NOW + timedelta(seconds=seconds))

    assert world.writes(plan) == []
    assert plan.delete == ()
    assert plan.status == world.stored
    assert plan.requeue_seconds is None


@given(specs())
def test_every_child_is_owned_labelled_and_differs_from_none_of_its_kind(spec: Spec) -> None:
    deployment = deepseek(**spec)
    plan = World().plan(deployment)

    places = [(item["kind"], item["metadata"]["name"]) for item in plan.apply]
    assert len(set(places)) == len(places)
    for child in plan.apply:
        assert drift.belongs_to(child, "chat", "uid-of-chat")
        assert child["metadata"]["labels"]["serving.deepseek.dev/deployment"] == "chat"
        assert not drift.differs(drift.with_digest(child), drift.with_digest(child))


@settings(max_examples=as_many_as(15))
@given(specs())
def test_every_child_is_one_that_kubernetes_knows(spec: Spec) -> None:
    for child in World().plan(deepseek(**spec)).apply:
        check_against_kubernetes(drift.with_digest(child))


@given(specs(), specs())
def test_any_change_ends_with_the_new_spec_served_alone(first: Spec, second: Spec) -> None:
    second = {**second, "servedName": first.get("servedName", "chat")}
    world = served(deepseek(**first))
    changed = deepseek(**second, generation=2)

    status = world.settle(changed).status

    assert status["serving"] == status["desired"]
    assert len(world.observed().deployments) == 1
    assert conditions(status)["RolledOut"]["status"] == "True"
    assert (second.get("replicas", 1) > 0) is (conditions(status)["Ready"]["status"] == "True")


@given(specs())
def test_the_status_is_one_that_the_definition_describes(spec: Spec) -> None:
    status = served(deepseek(**spec)).stored

    read = DeepSeekDeploymentStatus.model_validate(status)
    assert status == read.model_dump(by_alias=True, exclude_unset=True)
    assert {condition.observed_generation for condition in read.conditions} == {1}

"""Objects as earlier releases stored them, under what there is now: valid, read in full, and none of their pods noticed."""

import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import ENGINE_SETS, template_of
from deepseek_operator.rollout.revisions import revision_key, target_key
from dev import releases
from tests.releases import recorded
from tests.releases.recorded import Recorded
from tests.unit.api.test_defaulted import refusals
from tests.unit.structural import defaulted, faults, schema_of
from tests.unit.test_canary import Service

EACH = [pytest.param(one, id=f"{one.version}-{one.scene}") for one in recorded.every()]
PHASES = {
    "canary": "Analyzing",
    "promoted": "Watching",
    "rolled-back": "RolledBack",
    "replacing": "Starting",
}


@dataclass
class Upgraded(Service):
    """What a release left, and the operator of today over it."""

    @classmethod
    def of(cls, stored: Recorded) -> "Upgraded":
        """With its children, its status and its time."""
        found = copy.deepcopy(stored)
        return cls(
            children={(one["kind"], one["metadata"]["name"]): one for one in found.children},
            shared={(one["kind"], one["metadata"]["name"]): one for one in found.shared},
            stored=found.object["status"],
            now=found.now,
        )

    @property
    def templates(self) -> dict[str, Any]:
        """By name whatever makes pods, of engines or of the gateway: what they are made of, and how many there are to be."""
        return {
            name: (kind, template_of(child), child["spec"]["replicas"])
            for (kind, name), child in self.children.items()
            if kind in ENGINE_SETS
        }

    @property
    def shapes(self) -> dict[str, Any]:
        """The frozen revisions."""
        return {
            name: child["data"]
            for (kind, name), child in self.children.items()
            if kind == "ControllerRevision"
        }


def read(stored: Recorded) -> DeepSeekDeployment:
    """The object as the operator reads it today: with the defaults that a server fills in today."""
    spec = defaulted(schema_of("spec"), stored.object["spec"])
    return DeepSeekDeployment.model_validate({**stored.object, "spec": spec})


def test_there_are_objects_of_every_release_in_all_that_may_be_going_on() -> None:
    for release in releases.all_releases():
        scenes = {one.scene: one for one in recorded.scenes(release.version)}
        assert {*PHASES, "serving", "every-field", "fallback", "two-nodes", "stalled"} <= set(
            scenes
        )
        for scene, phase in PHASES.items():
            assert scenes[scene].object["status"]["rollout"]["phase"] == phase
        assert len(scenes["fallback"].object["status"]["fallback"]) == 2


@pytest.mark.parametrize("stored", EACH)
def test_it_is_valid_as_it_is_stored_and_as_it_is_read(stored: Recorded) -> None:
    spec, status = stored.object["spec"], stored.object["status"]
    filled = defaulted(schema_of("spec"), spec)

    assert [*faults(schema_of("spec"), spec, "spec")] == []
    assert [*faults(schema_of("status"), status, "status")] == []
    for one in (spec, filled):
        assert [*refusals(schema_of("spec"), one)] == []


@pytest.mark.parametrize("stored", EACH)
def test_nothing_of_it_is_lost_on_the_way_through_the_types(stored: Recorded) -> None:
    written = DeepSeekDeployment.model_validate(stored.object).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )

    assert stored.object["spec"] == written["spec"]
    assert stored.object["status"] == written["status"]


@pytest.mark.parametrize("stored", EACH)
def test_a_server_of_today_adds_nothing_that_the_release_did_not_have(stored: Recorded) -> None:
    """A default of a new field would be written into objects of users who never asked for it."""
    assert defaulted(schema_of("spec"), stored.object["spec"]) == stored.object["spec"]


@pytest.mark.parametrize("stored", EACH)
def test_its_revisions_have_the_keys_that_they_had(stored: Recorded) -> None:
    spec = read(stored).spec

    assert stored.keys["target"] == target_key(spec)
    assert stored.keys["fallback"] == [
        revision_key(one.inheriting_from(spec)) for one in spec.fallback
    ]
    if spec.rollout.from_ is not None:
        assert stored.keys["from"] == revision_key(spec.rollout.from_.inheriting_from(spec))


@pytest.mark.parametrize("stored", EACH)
def test_the_first_pass_over_it_makes_no_revision_and_touches_no_pod(stored: Recorded) -> None:
    world = Upgraded.of(stored)
    before, shapes = world.templates, world.shapes

    plan = world.plan(read(stored), now=stored.now + timedelta(seconds=5))

    # A budget has no pods: 0.1.0 had one of an object, and now each revision has its own.
    assert {one["kind"] for one in plan.delete} <= {"PodDisruptionBudget"}
    assert plan.leave == ()
    made = {one["metadata"]["name"] for one in plan.apply if one["kind"] == "ControllerRevision"}
    assert made <= set(shapes)
    for one in plan.apply:
        if one["kind"] in ENGINE_SETS:
            wanted = (one["kind"], template_of(one), one["spec"]["replicas"])
            assert before[one["metadata"]["name"]] == wanted


@pytest.mark.parametrize("stored", EACH)
def test_passes_over_it_leave_its_pods_as_they_are(stored: Recorded) -> None:
    """Time stands still, so that nothing that was going on goes on."""
    world = Upgraded.of(stored)
    before, shapes = world.templates, world.shapes

    for _ in range(6):
        if ("ConfigMap", "chat-gateway") in world.children:
            world.follow()
        world.carry_out(world.plan(read(stored), now=stored.now))

    assert before == world.templates
    assert shapes == world.shapes
    assert world.stored.get("serving") == stored.object["status"].get("serving")


@pytest.mark.parametrize(
    ("scene", "end"),
    [
        pytest.param("canary", "Succeeded", id="a-canary-is-promoted"),
        pytest.param("promoted", "Succeeded", id="a-window-ends"),
        pytest.param("rolled-back", "RolledBack", id="what-went-back-stays-back"),
    ],
)
@pytest.mark.parametrize("release", releases.all_releases(), ids=lambda one: one.version)
def test_what_was_going_on_goes_on(release: releases.Release, scene: str, end: str) -> None:
    stored = recorded.one(release.version, scene)
    world = Upgraded.of(stored)
    run = stored.object["status"]["rollout"]["run"]

    status = world.until(read(stored), end)
    for _ in range(3):
        status = world.one_pass(read(stored))

    assert status["rollout"]["run"] == run
    assert set(world.replicas) == {status["serving"]["revision"]}
    assert sum(world.weights.values()) == 100

"""Any history of entries: who stands in is never who serves, never twice, and nobody is sent to pods that go."""

import copy
import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deepseek_operator.observed import Gateway, has_served, revision_of
from deepseek_operator.plan import Plan
from deepseek_operator.rollout.revisions import target_key
from tests.examples import as_many_as
from tests.unit.samples import CPU_SPEC, LATER, Manifest, conditions, deepseek
from tests.unit.world import World

pytestmark = pytest.mark.campaign(has_short_form=True)

BLOCKS: list[Manifest] = [
    {**CPU_SPEC, "model": name, "source": f"pvc://models/{name}"} for name in ("a", "b", "c")
]
FETCHED: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
UNKNOWN: Manifest = {"model": "DeepSeek-V4"}
_entries = st.lists(
    st.tuples(st.sampled_from([*BLOCKS, FETCHED, UNKNOWN]), st.integers(1, 3)), max_size=3
)


class Fallbacks(RuleBasedStateMachine):
    """One object with a gateway: its block and its entries are edited, passes run or are cut off, pods come and go."""

    @initialize(block=st.sampled_from(BLOCKS), entries=_entries)
    def create(self, block: Manifest, entries: list[tuple[Manifest, int]]) -> None:
        self.world = World()
        self.generation = 0
        self.edit(block, entries, replicas=1)

    @rule(block=st.sampled_from([*BLOCKS, UNKNOWN]), entries=_entries, replicas=st.integers(0, 2))
    def edit(self, block: Manifest, entries: list[tuple[Manifest, int]], replicas: int) -> None:
        fallback = [{**entry, "replicas": count} for entry, count in entries]
        self.spec = {**block, "replicas": replicas, "gateway": {}, "fallback": fallback}
        self.generation += 1

    @property
    def is_unknown(self) -> bool:
        """Whether the spec itself asks for what cannot be had."""
        return bool(self.spec["model"] == UNKNOWN["model"])

    def deployment(self) -> Any:
        return deepseek(**self.spec, generation=self.generation)

    @rule()
    def one_pass(self) -> None:
        self.world.carry_out(self.world.plan(self.deployment()))

    @rule(count=st.integers(0, 10))
    def pass_cut_off(self, count: int) -> None:
        self.world.carry_out_part(self.world.plan(self.deployment()), count)

    @rule(ready=st.integers(0, 3), number=st.integers(0, 5))
    def pods_come_and_go(self, ready: int, number: int) -> None:
        engines = self.world.observed().engines
        if engines:
            self.world.start_pods(revision_of(engines[number % len(engines)]), ready=ready)

    @rule()
    def everything_starts(self) -> None:
        self.world.start_pods()
        self.world.end_jobs()

    @rule()
    def gateways_follow(self) -> None:
        if any(kind == "ConfigMap" for kind, _ in self.world.children):
            self.world.follow()

    @rule()
    def gateways_fall_silent(self) -> None:
        self.world.gateways = (Gateway("gateway-1", is_ready=True, report=None),)

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.stored = {}

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        plan = self.world.plan(self.deployment())
        assert plan == copy.deepcopy(self.world).plan(self.deployment())
        document = self._told(plan)
        target = target_key(self.deployment().spec)
        document = document or {"routes": [], "replicas": {}}
        for route in document["routes"]:
            chain = [route["revision"], *route.get("then", [])]
            assert len(set(chain)) == len(chain), "a revision stands in for itself, or twice"
            assert target not in chain[1:], "the revision on its way stands in"
            there_is_none = {target} if self.is_unknown else set()
            assert set(chain) - there_is_none <= document["replicas"].keys(), (
                "nobody looks after its pods"
            )
        if conditions(plan.status)["Ready"]["status"] == "True":
            ways = [item["kind"] for item in plan.delete if revision_of(item) is None]
            assert ways == [], "users are cut off"
        going = {
            revision_of(item)
            for item in plan.delete
            if item["kind"] == "Deployment" and has_served(item)
        }
        assert not going & set(self._taken()), "pods go that a gateway may send requests to"

    def _told(self, plan: Plan) -> Manifest | None:
        for item in plan.apply:
            if item["kind"] == "ConfigMap":
                found: Manifest = json.loads(item["data"]["gateway.json"])
                return found
        return None

    def _taken(self) -> list[str]:
        """Everybody whom a gateway that has followed what stands there sends requests to."""
        told = [item for (kind, _), item in self.world.children.items() if kind == "ConfigMap"]
        taken = [(one.report or {}).get("taken") for one in self.world.gateways]
        if not told or not taken:
            return []
        document = json.loads(told[0]["data"]["gateway.json"])
        if document["version"] not in taken:
            return []
        return [
            key for one in document["routes"] for key in (one["revision"], *one.get("then", []))
        ]

    @rule()
    def left_alone_it_comes_to_rest(self) -> None:
        world = copy.deepcopy(self.world)
        for _ in range(12):
            world.start_pods()
            world.end_jobs()
            if any(kind == "ConfigMap" for kind, _ in world.children):
                world.follow()
            world.carry_out(world.plan(self.deployment(), now=LATER))

        plan = world.plan(self.deployment(), now=LATER)

        assert world.writes(plan) == []
        if self.is_unknown:
            assert conditions(plan.status)["Stalled"]["status"] == "True"
            return
        assert plan.status["serving"] == plan.status["desired"]
        wanted = {target_key(self.deployment().spec)}
        if self.spec["replicas"]:
            wanted |= {
                target_key(self.deployment().asking_for(entry).spec)
                for entry in self.deployment().spec.fallback
                if entry.model != UNKNOWN["model"]
            }
        assert {revision_of(item) for item in world.observed().engines} == wanted
        found = conditions(plan.status)
        assert ("FallbackReady" in found) is bool(self.spec["fallback"])
        assert found["RolledOut"]["status"] == "True"


Fallbacks.TestCase.settings = settings(max_examples=as_many_as(25), stateful_step_count=25)
TestFallbacks = Fallbacks.TestCase

"""Any history of a first rollout and of lost statuses: what serves is never replaced unseen."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deepseek_operator.observed import has_served, ready_replicas, revision_of
from deepseek_operator.plan import Plan
from deepseek_operator.rollout.revisions import target_key
from tests.examples import as_many_as
from tests.properties.letting_go import going
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.world import World

pytestmark = pytest.mark.campaign(has_short_form=True)

BLOCKS: list[Manifest] = [
    {**CPU_SPEC, "model": name, "source": f"pvc://models/{name}"} for name in ("a", "b", "c")
]

LEFT_UNJUDGED = 99
"""Per cent that what serves keeps: a candidate that nobody judges never gets past its first step."""


class FirstRollouts(RuleBasedStateMachine):
    """A Canary that nobody judges: gateways and engines tell nothing, so nothing may ever be promoted."""

    @initialize(first=st.sampled_from([None, *BLOCKS]), block=st.sampled_from(BLOCKS))
    def create(self, first: Manifest | None, block: Manifest) -> None:
        self.world = World()
        self.generation, self.skips = 0, False
        self.first = first
        self.served: str | None = None
        self.edit(block, replicas=2, skips=False)

    @rule(block=st.sampled_from(BLOCKS), replicas=st.integers(0, 2), skips=st.booleans())
    def edit(self, block: Manifest, replicas: int, *, skips: bool) -> None:
        begins = {"from": {**self.first, "replicas": 3}, "skipInitial": skips} if self.first else {}
        rollout = {"strategy": "Canary", **begins}
        self.spec = {**block, "replicas": replicas, "gateway": {}, "rollout": rollout}
        self.skips = skips
        self.generation += 1

    def deployment(self) -> Any:
        return deepseek(**self.spec, generation=self.generation)

    @rule()
    def one_pass(self) -> None:
        self.world.carry_out(self.world.plan(self.deployment()))
        self.remember()

    @rule(count=st.integers(0, 10))
    def pass_cut_off(self, count: int) -> None:
        self.world.carry_out_part(self.world.plan(self.deployment()), count)
        self.remember()

    def remember(self) -> None:
        self.served = self.world.stored.get("serving", {}).get("revision", self.served)

    @rule(ready=st.integers(0, 3), number=st.integers(0, 3))
    def pods_come_and_go(self, ready: int, number: int) -> None:
        engines = self.world.observed().engines
        if not engines:
            return
        key = revision_of(engines[number % len(engines)])
        engine = self.world.find("Deployment", key)
        conditions = engine.get("status", {}).get("conditions", [])
        self.world.start_pods(key, ready=ready)
        if ready_replicas(engine) >= engine["spec"]["replicas"]:
            conditions = [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]
        # The Deployment controller never takes it back.
        engine["status"]["conditions"] = conditions
        self.forget_what_nothing_tells_of()

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.stored = {}
        self.forget_what_nothing_tells_of()

    def forget_what_nothing_tells_of(self) -> None:
        """Without a status, what served is known by its pods and by its Deployment's condition alone."""
        if self.served is None or "serving" in self.world.stored:
            return
        if not has_served(self.world.observed().engine_set(self.served)):
            self.served = None

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        plan = self.world.plan(self.deployment())
        serving = plan.status.get("serving", {}).get("revision")
        if self.has_nobody() and serving != self.served:
            # There was nothing to compare with.
            assert serving == target_key(self.deployment().spec)
        elif self.served is not None:
            assert serving == self.served, "what served was replaced unseen, or forgotten"
            self.what_serves_keeps_pods_and_users(plan)
        elif serving is None and self.first is not None and not self.skips:
            self.only_the_baseline_is_made(plan)

    def has_nobody(self) -> bool:
        """Whether what serves is to have no pods, as after `replicas: 0`."""
        engine = self.world.observed().engine_set(self.served) if self.served else None
        return engine is not None and engine["spec"]["replicas"] == 0

    def what_serves_keeps_pods_and_users(self, plan: Plan) -> None:
        assert self.served not in going(plan)
        for item in plan.apply:
            if item["kind"] == "ConfigMap":
                routes = json.loads(item["data"]["gateway.json"])["routes"]
                weights = {one["revision"]: one["weight"] for one in routes}
                assert weights[self.served] >= LEFT_UNJUDGED
                assert sum(weights.values()) == 100

    def only_the_baseline_is_made(self, plan: Plan) -> None:
        asked = self.deployment()
        baseline = target_key(asked.asking_for(asked.spec.rollout.from_).spec)
        made = {revision_of(item) for item in plan.apply if item["kind"] == "Deployment"}
        assert made - {None} <= {baseline}


FirstRollouts.TestCase.settings = settings(max_examples=as_many_as(40), stateful_step_count=25)
TestFirstRollouts = FirstRollouts.TestCase

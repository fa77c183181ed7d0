"""Any history of Replaces: never two revisions with pods, none stopped for one that is not there, and always a way on."""

import copy
import json
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deepseek_operator.api import names
from deepseek_operator.observed import Gateway, has_served, ready_replicas, revision_of
from deepseek_operator.plan import Plan
from deepseek_operator.rollout.revisions import target_key
from deepseek_operator.rollout.run import ENDED, Phase
from tests.properties.letting_go import going
from tests.unit.samples import CPU_SPEC, NO_GATEWAY, NOW, Manifest, conditions, deepseek
from tests.unit.world import World

GIVEN: list[Manifest] = [
    {**CPU_SPEC, "model": name, "source": f"pvc://models/{name}"} for name in ("a", "b")
]
FETCHED: Manifest = {**CPU_SPEC, "model": "c", "source": "hf://org/c"}
UNKNOWN: Manifest = {"model": "DeepSeek-V4"}
VERBS = ("promote", "approve", "abort", "retry", "rollback", "nonsense")
ROLLOUT: Manifest = {
    "strategy": "Replace",
    "startTimeout": "10m",
    "drainTimeout": "2m",
    "rollbackWindow": "5m",
}


class Replaces(RuleBasedStateMachine):
    """A user, an operator that is killed, gateways and pods, in any order."""

    @initialize(block=st.sampled_from(GIVEN), plain=st.booleans())
    def create(self, block: Manifest, *, plain: bool) -> None:
        self.world, self.now, self.generation = World(), NOW, 0
        self.gateway = NO_GATEWAY if plain else {}
        self.command: str | None = None
        self.running = 0
        self.replicas: dict[str, int] = {}
        self.complete: set[str] = set()
        self.served: str | None = None
        self.paused, self.itself = False, True
        self.edit(block, 2)

    def deployment(self) -> Any:
        rollout = {**ROLLOUT, "paused": self.paused, "autoPromote": self.itself}
        spec = {**self.block, "gateway": self.gateway, "rollout": rollout}
        made = deepseek(**spec, replicas=self.replicas[self.target], generation=self.generation)
        if self.command:
            made.metadata.annotations[names.COMMAND_ANNOTATION] = self.command
        return made

    @rule(block=st.sampled_from([*GIVEN, FETCHED, UNKNOWN]), replicas=st.integers(1, 3))
    def edit(self, block: Manifest, replicas: int) -> None:
        self.block = block
        self.target = target_key(deepseek(**block).spec)
        self.replicas[self.target] = replicas
        self.generation += 1

    def plan(self) -> Plan:
        return self.world.plan(self.deployment(), now=self.now)

    @rule(count=st.integers(1, 6), seconds=st.sampled_from([2, 30]))
    def passes(self, count: int, seconds: int) -> None:
        for _ in range(count):
            self.now += timedelta(seconds=seconds)
            plan = self.plan()
            self.check_who_is_stopped(plan)
            self.world.carry_out(plan)
            self.gateways_follow()
            self.remember()

    @rule(count=st.integers(0, 10))
    def pass_cut_off(self, count: int) -> None:
        """The operator dies after so many writes."""
        self.world.carry_out_part(self.plan(), count)
        self.remember()

    @rule(minutes=st.sampled_from([1, 15, 40]))
    def time_goes_by(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(running=st.sampled_from([0, 0, 3]))
    def answers_run(self, running: int) -> None:
        self.running = running
        self.gateways_follow()

    @rule()
    def gateways_are_silent(self) -> None:
        self.world.gateways = tuple(
            Gateway(one.pod, is_ready=True, report=None) for one in self.world.gateways
        )

    def gateways_follow(self) -> None:
        found = self.world.observed().config_maps
        if found:
            told = json.loads(found[0]["data"]["gateway.json"])
            active = dict.fromkeys(told["replicas"], self.running)
            report = {"taken": told["version"], "counted": {"requests": [], "active": active}}
            self.world.gateways = (Gateway("g", is_ready=True, report=report),)

    @rule(ready=st.integers(0, 3), number=st.integers(0, 3))
    def pods_come_and_go(self, ready: int, number: int) -> None:
        engines = self.world.observed().engines
        if engines:
            self.start(str(revision_of(engines[number % len(engines)])), ready)

    @rule()
    def all_pods_start(self) -> None:
        for engine in self.world.observed().engines:
            self.start(str(revision_of(engine)), 3)
        gateway = self.world.children.get(("Deployment", "chat-gateway"))
        if gateway is not None:
            gateway["status"] = {"observedGeneration": 99, "replicas": 2, "readyReplicas": 2}

    def start(self, key: str, ready: int) -> None:
        self.world.start_pods(key, ready=ready)
        engine = self.world.find("Deployment", key)
        wanted = engine["spec"]["replicas"]
        if wanted and ready_replicas(engine) >= wanted:
            self.complete.add(key)
        if key in self.complete:
            # The Deployment controller never takes it back.
            told = [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}]
            engine["status"]["conditions"] = told
        self.forget_what_nothing_tells_of()

    @rule(code=st.sampled_from([0, 0, 1]))
    def jobs_end(self, code: int) -> None:
        self.world.end_jobs(code=code)

    @rule(verb=st.sampled_from(VERBS))
    def a_person_commands(self, verb: str) -> None:
        self.command = f"{verb}:{self.world.stored.get('rollout', {}).get('at', '')}"

    @rule(paused=st.booleans(), itself=st.booleans())
    def the_user_pauses(self, paused: bool, itself: bool) -> None:
        self.paused, self.itself = paused, itself

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.stored = {}
        self.forget_what_nothing_tells_of()

    def remember(self) -> None:
        self.served = self.world.stored.get("serving", {}).get("revision", self.served)

    def forget_what_nothing_tells_of(self) -> None:
        """Without a status, what served is known by its pods and by its Deployment's condition alone."""
        known = self.served is not None and has_served(
            self.world.observed().engine_set(self.served)
        )
        if "serving" not in self.world.stored and not known:
            self.served = None

    def check_who_is_stopped(self, plan: Plan) -> None:
        """From here on it gets no requests: all of the next is there that can be, and nobody stops twice."""
        before = self.world.stored.get("rollout", {})
        after = plan.status.get("rollout", {})
        if after.get("phase") != Phase.CLOSING or before.get("phase") == Phase.CLOSING:
            return
        assert after["candidate"] == self.target
        observed = self.world.observed()
        assert observed.revision(self.target) is not None
        if self.block is FETCHED:
            assert any(
                names.COMPLETE_ANNOTATION in one["metadata"].get("annotations", {})
                or _is_complete(self.world)
                for one in observed.claims
            )
        engine = self.world.find("Deployment", after["stable"])
        assert engine["spec"]["replicas"] > 0, "stopped before it was recorded"

    @invariant()
    def never_two_have_pods(self) -> None:
        if not hasattr(self, "world"):
            return
        wanted = [item["spec"]["replicas"] for item in self.world.observed().engines]
        assert sum(1 for count in wanted if count) <= 1

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        plan = self.plan()
        for check in (self.who_serves_is_never_forgotten, self.users_are_sent_to_one_with_pods):
            check(plan)
        found = conditions(plan.status)
        if found["Ready"]["status"] == "True":
            assert any(map(ready_replicas, self.world.observed().engines))

    def who_serves_is_never_forgotten(self, plan: Plan) -> None:
        serving = plan.status.get("serving", {}).get("revision")
        deleted = going(plan)
        if self.served is None:
            return
        assert self.served not in deleted
        run = plan.status.get("rollout", {})
        if serving == self.served:
            return
        assert {serving, self.served} == {run["candidate"], run["stable"]}
        if serving == run["candidate"]:
            ready = ready_replicas(self.world.observed().engine_set(serving))
            assert ready >= (1 if run["reason"] == "PromotedByHand" else self.replicas[serving])

    def users_are_sent_to_one_with_pods(self, plan: Plan) -> None:
        wanted = {
            revision_of(item): item["spec"]["replicas"]
            for item in plan.apply
            if item["kind"] == "Deployment"
        }
        for item in plan.apply:
            if item["kind"] == "ConfigMap":
                told = json.loads(item["data"]["gateway.json"])
                assert bool(told["routes"]) is ("shut" not in told)
                for route in told["routes"]:
                    assert wanted.get(route["revision"], 1) > 0

    @precondition(lambda self: self.served is not None)
    @rule()
    def left_alone_somebody_serves(self) -> None:
        """Pods start, answers end, gateways follow: the run ends, and who serves has all of its pods."""
        alone = copy.deepcopy(self)
        alone.paused, alone.itself, alone.running, alone.command = False, True, 0, None
        for _ in range(40):
            alone.all_pods_start()
            alone.world.end_jobs()
            alone.passes(2, 30)
        status = alone.world.stored
        run = status.get("rollout", {})
        assert not run.get("run") or run["phase"] in ENDED, run
        key = status["serving"]["revision"]
        assert alone.world.find("Deployment", key)["spec"]["replicas"] == alone.replicas[key] > 0
        assert conditions(status)["Ready"]["status"] == "True"
        if key != alone.target and alone.block != UNKNOWN:
            assert conditions(status)["Stalled"]["reason"] == "RolledBack"


def _is_complete(world: World) -> bool:
    return any(kind == "Job" and "status" in item for (kind, _), item in world.shared.items())


Replaces.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestReplaces = Replaces.TestCase

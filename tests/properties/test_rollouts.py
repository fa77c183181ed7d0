"""Any history of edits, crashes and mishaps: what holds at every step of it, and where it ends."""

import copy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deepseek_operator.api import names
from deepseek_operator.kube import drift
from deepseek_operator.observed import ready_replicas, revision_of
from deepseek_operator.plan import Plan
from tests.examples import as_many_as
from tests.properties.letting_go import going
from tests.unit.samples import CPU_SPEC, LATER, Manifest, conditions, deepseek
from tests.unit.world import World

pytestmark = pytest.mark.campaign(has_short_form=True)

SERVABLE: list[Manifest] = [
    CPU_SPEC,
    {**CPU_SPEC, "source": "pvc://models/better"},
    {"model": "DeepSeek-V3"},
    {"model": "DeepSeek-R1-Distill-Qwen-7B"},
    {"model": "DeepSeek-R1-Distill-Qwen-7B", "source": "s3://bucket/m"},
]
NOT_SERVABLE: list[Manifest] = [
    {"model": "DeepSeek-V4"},
    {"model": "m", "source": "ftp://host/m"},
]


class Rollouts(RuleBasedStateMachine):
    """One object: the user edits it, passes run or are cut off, pods come and go, things break."""

    @initialize(spec=st.sampled_from(SERVABLE), replicas=st.integers(0, 3))
    def create(self, spec: Manifest, replicas: int) -> None:
        self.world = World()
        self.spec = {**spec, "replicas": replicas}
        self.generation = 1
        self.unreadable = False

    def deployment(self) -> Any:
        return deepseek(**self.spec, generation=self.generation)

    @rule(spec=st.sampled_from(SERVABLE + NOT_SERVABLE), replicas=st.integers(0, 3))
    def edit(self, spec: Manifest, replicas: int) -> None:
        self.spec = {**spec, "replicas": replicas}
        self.generation += 1

    @rule()
    def one_pass(self) -> None:
        plan = self.world.plan(self.deployment())
        served_before = self._routed_ready()
        self.world.carry_out(plan)
        wanted_none = not served_before or self._wants_nobody(plan)
        assert wanted_none or self._routed_ready(), "a pass took the users' pods away"

    @rule(count=st.integers(0, 6))
    def pass_cut_off(self, count: int) -> None:
        """The operator dies after so many writes of a pass."""
        self.world.carry_out_part(self.world.plan(self.deployment()), count)

    @rule(ready=st.integers(0, 3), number=st.integers(0, 3))
    def pods_come_and_go(self, ready: int, number: int) -> None:
        deployments = self.world.observed().deployments
        if deployments:
            self.world.start_pods(revision_of(deployments[number % len(deployments)]), ready=ready)

    @rule(code=st.sampled_from([0, 1, 2]))
    def jobs_end(self, code: int) -> None:
        self.world.end_jobs(code=code)

    @rule()
    def the_weights_are_deleted(self) -> None:
        self.world.shared = {}

    @rule(number=st.integers(0, 20))
    def somebody_deletes_a_child(self, number: int) -> None:
        places = sorted(self.world.children)
        if places:
            del self.world.children[places[number % len(places)]]

    @rule(number=st.integers(0, 20))
    def somebody_edits_a_child(self, number: int) -> None:
        places = sorted(self.world.children)
        if places:
            child = self.world.children[places[number % len(places)]]
            if child["kind"] == "Deployment":
                child["spec"]["replicas"] += 1
            if child["kind"] == "Service":
                child["spec"]["selector"] = {"app": "other"}
            child["metadata"]["labels"]["app.kubernetes.io/name"] = "other"

    @rule()
    def the_status_is_lost(self) -> None:
        self.world.stored = {}

    @rule(number=st.integers(0, 3))
    def an_older_operator_takes_over(self, number: int) -> None:
        """A revision was frozen in a format of a newer operator."""
        revisions = self.world.observed().revisions
        if revisions:
            name = revisions[number % len(revisions)]["metadata"]["name"]
            self.world.children["ControllerRevision", name]["data"]["format"] = 99
            self.unreadable = True

    @invariant()
    def what_must_always_hold(self) -> None:
        if not hasattr(self, "world"):
            return
        plan = self.world.plan(self.deployment())
        assert plan == copy.deepcopy(self.world).plan(self.deployment())
        for check in (
            self.what_serves_is_never_deleted,
            self.users_are_sent_only_to_a_revision_with_pods,
            self.a_new_revision_serves_only_at_full_strength,
            self.status_never_claims_more_than_there_is,
            self.no_pod_starts_before_its_weights_are_there,
            self.no_name_is_wanted_twice,
        ):
            check(plan)

    def what_serves_is_never_deleted(self, plan: Plan) -> None:
        serving = self.world.stored.get("serving", {}).get("revision")
        if serving is not None:
            assert serving not in going(plan)
            assert ("Service", "chat") not in _places(plan.delete)

    def users_are_sent_only_to_a_revision_with_pods(self, plan: Plan) -> None:
        applied = {(item["kind"], revision_of(item)) for item in plan.apply}
        for item in plan.apply:
            if (item["kind"], revision_of(item)) == ("Service", None):
                key = item["spec"]["selector"][names.REVISION_LABEL]
                serving = self.world.stored.get("serving", {}).get("revision")
                starting = ("ControllerRevision", key) in applied and serving in (None, key)
                assert starting or self.world.observed().engine_set(key)

    def a_new_revision_serves_only_at_full_strength(self, plan: Plan) -> None:
        before = self.world.stored.get("serving", {}).get("revision")
        after = plan.status.get("serving", {}).get("revision")
        if before is not None and after != before:
            deployment = self.world.observed().engine_set(after)
            assert plan.records
            assert ready_replicas(deployment) >= self.spec["replicas"]

    def status_never_claims_more_than_there_is(self, plan: Plan) -> None:
        observed = self.world.observed()
        for entry in filter(None, (plan.status.get("serving"), plan.status.get("desired"))):
            ready = ready_replicas(observed.engine_set(entry["revision"]))
            assert entry["readyReplicas"] <= ready
        found = conditions(plan.status)
        if found["Ready"]["status"] == "True":
            assert any(map(ready_replicas, observed.deployments))
        assert not (
            found["Stalled"]["status"] == "True" and found["Reconciling"]["status"] == "True"
        )

    def no_pod_starts_before_its_weights_are_there(self, plan: Plan) -> None:
        observed = self.world.observed()
        for item in plan.apply:
            if item["kind"] == "Deployment" and observed.engine_set(str(revision_of(item))) is None:
                [claim] = [
                    volume["persistentVolumeClaim"]["claimName"]
                    for volume in item["spec"]["template"]["spec"]["volumes"]
                    if volume["name"] == "weights"
                ]
                filled = observed.job(claim) or observed.claim(claim)
                assert claim == "models" or filled

    def no_name_is_wanted_twice(self, plan: Plan) -> None:
        wanted = [*_places(plan.apply), *_places(plan.delete)]
        assert len(set(wanted)) == len(wanted)

    @precondition(lambda self: not self.unreadable)
    @rule()
    def left_alone_it_comes_to_rest(self) -> None:
        world = copy.deepcopy(self.world)

        plan = world.settle(self.deployment(), now=LATER)

        for item in map(drift.with_digest, plan.apply):
            present = world.children[item["kind"], item["metadata"]["name"]]
            assert not drift.differs(present, item)
        found = conditions(plan.status)
        servable = any(self.spec["model"] == spec["model"] for spec in SERVABLE)
        assert servable is (found["Stalled"]["status"] == "False")
        if servable:
            assert plan.status["serving"] == plan.status["desired"]
            assert (self.spec["replicas"] > 0) is (found["Ready"]["status"] == "True")

    def _routed_ready(self) -> int:
        observed = self.world.observed()
        key = observed.client_service_revision("chat")
        return 0 if key is None else ready_replicas(observed.engine_set(key))

    def _wants_nobody(self, plan: Plan) -> bool:
        return not plan.status.get("serving", {}).get("replicas")


def _places(manifests: tuple[Manifest, ...]) -> list[tuple[str, str]]:
    return [(item["kind"], item["metadata"]["name"]) for item in manifests]


Rollouts.TestCase.settings = settings(max_examples=as_many_as(60), stateful_step_count=25)
TestRollouts = Rollouts.TestCase

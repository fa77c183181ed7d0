"""Who stands in for the serving revision, through whole passes: entries that come, change, fail and go."""

import json
from typing import Any

import pytest

from deepseek_operator.api.status import DeepSeekDeploymentStatus
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.observed import revision_of
from deepseek_operator.plan import Plan
from deepseek_operator.report import events_of_change
from deepseek_operator.rollout.revisions import target_key
from tests.unit.samples import CPU_SPEC, NOW, Manifest, conditions, deepseek
from tests.unit.world import World

R1: Manifest = {**CPU_SPEC, "model": "r1", "source": "pvc://models/r1"}
SMALL: Manifest = {**CPU_SPEC, "model": "small", "source": "pvc://models/small"}
OTHER: Manifest = {**CPU_SPEC, "model": "other", "source": "pvc://models/other"}
V3: Manifest = {**CPU_SPEC, "model": "v3", "source": "pvc://models/v3", "gateway": {}}


def served_with(*fallback: Manifest, **spec: Any) -> DeepSeekDeployment:
    return deepseek(**{**V3, "fallback": list(fallback), **spec})


def key(block: Manifest, **spec: Any) -> str:
    return target_key(deepseek(**{**block, **spec}).spec)


class Service(World):
    """A world whose gateways do what they are told, whose pods start but for those that cannot."""

    def one_pass(self, deployment: DeepSeekDeployment, *, stuck: tuple[str, ...] = ()) -> Plan:
        for child in list(self.children.values()):
            revision = revision_of(child)
            if child["kind"] == "Deployment":
                self.start_pods(revision, ready=0 if revision in stuck else None)
        if any(kind == "ConfigMap" for kind, _ in self.children):
            self.follow()
        plan = self.plan(deployment)
        self.carry_out(plan)
        return plan

    def passes(
        self, deployment: DeepSeekDeployment, *, stuck: tuple[str, ...] = (), count: int = 6
    ) -> Manifest:
        for _ in range(count):
            self.one_pass(deployment, stuck=stuck)
        return self.stored

    @property
    def document(self) -> Manifest:
        found: Manifest = json.loads(self.find("ConfigMap")["data"]["gateway.json"])
        return found

    def chain(self, revision: str) -> list[str]:
        """Who answers in place of a revision, as gateways are told."""
        [route] = [one for one in self.document["routes"] if one["revision"] == revision]
        return list(route.get("then", []))

    @property
    def replicas(self) -> dict[str, int]:
        """Pods that there are to be, by revision."""
        return {
            str(revision_of(child)): child["spec"]["replicas"]
            for (kind, name), child in self.children.items()
            if kind == "Deployment" and name != "chat-gateway"
        }


def test_each_entry_is_a_revision_of_its_own_with_all_that_belongs_to_one() -> None:
    service = Service()
    deployment = served_with({**R1, "replicas": 2}, SMALL)

    status = service.passes(deployment)

    assert service.replicas == {key(V3): 1, key(R1): 2, key(SMALL): 1}
    for revision in (key(R1), key(SMALL)):
        for kind in ("ControllerRevision", "Deployment", "Service"):
            assert service.find(kind, revision)
    assert ("PodDisruptionBudget", f"chat-{key(R1)}") in service.children
    assert service.chain(key(V3)) == [key(R1), key(SMALL)]
    assert "fallbackOn" not in service.document
    assert service.document["replicas"] == {key(V3): 1, key(R1): 2, key(SMALL): 1}
    assert [(one["model"], one["reason"], one["readyReplicas"]) for one in status["fallback"]] == [
        ("r1", "StandingBy", 2),
        ("small", "StandingBy", 1),
    ]
    found = conditions(status)
    assert (found["FallbackReady"]["status"], found["Reconciling"]["status"]) == ("True", "False")
    assert service.writes(service.plan(deployment)) == []


def test_an_engine_that_stands_in_answers_to_the_name_that_clients_send() -> None:
    service = Service()
    service.passes(served_with(R1, servedName="best"))

    [engine] = service.find("Deployment", key(R1))["spec"]["template"]["spec"]["containers"]

    assert "--served-model-name=best" in engine["args"]


def test_of_the_spec_an_entry_takes_over_the_cache_and_what_the_cluster_asks_for() -> None:
    pod: Manifest = {
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "engines",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "nodeSelector": {"zone": "a"},
    }
    spec: Manifest = {
        "model": "DeepSeek-V3",
        "gateway": {},
        "accelerator": {"count": 8},
        "engine": {"args": ["--seed=7"]},
        "batching": {"maxConcurrentSequences": 8},
        "cache": {"storageClassName": "fast"},
        "pod": pod,
    }
    own = {"model": "DeepSeek-R1-Distill-Qwen-7B", "pod": {"tolerations": []}, "cache": {}}
    bare = deepseek(**spec, fallback=[{"model": "DeepSeek-R1-Distill-Qwen-7B"}, own])

    taken, kept = (bare.asking_for(entry).spec for entry in bare.spec.fallback)

    assert taken.cache.storage_class_name == "fast"
    assert taken.pod.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True) == {
        name: pod[name] for name in ("imagePullSecrets", "serviceAccountName", "tolerations")
    }
    assert (taken.accelerator.count, taken.engine.args) == (None, [])
    assert taken.batching.max_concurrent_sequences is None
    assert kept.cache.storage_class_name is None
    assert (kept.pod.tolerations, kept.pod.service_account_name) == ([], "engines")


def test_an_entry_is_fetched_and_keeps_no_accelerator_before() -> None:
    deployment = served_with({"model": "DeepSeek-R1-Distill-Qwen-7B", "cache": {"size": "20Gi"}})
    service = Service()

    status = service.passes(deployment)

    [entry] = status["fallback"]
    assert list(service.replicas) == [key(V3)]
    assert entry["reason"] in ("WeightsWaiting", "WeightsFetching", "WeightsSizing")
    assert conditions(status)["Ready"]["reason"] == "Serving"
    [claim] = [item for (kind, _), item in service.shared.items() if "VolumeClaim" in kind]
    assert claim["spec"]["resources"]["requests"]["storage"] == "20Gi"
    service.end_jobs()

    status = service.passes(deployment)

    assert conditions(status)["FallbackReady"]["status"] == "True"


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (["Timeout"], ["Timeout"]),
        (["Timeout", "Unavailable"], ["Unavailable", "Timeout"]),
        (["Overloaded", "Unavailable", "Timeout"], None),
        (None, None),
    ],
)
def test_gateways_are_told_why_they_may_ask_it(
    when: list[str] | None, told: list[str] | None
) -> None:
    service = Service()
    service.passes(served_with({**R1, **({"when": when} if when else {})}))

    assert service.document.get("fallbackOn") == told


def test_a_changed_entry_is_warm_before_the_old_one_goes() -> None:
    service = Service()
    service.passes(served_with(R1, SMALL))
    changed = served_with(OTHER, SMALL, generation=2)

    status = service.passes(changed, stuck=(key(OTHER),))

    assert service.chain(key(V3)) == [key(R1), key(OTHER), key(SMALL)]
    assert service.replicas == {key(V3): 1, key(R1): 1, key(OTHER): 1, key(SMALL): 1}
    assert status["fallback"][0]["reason"] == "Replaced"
    found = conditions(status)
    assert (found["FallbackReady"]["status"], found["Reconciling"]["status"]) == ("False", "True")
    assert found["RolledOut"]["status"] == "True"

    status = service.passes(changed)

    assert service.chain(key(V3)) == [key(OTHER), key(SMALL)]
    assert service.replicas == {key(V3): 1, key(OTHER): 1, key(SMALL): 1}
    assert [one["model"] for one in status["fallback"]] == ["other", "small"]
    assert "rollout" not in status


@pytest.mark.parametrize("comes", ["never", "late"])
def test_an_entry_that_is_edited_again_and_again_leaves_one_that_serves_behind(comes: str) -> None:
    service = Service()
    service.passes(served_with(R1))
    edits = [{**OTHER, "source": f"pvc://models/{number}"} for number in range(20)]

    for number, edit in enumerate(edits, start=2):
        stuck = edits if comes == "never" else [edit]
        changed = served_with(edit, generation=number)
        status = service.passes(changed, stuck=tuple(map(key, stuck)), count=3)

        DeepSeekDeploymentStatus.model_validate(status)
        assert set(service.replicas) == {key(V3), key(R1), key(edit)}
        assert service.chain(key(V3)) == [key(R1), key(edit)]


def test_an_entry_that_never_served_goes_when_it_is_edited() -> None:
    service = Service()
    service.passes(served_with(R1), stuck=(key(R1),))

    service.passes(served_with(OTHER, generation=2), stuck=(key(R1), key(OTHER)))

    assert set(service.replicas) == {key(V3), key(OTHER)}


def test_who_stood_in_stays_though_its_pods_are_away_as_its_entry_changes() -> None:
    service = Service()
    service.passes(served_with(R1))
    told = {"type": "Progressing", "reason": "NewReplicaSetAvailable"}
    service.start_pods(key(R1), ready=0)
    service.find("Deployment", key(R1))["status"]["conditions"] = [told]

    service.carry_out(service.plan(served_with(OTHER, generation=2)))

    assert service.chain(key(V3)) == [key(R1), key(OTHER)]


def test_the_old_one_stays_until_every_gateway_has_left_it() -> None:
    service = Service()
    service.passes(served_with(R1))
    changed = served_with(OTHER, generation=2)
    service.one_pass(changed)
    service.start_pods()

    plan = service.plan(changed)

    assert key(R1) not in str([item for item in plan.apply if item["kind"] == "ConfigMap"])
    assert plan.delete == ()


def test_people_are_told_when_it_is_there_and_when_it_is_not() -> None:
    service = Service()
    deployment = served_with(R1)
    service.one_pass(deployment, stuck=(key(R1),))
    before = service.passes(deployment, stuck=(key(R1),))

    after = service.passes(deployment)

    events = events_of_change(deployment.metadata, before, after, now=NOW)
    said = [(one["type"], one["message"]) for one in events if "FallbackReady" in one["message"]]
    assert said == [("Normal", "FallbackReady=True: in this order: r1")]
    lost = events_of_change(deployment.metadata, after, before, now=NOW)
    assert ("Warning", "FallbackStarting") in [(one["type"], one["reason"]) for one in lost]


def test_an_entry_that_is_removed_goes_at_once_even_if_another_never_comes() -> None:
    service = Service()
    service.passes(served_with(R1, SMALL), stuck=(key(R1),))

    service.passes(served_with(R1, generation=2), stuck=(key(R1),))

    assert service.chain(key(V3)) == [key(R1)]
    assert key(SMALL) not in service.replicas


def test_without_an_entry_nothing_is_left_of_it() -> None:
    service = Service()
    service.passes(served_with(R1))

    status = service.passes(deepseek(**V3, generation=2))

    assert service.replicas == {key(V3): 1}
    assert service.chain(key(V3)) == []
    assert "fallback" not in status
    assert "FallbackReady" not in conditions(status)


UNKNOWN: Manifest = {"model": "DeepSeek-V4"}


def test_an_entry_that_cannot_be_resolved_disturbs_nobody_and_says_why() -> None:
    service = Service()

    status = service.passes(served_with(UNKNOWN, SMALL))

    assert service.chain(key(V3)) == [key(SMALL)]
    found = conditions(status)
    assert (found["Ready"]["status"], found["RolledOut"]["status"]) == ("True", "True")
    assert "; fallback DeepSeek-V4: spec.fallback[0].model" in found["Ready"]["message"]
    assert (found["FallbackReady"]["status"], found["FallbackReady"]["reason"]) == (
        "False",
        "UnknownModel",
    )
    assert (found["Stalled"]["status"], found["Reconciling"]["status"]) == ("True", "False")
    assert [one["reason"] for one in status["fallback"]] == ["UnknownModel", "StandingBy"]


def test_a_bad_entry_leaves_the_one_before_it_where_it_is() -> None:
    service = Service()
    service.passes(served_with(R1))

    service.passes(served_with(UNKNOWN, generation=2))

    assert service.chain(key(V3)) == [key(R1)]
    assert service.replicas == {key(V3): 1, key(R1): 1}


def test_a_bad_entry_stops_no_rollout() -> None:
    service = Service()
    service.passes(served_with(UNKNOWN))
    new = served_with(UNKNOWN, source="pvc://models/better", generation=2)

    status = service.passes(new, stuck=(target_key(new.spec),))

    assert conditions(status)["RolledOut"]["reason"] == "CandidateStarting"
    assert conditions(status)["Stalled"]["status"] == "False"
    assert service.passes(new)["serving"]["revision"] == target_key(new.spec)


def test_pods_of_an_entry_that_cannot_be_read_are_left_as_they_run() -> None:
    service = Service()
    service.passes(served_with(R1))
    service.find("ControllerRevision", key(R1))["data"]["format"] = 99

    status = service.passes(served_with(R1))

    assert service.chain(key(V3)) == [key(R1)]
    assert service.replicas == {key(V3): 1, key(R1): 1}
    assert status["fallback"][0]["reason"] == "UnreadableRevision"


def test_users_are_served_while_a_fallback_answers() -> None:
    service = Service()
    service.passes(served_with(R1))

    status = service.passes(served_with(R1), stuck=(key(V3),))

    ready = conditions(status)["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "FallbackServing")
    assert ready["message"].startswith("r1 answers in place of v3")


def test_users_are_served_by_a_fallback_before_the_first_revision_has_started() -> None:
    service = Service()

    status = service.passes(served_with(R1), stuck=(key(V3),))

    assert conditions(status)["Ready"]["reason"] == "FallbackServing"
    assert "serving" not in status
    assert service.passes(served_with(R1))["serving"]["model"] == "v3"


def test_users_are_not_said_to_be_served_by_one_that_may_not_be_asked() -> None:
    service = Service()
    deployment = served_with({**R1, "when": ["Overloaded"]})
    service.passes(deployment)

    status = service.passes(deployment, stuck=(key(V3),))

    assert conditions(status)["Ready"]["status"] == "False"


@pytest.mark.parametrize(
    ("fallback", "chain", "reasons"),
    [
        pytest.param([V3, R1], ["r1"], ["SameRevision", "StandingBy"], id="what-the-spec-asks-for"),
        pytest.param([R1, R1], ["r1"], ["StandingBy", "SameRevision"], id="the-same-twice"),
        pytest.param([V3], [], ["SameRevision"], id="nobody-but-itself"),
    ],
)
def test_no_revision_stands_in_for_itself_or_twice(
    fallback: list[Manifest], chain: list[str], reasons: list[str]
) -> None:
    service = Service()
    entries = [{name: one[name] for name in one if name != "gateway"} for one in fallback]

    status = service.passes(served_with(*entries))

    assert service.chain(key(V3)) == [key({"r1": R1}[name]) for name in chain]
    assert service.replicas[key(V3)] == 1
    assert [one["reason"] for one in status["fallback"]] == reasons
    assert conditions(status)["FallbackReady"]["reason"] == "SameRevision"
    assert conditions(status)["Stalled"]["status"] == "False"


def test_what_served_before_becomes_the_fallback_with_the_pods_that_it_has() -> None:
    """Distilled x3 serves; then V3, with the distilled model to fall back to."""
    service = Service()
    service.passes(deepseek(**{**R1, "gateway": {}, "replicas": 3}))
    uid = service.find("Deployment", key(R1))
    moved = served_with(R1, generation=2)

    status = service.passes(moved, stuck=(key(V3),))

    assert service.replicas == {key(R1): 3, key(V3): 1}
    # It serves, so it stands in for nobody; and what is on its way stands in for nobody either.
    assert service.chain(key(R1)) == []
    assert status["serving"]["model"] == "r1"

    status = service.passes(moved)

    assert service.chain(key(V3)) == [key(R1)]
    assert service.replicas == {key(R1): 1, key(V3): 1}
    assert (
        service.find("Deployment", key(R1))["spec"]["template"]["spec"]
        == (uid["spec"]["template"]["spec"])
    )
    assert status["serving"]["model"] == "v3"


def test_a_fallback_that_is_to_serve_is_asked_no_more_and_keeps_its_pods() -> None:
    service = Service()
    service.passes(served_with(R1, SMALL))
    promoted = deepseek(
        **{**R1, "gateway": {}, "replicas": 2, "fallback": [R1, SMALL]}, generation=2
    )

    service.passes(promoted, stuck=(key(R1),))

    assert service.chain(key(V3)) == [key(SMALL)]
    assert service.replicas == {key(V3): 1, key(R1): 2, key(SMALL): 1}
    service.passes(promoted)
    assert service.chain(key(R1)) == [key(SMALL)]


def test_nobody_stands_in_where_nobody_is_to_be_served() -> None:
    service = Service()
    service.passes(served_with(R1))

    status = service.passes(served_with(R1, replicas=0, generation=2))

    assert service.replicas == {key(V3): 0}
    assert service.chain(key(V3)) == []
    assert conditions(status)["FallbackReady"]["reason"] == "ScaledToZero"
    assert conditions(status)["Stalled"]["status"] == "False"


def test_without_a_gateway_there_is_no_fallback() -> None:
    """The API server refuses such a spec; one from before the rule is served without."""
    world = World()

    status = world.settle(
        deepseek(**{**V3, "gateway": {"provider": "None"}, "fallback": [R1]})
    ).status

    assert "fallback" not in status
    assert len(world.observed().deployments) == 1

"""Nodes that nobody has heard of for a while, as after an outage of the API server: no candidate is lost for that."""

from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator.observed import is_unheard, revision_of
from tests.unit.samples import NOW, Manifest, deepseek
from tests.unit.test_canary import NEW, OLD, Service
from tests.unit.test_fallbacks import key

GATE = "serving.deepseek.dev/warm"


def pod(name: str, revision: str, *, since: str, **conditions: str) -> Manifest:
    """One that its kubelet calls ready and its node's controller does not, but for what `conditions` say."""
    said = {"Ready": "False", "ContainersReady": "True", GATE: "True", **conditions}
    listed = [{"type": kind, "status": status} for kind, status in said.items()]
    [ready] = [one for one in listed if one["type"] == "Ready"]
    ready["lastTransitionTime"] = since
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {
                "serving.deepseek.dev/deployment": "chat",
                "serving.deepseek.dev/revision": revision,
            },
        },
        "spec": {"readinessGates": [{"conditionType": GATE}]},
        "status": {"conditions": listed},
    }


def said_at(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_a_pod_that_only_its_node_controller_calls_unready_is_unheard() -> None:
    since = said_at(NOW - timedelta(seconds=5))

    assert is_unheard(pod("one", "a", since=since), now=NOW)


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"Ready": "True"}, id="ready"),
        pytest.param({"ContainersReady": "False"}, id="a-container-is-not-ready"),
        pytest.param({GATE: "False"}, id="cold"),
    ],
)
def test_what_a_kubelet_or_a_gate_says_is_so(conditions: dict[str, str]) -> None:
    since = said_at(NOW - timedelta(seconds=5))

    assert not is_unheard(pod("one", "a", since=since, **conditions), now=NOW)


def test_after_a_minute_its_node_is_gone() -> None:
    since = said_at(NOW - timedelta(minutes=1))

    assert not is_unheard(pod("one", "a", since=since), now=NOW)


def test_a_pod_on_its_way_out_is_no_more() -> None:
    leaving = pod("one", "a", since=said_at(NOW))
    leaving["metadata"]["deletionTimestamp"] = said_at(NOW)

    assert not is_unheard(leaving, now=NOW)


class Unheard(Service):
    """A service whose pods are called unready at times, all at once."""

    away: bool = False

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        super().start_pods(key, ready=0 if self.away else ready)
        self.pods = []
        for child in self.children.values():
            revision = revision_of(child)
            if self.away and child["kind"] == "Deployment" and revision is not None:
                self.pods += [
                    # Without the gate: what becomes of it is another test's.
                    {**pod(f"{revision}-{number}", revision, since=said_at(self.now)), "spec": {}}
                    for number in range(child["spec"]["replicas"])
                ]


@pytest.mark.parametrize("phase", ["Shifting", "Analyzing", "Watching"])
def test_a_candidate_whose_node_was_not_heard_of_is_not_lost(phase: str) -> None:
    service = Unheard()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    new = deepseek(**NEW, generation=2)
    service.until(new, phase)
    weights = service.weights
    service.away = True

    for _ in range(2):
        run = service.one_pass(new)["rollout"]

        assert (run["reason"], service.weights) != ("CandidateLost", {key(OLD): 100})
        assert service.weights == weights
    service.away = False
    service.until(new, "Succeeded")
    assert service.weights == {key(NEW): 100}

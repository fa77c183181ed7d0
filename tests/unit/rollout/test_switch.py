"""Which revision serves, and when the next one takes over."""

from typing import Any

import pytest

from deepseek_operator.observed import Observed
from deepseek_operator.rollout import switch
from deepseek_operator.rollout.switch import Roles
from tests.unit.samples import Manifest

LABEL = "serving.deepseek.dev/revision"


def deployment(key: str, *, ready: int, replicas: int = 2, seen: int = 1) -> Manifest:
    return {
        "metadata": {"labels": {LABEL: key}, "generation": 1},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": seen, "readyReplicas": ready},
    }


def service(name: str, key: str | None) -> Manifest:
    selector = {} if key is None else {"selector": {LABEL: key}}
    return {"metadata": {"name": name}, "spec": selector}


def roles(*deployments: Manifest, services: tuple[Manifest, ...] = (), **given: Any) -> Roles:
    asked: dict[str, Any] = {
        "target": "new",
        "target_replicas": 2,
        "target_can_start": True,
        "stored_serving": None,
        "stored_replicas": 0,
        **given,
    }
    observed = Observed(deployments=deployments, services=services)
    return switch.decide_roles(observed=observed, service_name="chat", **asked)


OLD: dict[str, Any] = {"stored_serving": "old", "stored_replicas": 3}


@pytest.mark.parametrize(
    ("ready", "given", "takes_over"),
    [
        pytest.param(0, {}, False, id="first-not-ready"),
        pytest.param(1, {}, True, id="first-with-one-ready-pod"),
        pytest.param(0, {"target_replicas": 0}, True, id="first-of-no-replicas"),
        pytest.param(1, OLD, False, id="next-with-one-of-two"),
        pytest.param(2, OLD, True, id="next-at-full-strength"),
        pytest.param(2, {**OLD, "target_can_start": False}, False, id="next-that-cannot-start"),
        pytest.param(2, {"stored_serving": "new"}, False, id="serves-already"),
    ],
)
def test_a_revision_takes_over_once_it_can_carry_the_users(
    ready: int, given: dict[str, Any], *, takes_over: bool
) -> None:
    assert takes_over is roles(deployment("new", ready=ready), **given).takes_over


def test_a_revision_without_a_deployment_never_takes_over() -> None:
    assert roles(target_replicas=0).takes_over is False
    assert roles(target_replicas=0, **OLD).takes_over is False


def test_a_status_of_an_older_generation_is_no_strength() -> None:
    assert roles(deployment("new", ready=2, seen=0), **OLD).takes_over is False


def test_the_serving_revision_keeps_its_pods_and_the_traffic_until_then() -> None:
    found = roles(deployment("new", ready=1), deployment("old", ready=3), **OLD)

    assert found.replicas == {"old": 3, "new": 2}
    assert found.kept == ("old", "new")
    assert found.routed == "old"


def test_the_first_revision_gets_the_traffic_at_once() -> None:
    assert roles().routed == "new"
    assert roles().replicas == {"new": 2}


def test_the_count_of_a_serving_revision_follows_the_spec() -> None:
    assert roles(stored_serving="new", stored_replicas=5).replicas == {"new": 2}


def test_nothing_of_a_spec_that_cannot_be_served_is_made() -> None:
    assert roles(target_can_start=False).replicas == {}
    assert roles(target_can_start=False, **OLD).replicas == {"old": 3}


def test_a_serving_revision_that_cannot_be_read_keeps_its_count() -> None:
    found = roles(target_can_start=False, stored_serving="new", stored_replicas=5)

    assert found.replicas == {"new": 5}


@pytest.mark.parametrize(
    ("services", "ready", "serving"),
    [
        pytest.param((service("chat", "old"),), 1, "old", id="the-clients-service-tells"),
        pytest.param((service("chat", "old"),), 0, None, id="nobody-was-served"),
        pytest.param((service("chat", None),), 1, "old", id="a-service-without-selector"),
        pytest.param((service("other", "old"),), 0, None, id="another-service"),
        pytest.param((), 1, "old", id="ready-pods-tell"),
        pytest.param((), 0, None, id="nothing-tells"),
    ],
)
def test_a_lost_status_is_read_off_the_cluster(
    services: tuple[Manifest, ...], ready: int, serving: str | None
) -> None:
    found = roles(deployment("old", ready=ready, replicas=4), services=services)

    assert serving == found.serving
    assert found.replicas.get("old") == (4 if serving else None)


def test_a_serving_revision_whose_deployment_is_gone_comes_back_with_one_pod() -> None:
    assert roles(stored_serving="old").replicas == {"old": 1, "new": 2}


def once_complete(key: str) -> Manifest:
    """A Deployment all of whose pods were ready at some time, and none is now."""
    found = deployment(key, ready=0)
    found["status"]["conditions"] = [
        {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    return found


def revision(key: str, number: int) -> Manifest:
    return {"metadata": {"labels": {LABEL: key}}, "revision": number}


@pytest.mark.parametrize(
    ("present", "routed", "serving"),
    [
        pytest.param([deployment("old", ready=1)], "old", "old", id="gateways-tell"),
        pytest.param([deployment("new", ready=1)], "new", "new", id="it-was-promoted"),
        pytest.param([once_complete("old")], "old", "old", id="its-pods-are-gone-just-now"),
        pytest.param([deployment("old", ready=0)], "old", None, id="it-never-served"),
        pytest.param([], "old", None, id="nothing-of-it-is-left"),
        pytest.param(
            [deployment("old", ready=0), deployment("new", ready=2)], "old", None, id="only-target"
        ),
        pytest.param(
            [deployment("old", ready=1), deployment("new", ready=2)], None, "old", id="not-target"
        ),
        pytest.param(
            [deployment("older", ready=1), deployment("old", ready=1)], None, "old", id="the-newest"
        ),
        pytest.param([deployment("standby", ready=1)], None, None, id="whoever-stands-in"),
        pytest.param(
            [deployment("standby", ready=1)], "standby", "standby", id="unless-it-serves-too"
        ),
    ],
)
def test_without_a_status_what_there_is_tells_who_serves(
    present: list[Manifest], routed: str | None, serving: str | None
) -> None:
    observed = Observed(
        deployments=tuple(present), revisions=(revision("old", 2), revision("older", 1))
    )

    found = switch.recovered(
        observed, (routed, None), target="new", standing=frozenset({"standby"})
    )

    assert found == serving


def test_no_revision_takes_over_here_where_evidence_decides() -> None:
    both = (deployment("new", ready=2), deployment("old", ready=3))

    assert roles(*both, **OLD).takes_over
    assert not roles(*both, **OLD, by_evidence=True).takes_over
    assert not roles(*both, routed="old", by_evidence=True).takes_over
    assert roles(deployment("new", ready=1), by_evidence=True).takes_over


BEFORE = switch.First("before", 3)


@pytest.mark.parametrize(
    ("ready", "takes_over"), [pytest.param(0, False, id="not"), pytest.param(1, True, id="one-pod")]
)
def test_the_first_rollout_begins_with_what_it_is_asked_to(ready: int, *, takes_over: bool) -> None:
    found = roles(deployment("before", ready=ready, replicas=3), first=BEFORE)

    # Once it has a ready pod it is found to serve, whatever was recorded.
    assert (found.first is None) is takes_over
    assert found.routed == "before"
    assert found.serving == ("before" if takes_over else None)
    assert found.replicas == ({"before": 3, "new": 2} if takes_over else {"before": 3})


def test_what_the_first_rollout_began_with_is_over_once_somebody_serves() -> None:
    assert roles(first=BEFORE, **OLD).first is None
    assert roles(deployment("new", ready=0), first=BEFORE, routed="new").first == "before"
    promoted = roles(once_complete("new"), first=BEFORE, routed="new")
    assert (promoted.first, promoted.serving) == (None, "new")

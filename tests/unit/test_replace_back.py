"""The way back of a Replace: whatever becomes of the new revision, of the spec or of the status, somebody serves again."""

import copy

import pytest

from tests.unit.samples import NO_GATEWAY, Manifest, conditions, deepseek
from tests.unit.test_baseline import passes
from tests.unit.test_canary import commanded
from tests.unit.test_fallbacks import key
from tests.unit.test_replace import FORWARD, NEW, OLD, Replacing, wanting


@pytest.fixture
def service() -> Replacing:
    """The old revision serves."""
    return Replacing().served(OLD)


def test_a_new_revision_that_does_not_start_makes_way_for_the_old_one(service: Replacing) -> None:
    old, new = key(OLD), key(NEW)
    service.broken = frozenset({new})
    wanted = wanting(startTimeout="1m")

    service.until(wanted, "Returning")
    assert service.replicas == {old: 8, new: 0}
    assert service.weights == {old: 100}
    service.until(wanted, "RolledBack")
    for _ in range(5):
        service.one_pass(wanted)

    found = conditions(service.stored)
    assert service.replicas == {old: 8}
    assert service.stored["rollout"]["reason"] == "CandidateNotReady"
    assert found["Ready"]["status"] == "True"
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == ("False", "RolledBack")
    assert (found["Stalled"]["status"], found["Stalled"]["reason"]) == ("True", "RolledBack")
    assert service.stored["serving"]["revision"] == old
    assert service.stored["desired"]["revision"] == new


def test_while_the_old_one_comes_back_status_says_so(service: Replacing) -> None:
    service.broken = frozenset({key(OLD), key(NEW)})
    wanted = wanting(startTimeout="1m")
    service.until(wanted, "Returning")

    found = conditions(service.one_pass(wanted))

    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "Replacing")
    assert (
        f"revision {key(OLD)} comes back (Returning, CandidateNotReady)"
        in found["Ready"]["message"]
    )
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == ("False", "RollingBack")


def test_engines_that_crash_are_not_waited_for(service: Replacing) -> None:
    service.broken = frozenset({key(NEW)})
    wanted = wanting()
    service.until(wanted, "Starting")
    service.engine(key(NEW)).restarts = 3

    service.until(wanted, "Returning", passes=2)

    assert service.stored["rollout"]["reason"] == "BreakerTripped"
    assert "restarted 3 times as they started" in service.stored["rollout"]["message"]


def test_a_failed_revision_is_tried_once_more_on_request(service: Replacing) -> None:
    service.broken = frozenset({key(NEW)})
    wanted = wanting(startTimeout="1m")
    service.until(wanted, "RolledBack")
    service.broken = frozenset()
    commanded(wanted, f"retry:{service.stored['rollout']['at']}")

    service.until(wanted, "Watching")

    assert service.stored["rollout"]["run"].startswith("2-")
    assert service.stored["serving"]["revision"] == key(NEW)


def test_the_old_revision_comes_back_by_command_within_the_window(service: Replacing) -> None:
    old, new = key(OLD), key(NEW)
    wanted = wanting()
    service.until(wanted, "Watching")
    commanded(wanted, f"rollback:{service.stored['rollout']['at']}")

    service.until(wanted, "RolledBack")
    for _ in range(3):
        service.one_pass(wanted)

    assert service.phases[len(FORWARD) :] == ["RollingBack", "Draining", "Returning", "RolledBack"]
    assert service.replicas == {old: 8}
    assert service.weights == {old: 100}
    assert service.stored["rollout"]["reason"] == "RolledBackByHand"
    assert new not in service.weights


def test_answers_of_the_new_one_end_too_when_it_is_taken_back(service: Replacing) -> None:
    wanted = wanting()
    service.until(wanted, "Watching")
    service.running[key(NEW)] = 2
    commanded(wanted, f"rollback:{service.stored['rollout']['at']}")
    service.until(wanted, "Draining")
    for _ in range(4):
        service.one_pass(wanted)
    assert service.replicas == {key(OLD): 0, key(NEW): 2}
    assert service.document()["shut"]["revision"] == key(OLD)
    found = conditions(service.stored)["Ready"]
    assert (found["status"], found["reason"]) == ("False", "Replacing")

    service.running[key(NEW)] = 0
    service.until(wanted, "RolledBack")
    service.one_pass(wanted)

    assert service.replicas == {key(OLD): 8}


def test_a_new_one_that_is_away_for_a_moment_is_not_left(service: Replacing) -> None:
    """The way back would keep users waiting no less."""
    wanted = wanting()
    service.until(wanted, "Watching")
    service.broken = frozenset({key(NEW)})
    service.bad[key(NEW)] = 1.0
    for _ in range(60):
        service.one_pass(wanted)

    assert service.stored["rollout"]["phase"] == "Watching"


def test_a_new_one_that_goes_on_failing_users_is_left(service: Replacing) -> None:
    wanted = wanting()
    service.until(wanted, "Watching")
    service.bad[key(NEW)] = 0.9
    for _ in range(8):
        service.one_pass(wanted)
    assert service.stored["rollout"]["phase"] == "Watching"

    service.until(wanted, "RolledBack", passes=40)

    assert service.stored["rollout"]["reason"] == "BreakerTripped"
    assert service.stored["serving"]["revision"] == key(OLD)


@pytest.mark.parametrize("phase", ["Preparing", "Closing", "Stopping", "Starting", "Watching"])
def test_an_abort_is_heard_in_every_phase(service: Replacing, phase: str) -> None:
    wanted = wanting()
    service.until(wanted, phase)
    commanded(wanted, f"abort:{service.stored['rollout']['at']}")

    service.until(wanted, "RolledBack", passes=10)
    for _ in range(3):
        service.one_pass(wanted)

    assert service.stored["rollout"]["reason"] == "Aborted"
    assert service.replicas == {key(OLD): 8}
    assert service.weights == {key(OLD): 100}


@pytest.mark.parametrize("phase", ["Preparing", "Closing", "Stopping", "Starting", "Watching"])
def test_a_spec_that_changes_back_ends_where_it_was(service: Replacing, phase: str) -> None:
    service.until(wanting(), phase)
    back = deepseek(**OLD, generation=3)

    service.until(back, "RolledBack", passes=12)
    for _ in range(3):
        service.one_pass(back)

    assert service.replicas == {key(OLD): 8}
    assert conditions(service.stored)["RolledOut"]["status"] == "True"
    assert conditions(service.stored)["Stalled"]["status"] == "False"


@pytest.mark.parametrize("phase", ["Preparing", "Closing", "Stopping", "Starting", "Watching"])
def test_a_third_revision_follows_without_two_at_a_time(service: Replacing, phase: str) -> None:
    service.until(wanting(), phase)
    third = {**NEW, "engine": {"args": ["--max-model-len=2048"]}}
    wanted = wanting(third, generation=3)

    for _ in range(20):
        status = service.one_pass(wanted)
        assert sum(1 for count in service.replicas.values() if count) <= 1
        if (
            status["rollout"]["candidate"] == key(third)
            and status["rollout"]["phase"] == "Watching"
        ):
            break

    assert service.stored["serving"]["revision"] == key(third)


def test_an_old_one_that_does_not_come_back_lets_a_third_be_tried(service: Replacing) -> None:
    service.broken = frozenset({key(OLD), key(NEW)})
    service.until(wanting(startTimeout="1m"), "Returning")
    third = {**NEW, "engine": {"args": ["--max-model-len=2048"]}}

    service.until(wanting(third, generation=3), "Watching", passes=20)

    assert service.stored["serving"]["revision"] == key(third)


def test_a_way_back_that_does_not_end_is_ended(service: Replacing) -> None:
    service.broken = frozenset({key(OLD), key(NEW)})

    ended = service.until(wanting(startTimeout="1m"), "RolledBack")
    service.one_pass(wanting(startTimeout="1m"))

    assert ended["rollout"]["reason"] == "CandidateNotReady"
    assert service.replicas == {key(OLD): 8}


def test_a_gateway_that_does_not_leave_the_old_one_ends_it_there(service: Replacing) -> None:
    service.until(wanting(), "Preparing")
    service.one_pass(wanting())
    service.is_deaf = True

    service.until(wanting(), "RolledBack", passes=40)

    assert service.stored["rollout"]["reason"] == "NotAcknowledged"
    assert all(status["serving"]["replicas"] == 8 for status in service.history[-20:])
    assert service.replicas[key(OLD)] == 8


@pytest.mark.parametrize("phase", ["Closing", "Stopping", "Starting", "Watching"])
@pytest.mark.parametrize("gateway", [{}, NO_GATEWAY], ids=["gateway", "plain"])
def test_a_status_that_is_lost_forgets_nobodys_pods(phase: str, gateway: Manifest) -> None:
    service = Replacing().served({**OLD, "gateway": gateway})
    wanted = wanting({**NEW, "gateway": gateway})
    service.until(wanted, phase)
    was = service.stored["serving"]["revision"]
    service.stored = {}

    status = service.one_pass(wanted)

    assert status["serving"]["revision"] == was
    if phase == "Watching":
        assert service.replicas[key(NEW)] == 2
        return
    assert service.replicas == {key(OLD): 8, key(NEW): 0}
    service.broken = frozenset({key(NEW)})
    commanded(wanted, f"abort:{status['rollout']['at']}")
    service.until(wanted, "RolledBack")
    assert service.replicas[key(OLD)] == 8


def test_another_strategy_in_the_midst_brings_the_old_one_back(service: Replacing) -> None:
    service.broken = frozenset({key(NEW)})
    service.until(wanting(), "Starting")
    other = deepseek(**{**NEW, "rollout": {"strategy": "BlueGreen"}}, generation=3)

    passes(service, other)

    assert "rollout" not in service.stored
    assert service.replicas == {key(OLD): 8, key(NEW): 2}
    assert service.weights == {key(OLD): 100}


@pytest.mark.parametrize("phase", ["Closing", "Stopping", "Starting"])
def test_a_pass_that_is_cut_off_never_leaves_both_with_pods(service: Replacing, phase: str) -> None:
    service.broken = frozenset({key(NEW)})
    wanted = wanting()
    service.until(wanted, phase)
    commanded(wanted, f"abort:{service.stored['rollout']['at']}")
    plan = service.plan(wanted, now=service.now)

    for count in range(len(plan.apply) + 1):
        cut_off = copy.deepcopy(service)
        cut_off.carry_out_part(plan, count)
        assert sum(1 for pods in cut_off.replicas.values() if pods) <= 1

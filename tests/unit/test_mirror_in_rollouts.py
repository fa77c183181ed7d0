"""A Canary with copies, through whole passes: what gateways are told, and what comes of what they tell."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from deepseek_operator.api import names
from deepseek_operator.cli.show import describe
from deepseek_serving.gateway import document
from tests.unit.rollout.played import Pace
from tests.unit.samples import CPU_SPEC, Manifest, conditions, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service
from tests.unit.test_fallbacks import key

MIRROR: Manifest = {"percent": 20, "minRequests": 60, "minDuration": "1m"}


@dataclass
class Copied(Service):
    """A service whose gateways make copies, and count what becomes of them."""

    copies: dict[str, Manifest] = field(default_factory=dict)
    dropped: int = 0
    rejecting: bool = False
    """Whether the candidate calls every copy the client's fault."""

    def serve(self, seconds: int) -> None:
        super().serve(seconds)
        # What agents cannot follow they refuse, and go on as they were told before.
        document.parse(json.dumps(self.document()))
        told = self.document().get("mirror")
        [gateway] = self.gateways
        if told is None or gateway.report is None:
            self.copies = {}
            return
        key = told["revision"]
        made = self.rate * seconds * told["percent"] // 100
        failed = sum(self.chance.random() < self.bad.get(key, 0.0) for _ in range(made))
        self.engine(key).answer(made - failed)
        before = self.copies.get(key, {"ended": 0, "failed": 0, "rejected": 0})
        self.copies[key] = {
            "revision": key,
            "ended": before["ended"] + made,
            "failed": before["failed"] + failed,
            "rejected": before["rejected"] + (made - failed if self.rejecting else 0),
            "dropped": self.dropped,
            "running": 0,
        }
        counted = {**gateway.report["counted"], "copies": list(self.copies.values())}
        self.gateways = (replace(gateway, report={**gateway.report, "counted": counted}),)
        self.told = tuple(self.engine(one).tell() for one, pods in self.replicas.items() if pods)


def wanting(mirror: Manifest = MIRROR, **changes: Any) -> Any:
    """The new revision, with copies first."""
    return deepseek(**{**NEW, **changes, "rollout": {**CANARY, "mirror": mirror}}, generation=2)


@pytest.fixture
def service() -> Copied:
    """The old revision serves."""
    made = Copied()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


def users_of(service: Copied) -> set[str]:
    return {key for key, _ in service.counted}


def test_a_good_candidate_computes_copies_first_and_is_promoted(service: Copied) -> None:
    [old] = service.replicas
    new = wanting()

    first = service.until(new, "Mirroring")
    service.one_pass(new)
    key = first["rollout"]["candidate"]
    followed = document.parse(json.dumps(service.document()))
    assert followed.mirror == document.Mirror(key, percent=20, most=16)
    assert service.weights == {old: 100}
    assert conditions(service.stored)["RolledOut"]["message"].startswith("tiny is a Canary (Mirr")
    before = service.until(new, "Shifting")["rollout"]

    assert users_of(service) == {old}
    assert "mirror" not in service.document()
    assert before["mirror"]["answered"] >= 60
    assert (before["step"], before["weight"], before["mirror"]["failed"]) == (1, 20, 0)
    assert [one["candidateRequests"] for one in before["metrics"]] == [0] * len(before["metrics"])
    service.until(new, "Watching")
    assert service.stored["rollout"]["mirror"] == before["mirror"]
    assert {event["reason"] for event in service.events} >= {"CopiesAsked", "WeightSet"}


@pytest.mark.parametrize(
    ("bad", "pace", "metric"),
    [
        pytest.param(0.2, Pace(), "errors", id="fails"),
        pytest.param(0.0, Pace(slow_share=0.6), "timeToFirstToken", id="first-tokens-late"),
        pytest.param(0.0, Pace(per_output_token=0.5), "timePerOutputToken", id="slow"),
        pytest.param(0.0, Pace(tokens=1.0), "empty", id="says-nothing"),
        pytest.param(0.0, Pace(ends="length"), "truncated", id="does-not-stop"),
    ],
)
def test_no_user_meets_a_candidate_that_is_bad_at_copies(
    service: Copied, bad: float, pace: Pace, metric: str
) -> None:
    [old] = service.replicas
    new = wanting({**MIRROR, "minDuration": "10m"})
    key = service.until(new, "Mirroring")["rollout"]["candidate"]
    service.bad[key], service.paces[key] = bad, pace

    run = service.until(new, "RolledBack", "Shifting")["rollout"]
    for _ in range(3):
        service.one_pass(new)

    assert (run["phase"], run["reason"]) == ("RolledBack", "EvidenceBad")
    assert run["message"].startswith(f"{metric}")
    assert "copies for the candidate" in run["message"]
    assert users_of(service) == {old}
    assert service.replicas == {old: 8}
    assert service.weights == {old: 100}


def test_what_a_candidate_calls_the_clients_fault_decides_nothing(service: Copied) -> None:
    service.rejecting = True
    new = wanting({**MIRROR, "maxDuration": "2m"})

    run = service.until(new, "Shifting", "RolledBack")["rollout"]

    assert run["phase"] == "Shifting"
    assert run["mirror"]["rejected"] == run["mirror"]["answered"] > 60


def test_what_was_copied_is_nobodys_request_later(service: Copied) -> None:
    new = wanting()
    run = service.until(new, "Shifting")["rollout"]
    key = run["candidate"]
    copied = service.engine(key).finished.total()
    assert copied >= 60

    run = service.until(new, "Shifting", "Watching")["rollout"]
    while run["step"] < 2:
        run = service.one_pass(new)["rollout"]

    asked = service.engine(key).finished.total() - copied
    seen = {one["name"]: one["candidateRequests"] for one in run["metrics"]}
    assert 0 < seen["empty"] <= asked
    assert seen["errors"] <= asked


def test_copies_are_shown_to_people(service: Copied) -> None:
    service.dropped = 7
    new = wanting({**MIRROR, "minDuration": "10m"})
    service.until(new, "Mirroring")
    for _ in range(20):
        service.one_pass(new)

    metadata = {"namespace": "team", "name": "chat", "generation": 2}
    now = datetime.fromisoformat(service.now.isoformat())
    page = describe({"metadata": metadata, "status": service.stored}, now=now)

    answered = service.stored["rollout"]["mirror"]["answered"]
    assert answered > 0
    assert f"copies of 20 % of the requests: {answered} answered, 0 failed, 7 dropped" in page


def test_silent_gateways_hold_it_and_no_user_is_sent(service: Copied) -> None:
    [old] = service.replicas
    new = wanting()
    service.until(new, "Mirroring")
    service.is_silent = True

    held = service.until(new, "Held", "Shifting")["rollout"]

    assert (held["phase"], held["reason"]) == ("Held", "NotAcknowledged")
    service.until(new, "RollingBack", "Shifting")
    service.is_silent = False
    assert service.until(new, "RolledBack")["rollout"]["reason"] == "HeldTooLong"
    assert service.weights == {old: 100}
    assert users_of(service) == {old}


@pytest.mark.parametrize("phase", ["Starting", "Mirroring", "Held"])
def test_a_candidate_that_is_a_fallback_stands_in_for_nobody_though_the_spec_names_another(
    phase: str,
) -> None:
    block = {**CPU_SPEC, "engine": NEW["engine"]}
    service = Copied()
    for _ in range(6):
        service.one_pass(deepseek(**{**OLD, "fallback": [block]}))
    old, new = key(OLD), key(NEW)
    mirror = {**MIRROR, "minDuration": "10m"}
    held = {"paused": True} if phase == "Held" else {}
    rollout = {**CANARY, "mirror": mirror}
    wanted = {**NEW, "fallback": [block], "rollout": rollout}
    service.until(
        deepseek(**wanted, generation=2), "Starting" if phase == "Starting" else "Mirroring"
    )
    typo = {name: value for name, value in wanted.items() if name != "source"}
    unknown = {**typo, "model": "DeepSeek-R3", "rollout": {**rollout, **held}}

    for _ in range(4):
        run = service.one_pass(deepseek(**unknown, generation=3))["rollout"]

        told = service.document()
        assert run["phase"] == "Held"
        assert [route.get("then", []) for route in told["routes"]] == [[]]
        assert told.get("mirror", {}).get("revision") == (None if phase == "Starting" else new)
        assert {one["revision"] for one in told["routes"]} == {old}
    service.until(deepseek(**wanted, generation=4), "Watching")


def test_an_abort_ends_the_copies_at_once(service: Copied) -> None:
    new = wanting()
    service.until(new, "Mirroring")
    command = f"abort:{service.stored['rollout']['at']}"
    new.metadata.annotations[names.COMMAND_ANNOTATION] = command

    assert service.one_pass(new)["rollout"]["phase"] == "RollingBack"

    service.one_pass(new)
    assert "mirror" not in service.document()


def test_a_record_that_is_lost_while_copies_are_made_begins_anew(service: Copied) -> None:
    [old] = service.replicas
    new = wanting()
    service.until(new, "Mirroring")
    service.stored["rollout"]["record"] = "{"

    service.one_pass(new)
    assert "mirror" not in service.document()
    assert service.weights == {old: 100}

    service.until(new, "Watching")


def test_a_pass_that_is_cut_off_after_its_record_makes_the_copies_that_it_says(
    service: Copied,
) -> None:
    new = wanting()
    service.until(new, "Starting")
    for _ in range(60):
        service.start_pods()
        service.serve(5)
        plan = service.plan(new, now=service.now)
        # Killed once status is written.
        service.stored = plan.status
        if service.stored["rollout"]["phase"] == "Mirroring":
            break
        service.carry_out(plan)
    assert "mirror" not in service.document()

    service.one_pass(new)

    assert service.document()["mirror"]["revision"] == service.stored["rollout"]["candidate"]
    service.until(new, "Watching")

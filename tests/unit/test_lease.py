"""Leadership: one replica acts, a silent one is replaced, and never do two act at once."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from deepseek_operator.lease import Leadership, LeaseSettings
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import Manifest
from tests.unit.test_queue import TurnedLoop
from tests.unit.turned import turned_loop

LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/operator"
DURATION = 15.0
API_TIMEOUT = 30.0

Result = TypeVar("Result")


@dataclass
class HangingApi(FakeApi):
    """Carries calls out and, while it hangs, gives no answer before the client's own patience ends."""

    hanging: tuple[str, ...] = ()
    """Methods of the calls that it does so with."""

    async def _request(self, method: str, *given: Any, **options: Any) -> Any:
        answer = await super()._request(method, *given, **options)
        if method in self.hanging:
            await asyncio.sleep(API_TIMEOUT)
            raise TimeoutError("no answer")
        return answer


@dataclass
class Replicas:
    """Replicas of an operator that share an API server and a clock."""

    loop: TurnedLoop
    api: HangingApi = field(default_factory=HangingApi)

    def replica(self, identity: str) -> Leadership:
        settings = LeaseSettings("system", "operator", identity, DURATION)
        return Leadership(self.api.kube(), settings, clock=self.loop.time)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    def held_by(self, identity: str, *, renewed: str = "2026-03-01T12:00:00.000000Z") -> None:
        """The Lease as another replica writes it."""
        spec = {
            "holderIdentity": identity, "leaseDurationSeconds": 15, "acquireTime": renewed,
            "renewTime": renewed, "leaseTransitions": 3,
        }  # fmt: skip
        metadata = {"name": "operator", "namespace": "system"}
        self.api.put(LEASE, {"kind": "Lease", "metadata": metadata, "spec": spec})

    @property
    def spec(self) -> Manifest:
        return dict(self.api.objects[LEASE]["spec"])

    async def time_until(self, work: Coroutine[Any, Any, None], *, limit: float) -> float | None:
        """How long something takes; None when it has not ended after `limit` seconds."""
        started = self.loop.time()
        try:
            await asyncio.wait_for(work, timeout=limit)
        except TimeoutError:
            return None
        return self.loop.time() - started


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    with turned_loop() as loop:
        yield Replicas(loop)


def test_the_first_replica_leads_at_once(replicas: Replicas) -> None:
    waited = replicas.run(replicas.time_until(replicas.replica("a").acquire(), limit=100))

    assert waited == 0
    assert replicas.spec["holderIdentity"] == "a"
    assert replicas.spec["leaseDurationSeconds"] == 15
    assert replicas.spec["leaseTransitions"] == 0


@pytest.mark.parametrize("holder", [pytest.param("", id="released"), pytest.param("a", id="own")])
def test_a_lease_that_is_free_or_ones_own_is_taken_at_once(replicas: Replicas, holder: str) -> None:
    replicas.held_by(holder)

    waited = replicas.run(replicas.time_until(replicas.replica("a").acquire(), limit=100))

    assert waited == 0
    assert replicas.spec["leaseTransitions"] == (4 if holder == "" else 3)


def test_a_replica_that_renews_is_not_replaced(replicas: Replicas) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        keeping = asyncio.create_task(leader.keep())
        waited = await replicas.time_until(replicas.replica("b").acquire(), limit=600)
        assert not keeping.done()
        keeping.cancel()
        return waited

    assert replicas.run(work()) is None
    assert replicas.spec["holderIdentity"] == "a"


@pytest.mark.parametrize(
    "renewed",
    [
        pytest.param("2020-01-01T00:00:00.000000Z", id="its-clock-is-late"),
        pytest.param("2099-01-01T00:00:00.000000Z", id="its-clock-is-early"),
    ],
)
def test_a_silent_replica_is_replaced_by_what_the_follower_saw_and_not_by_clocks(
    replicas: Replicas, renewed: str
) -> None:
    replicas.held_by("gone", renewed=renewed)

    waited = replicas.run(replicas.time_until(replicas.replica("b").acquire(), limit=100))

    assert waited is not None
    assert DURATION < waited <= DURATION + DURATION / 5 + 1
    assert replicas.spec["holderIdentity"] == "b"
    assert replicas.spec["leaseTransitions"] == 4


def test_renewing_keeps_the_time_of_acquiring(replicas: Replicas) -> None:
    async def work() -> tuple[Manifest, Manifest]:
        leader = replicas.replica("a")
        await leader.acquire()
        before = replicas.spec
        await replicas.time_until(leader.keep(), limit=20)
        return before, replicas.spec

    before, after = replicas.run(work())
    assert before["acquireTime"] == after["acquireTime"]
    assert before["renewTime"] != after["renewTime"]
    assert before["leaseTransitions"] == after["leaseTransitions"]


def test_a_replica_that_sees_another_hold_the_lease_stops_leading(replicas: Replicas) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        replicas.held_by("b")
        return await replicas.time_until(leader.keep(), limit=100)

    assert replicas.run(work()) == DURATION / 3
    assert replicas.spec["holderIdentity"] == "b"


@pytest.mark.parametrize("fault", ["before", "500", "409"])
def test_a_replica_that_cannot_renew_stops_leading_before_another_may_start(
    replicas: Replicas, fault: str
) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        replicas.api.fault = lambda _call: fault
        return await replicas.time_until(leader.keep(), limit=100)

    led = replicas.run(work())

    assert led is not None
    assert DURATION / 3 < led <= DURATION


@pytest.mark.parametrize("hanging", ["GET", "PUT"])
def test_a_replica_whose_calls_hang_stops_leading_before_another_may_start(
    replicas: Replicas, hanging: str
) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        replicas.api.hanging = (hanging,)
        return await replicas.time_until(leader.keep(), limit=100)

    led = replicas.run(work())

    assert led is not None
    assert DURATION / 3 < led < DURATION


def test_a_lease_that_was_taken_without_an_answer_in_time_is_not_led_with(
    replicas: Replicas,
) -> None:
    replicas.api.hanging = ("POST", "PUT")

    assert replicas.run(replicas.time_until(replicas.replica("a").acquire(), limit=100)) is None
    assert replicas.spec["holderIdentity"] == "a"


def test_a_short_silence_of_the_api_server_costs_no_leadership(replicas: Replicas) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        now = replicas.loop.time
        replicas.api.fault = lambda _call: "before" if now() < DURATION / 2 else None
        return await replicas.time_until(leader.keep(), limit=100)

    assert replicas.run(work()) is None


def test_of_two_that_take_a_free_lease_at_once_one_leads(replicas: Replicas) -> None:
    replicas.held_by("")

    def taken_meanwhile(call: Call) -> None:
        if call.method == "PUT" and replicas.spec["holderIdentity"] == "":
            replicas.held_by("b")

    replicas.api.fault = taken_meanwhile

    assert replicas.run(replicas.time_until(replicas.replica("a").acquire(), limit=10)) is None
    assert replicas.spec["holderIdentity"] == "b"


def test_a_replica_that_is_told_to_stop_lets_another_lead_at_once(replicas: Replicas) -> None:
    async def work() -> float | None:
        leader = replicas.replica("a")
        await leader.acquire()
        await leader.release()
        return await replicas.time_until(replicas.replica("b").acquire(), limit=100)

    assert replicas.run(work()) == 0
    assert replicas.spec["holderIdentity"] == "b"


def test_a_lease_of_another_replica_is_not_released(replicas: Replicas) -> None:
    replicas.held_by("b")

    replicas.run(replicas.replica("a").release())

    assert replicas.spec["holderIdentity"] == "b"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_api_server_that_is_silent_keeps_no_replica_from_stopping(
    replicas: Replicas, method: str
) -> None:
    async def work() -> None:
        leader = replicas.replica("a")
        await leader.acquire()
        replicas.api.fault = lambda call: "before" if call.method == method else None
        await leader.release()

    replicas.run(work())

    assert replicas.spec["holderIdentity"] == "a"

"""The leading part of the operator: it acts with the Lease, and not a moment without it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from deepseek_operator import application
from deepseek_operator.catalog_files import CatalogFiles
from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.queue import KeyQueue
from deepseek_operator.reconcile import Key
from deepseek_operator.settings import Settings
from tests.unit.fake_api import FakeApi
from tests.unit.samples import IMAGES, conditions
from tests.unit.test_queue import TurnedLoop
from tests.unit.test_reconcile import OBJECT, put_object
from tests.unit.turned import turned_loop

LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/deepseek-operator"

SETTINGS = Settings(
    vllm_image=IMAGES.vllm,
    vllm_cpu_image=IMAGES.vllm_cpu,
    tensorrt_llm_image=IMAGES.tensorrt_llm,
    toolbox_image=IMAGES.toolbox,
    gateway_image=IMAGES.gateway,
    identity="a",
)


DEPLOYMENTS = "/apis/apps/v1/namespaces/team/deployments"


@dataclass
class SlowApi(FakeApi):
    """An API server that takes its time to make a Deployment."""

    seconds: float = 0.0

    async def _request(self, method: str, url: str, *rest: Any, **named: Any) -> Any:
        if method == "POST" and url.partition("?")[0].endswith(DEPLOYMENTS):
            await asyncio.sleep(self.seconds)
        return await super()._request(method, url, *rest, **named)


@dataclass
class Replica:
    """One replica of the operator, without its watches."""

    loop: TurnedLoop
    api: FakeApi = field(default_factory=FakeApi)
    metrics: OperatorMetrics = field(default_factory=OperatorMetrics)
    queue: KeyQueue[Key] = field(default_factory=KeyQueue)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def lead(self) -> asyncio.Task[None]:
        files = CatalogFiles("", metrics=self.metrics)
        return asyncio.create_task(
            application._lead(
                SETTINGS, self.api.kube(), self.queue, self.metrics, files, stop=self.stop
            )
        )

    @property
    def leads(self) -> bool:
        return self.metrics.registry.get_sample_value("deepseek_operator_leader") == 1

    def hold(self, identity: str) -> None:
        """The Lease is another replica's."""
        spec = {"holderIdentity": identity, "leaseDurationSeconds": 15, "renewTime": "now"}
        metadata = {"name": "deepseek-operator", "namespace": "default"}
        self.api.put(LEASE, {"kind": "Lease", "metadata": metadata, "spec": spec})


@pytest.fixture
def replica() -> Iterator[Replica]:
    with turned_loop() as loop:
        yield Replica(loop)


def test_a_leader_serves_the_objects_that_it_finds(replica: Replica) -> None:
    put_object(replica.api)

    async def work() -> None:
        leading = replica.lead()
        for _ in range(5):
            await asyncio.sleep(20)
            replica.api.start_pods()
        assert replica.leads
        replica.stop.set()
        await leading

    replica.loop.run_until_complete(work())

    assert conditions(replica.api.objects[OBJECT]["status"])["Ready"]["status"] == "True"
    assert replica.api.objects[LEASE]["spec"]["holderIdentity"] == ""
    assert not replica.leads


def test_series_go_with_their_object_also_where_nothing_told_that_it_went(
    replica: Replica,
) -> None:
    put_object(replica.api)

    async def work() -> None:
        leading = replica.lead()
        await asyncio.sleep(20)
        assert replica.metrics.objects == {("team", "chat")}
        del replica.api.objects[OBJECT]
        await asyncio.sleep(2 * SETTINGS.resync_seconds)
        assert replica.metrics.objects == set()
        replica.stop.set()
        await leading

    replica.loop.run_until_complete(work())


def test_a_follower_writes_nothing(replica: Replica) -> None:
    put_object(replica.api)
    replica.hold("b")

    async def work() -> None:
        leading = replica.lead()
        for _ in range(10):
            await asyncio.sleep(10)
            replica.hold("b")
        assert not replica.leads
        replica.stop.set()
        await leading

    replica.loop.run_until_complete(work())

    assert replica.api.writes() == []


def test_a_leader_whose_lease_another_took_ends_and_writes_nothing_more(replica: Replica) -> None:
    async def work() -> BaseException | None:
        leading = replica.lead()
        await asyncio.sleep(1)
        replica.hold("b")
        await asyncio.wait([leading], timeout=SETTINGS.lease_seconds)
        assert leading.done()
        replica.api.calls.clear()
        put_object(replica.api)
        await asyncio.sleep(10 * SETTINGS.resync_seconds)
        return leading.exception()

    lost = replica.loop.run_until_complete(work())

    assert isinstance(lost, application.LeadershipLost)
    assert str(lost) == "the Lease deepseek-operator is not held any more"
    assert replica.api.calls == []
    assert not replica.leads


def stopped_in_a_call(replica: Replica, *, seconds: float) -> float:
    """A leader is told to stop while a call of so many seconds is under way; how long it takes to end."""
    replica.api = SlowApi(seconds=seconds)
    put_object(replica.api)

    async def work() -> float:
        leading = replica.lead()
        await asyncio.sleep(1)
        assert replica.leads
        told_at = replica.loop.time()
        replica.stop.set()
        replica.loop.call_later(1, replica.queue.add, Key("team", "another"))
        await leading
        return replica.loop.time() - told_at

    return replica.loop.run_until_complete(work())


def test_a_pass_under_way_ends_well_before_the_lease_is_given_back(replica: Replica) -> None:
    seconds = stopped_in_a_call(replica, seconds=application.STOP_SECONDS - 1)

    assert seconds == application.STOP_SECONDS - 2
    assert conditions(replica.api.objects[OBJECT]["status"])["Ready"]["status"] == "False"
    assert replica.api.objects[LEASE]["spec"]["holderIdentity"] == ""
    assert replica.api.writes()[-1] == f"PUT {LEASE}"
    assert not replica.leads


def test_the_lease_is_kept_while_passes_end(replica: Replica) -> None:
    stopped_in_a_call(replica, seconds=application.STOP_SECONDS - 1)

    assert replica.api.writes().count(f"PUT {LEASE}") == 2


def test_a_pass_that_does_not_end_in_time_is_cancelled(replica: Replica) -> None:
    seconds = stopped_in_a_call(replica, seconds=600)

    assert seconds == application.STOP_SECONDS
    assert "status" not in replica.api.objects[OBJECT]
    assert replica.api.objects[LEASE]["spec"]["holderIdentity"] == ""


def test_no_pass_is_begun_by_who_is_told_to_stop(replica: Replica) -> None:
    stopped_in_a_call(replica, seconds=5)

    assert not [call for call in replica.api.calls if "another" in call.path]


def test_a_pass_is_cancelled_at_once_when_the_lease_is_lost_while_it_ends(
    replica: Replica,
) -> None:
    replica.loop.call_later(2, replica.hold, "b")

    seconds = stopped_in_a_call(replica, seconds=9)

    assert seconds < SETTINGS.lease_seconds / 3
    assert replica.api.of_kind("Deployment") == {}
    assert replica.api.objects[LEASE]["spec"]["holderIdentity"] == "b"

"""The leading part of the operator: it acts with the Lease, and not a moment without it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

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


@dataclass
class Replica:
    """One replica of the operator, without its watches."""

    loop: TurnedLoop
    api: FakeApi = field(default_factory=FakeApi)
    metrics: OperatorMetrics = field(default_factory=OperatorMetrics)

    def lead(self) -> asyncio.Task[None]:
        queue: KeyQueue[Key] = KeyQueue()
        files = CatalogFiles("", metrics=self.metrics)
        return asyncio.create_task(
            application._lead(SETTINGS, self.api.kube(), queue, self.metrics, files)
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
        leading.cancel()
        await asyncio.wait([leading])

    replica.loop.run_until_complete(work())

    assert conditions(replica.api.objects[OBJECT]["status"])["Ready"]["status"] == "True"
    assert replica.api.objects[LEASE]["spec"]["holderIdentity"] == ""
    assert not replica.leads


def test_a_follower_writes_nothing(replica: Replica) -> None:
    put_object(replica.api)
    replica.hold("b")

    async def work() -> None:
        leading = replica.lead()
        for _ in range(10):
            await asyncio.sleep(10)
            replica.hold("b")
        assert not replica.leads
        leading.cancel()
        await asyncio.wait([leading])

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

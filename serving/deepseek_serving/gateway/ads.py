"""Envoy's configuration over one aggregated stream: what it is sent, what it took, and what it refused."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format

from deepseek_serving.gateway.envoy import Resources
from deepseek_serving.gateway.messages import ServicerBase, add_servicer, message_class
from deepseek_serving.gateway.parts import Config

logger = logging.getLogger(__name__)

_PREFIX = "type.googleapis.com/envoy.config"
CLUSTERS = f"{_PREFIX}.cluster.v3.Cluster"
ENDPOINTS = f"{_PREFIX}.endpoint.v3.ClusterLoadAssignment"
LISTENERS = f"{_PREFIX}.listener.v3.Listener"
ROUTES = f"{_PREFIX}.route.v3.RouteConfiguration"

ORDER = (CLUSTERS, ENDPOINTS, LISTENERS, ROUTES)
"""What is referred to comes before what refers to it."""

_ANY = message_class("google.protobuf.Any")
_RESPONSE = message_class("envoy.service.discovery.v3.DiscoveryResponse")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One configuration, packed; `name` is the version of the document that it follows from."""

    name: str
    resources: Resources
    packed: dict[str, tuple[bytes, ...]]


def pack(name: str, resources: Resources) -> Snapshot:
    """Ready to be sent; json_format.ParseError where a resource is none."""
    kinds = {
        CLUSTERS: resources.clusters,
        ENDPOINTS: resources.endpoints,
        LISTENERS: resources.listeners,
        ROUTES: resources.routes,
    }
    packed = {kind: tuple(_packed(kind, item) for item in items) for kind, items in kinds.items()}
    return Snapshot(name, resources, packed)


def _packed(kind: str, resource: Config) -> bytes:
    message = json_format.ParseDict(resource, message_class(kind.rpartition("/")[2])())
    # The same resource is to be the same bytes: what has not changed is not sent.
    value = message.SerializeToString(deterministic=True)
    return bytes(_ANY(type_url=kind, value=value).SerializeToString(deterministic=True))


@dataclass(slots=True)
class _Kind:
    """Of one kind of resource that a stream asks for: what was sent and taken."""

    sent: tuple[bytes, ...] | None = None
    nonce: str = ""
    taken: tuple[bytes, ...] | None = None


@dataclass(slots=True)
class Taken:
    """How far Envoy is."""

    version: str | None = None
    """Of the document that it follows in everything; None before the first."""
    refusal: str | None = None
    """What it said of what it does not take."""
    refusals: int = 0
    connected: bool = False
    envoy: str = ""
    """The id of its node, which each process has its own of."""


@dataclass(slots=True)
class Server(ServicerBase):  # type: ignore[misc]
    """Serves the last snapshot to one Envoy, and again whenever it changes."""

    taken: Taken = field(default_factory=Taken)
    _snapshot: Snapshot | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _streams: int = 0

    async def publish(self, snapshot: Snapshot) -> None:
        """From now on this is what Envoy is to follow."""
        async with self._changed:
            self._snapshot = snapshot
            self._changed.notify_all()

    async def wait_taken(self, version: str) -> None:
        """Until Envoy follows this version in everything."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.taken.version == version)

    async def StreamAggregatedResources(  # noqa: N802 - gRPC's name
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """One Envoy's stream, for as long as it is open."""
        del context
        stream = _Stream()
        self._streams += 1
        self.taken.connected = True
        reading = asyncio.create_task(self._read(request_iterator, stream))
        try:
            while not reading.done():
                async with self._changed:
                    response = self._next(stream)
                    if response is None:
                        await self._changed.wait()
                        continue
                yield response
        finally:
            reading.cancel()
            self._streams -= 1
            self.taken.connected = self._streams > 0

    async def _read(self, requests: AsyncIterator[Any], stream: "_Stream") -> None:
        try:
            async for request in requests:
                async with self._changed:
                    self._heard(stream, request)
                    self._changed.notify_all()
        finally:
            async with self._changed:
                self._changed.notify_all()

    def _heard(self, stream: "_Stream", request: Any) -> None:
        if request.node.id:
            # Only the first request of a stream holds it.
            self.taken.envoy = request.node.id
        kind = stream.kinds.setdefault(request.type_url, _Kind())
        if not request.response_nonce or request.response_nonce != kind.nonce:
            return
        if request.HasField("error_detail"):
            self.taken.refusal = request.error_detail.message
            self.taken.refusals += 1
            logger.error(
                "Envoy refuses its configuration",
                extra={"kind": request.type_url, "refusal": request.error_detail.message},
            )
            return
        kind.taken = kind.sent

    def _next(self, stream: "_Stream") -> Any | None:
        """What Envoy is to be sent next; None while there is nothing."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        for url in ORDER:
            kind = stream.kinds.get(url)
            if url == LISTENERS and not stream.has_taken(snapshot, CLUSTERS):
                return None
            if kind is None:
                continue
            wanted = stream.wanted(snapshot, url)
            if kind.sent != wanted:
                return stream.response(url, wanted, snapshot)
            if kind.taken != wanted and url != CLUSTERS:
                # Until it has said what it makes of these, it is sent nothing that builds on them. Of
                # clusters it says so only once it has their pods.
                return None
        if stream.follows(snapshot) and self.taken.version != snapshot.name:
            self.taken.version, self.taken.refusal = snapshot.name, None
            self._changed.notify_all()
        return None


@dataclass(slots=True)
class _Stream:
    """One connection of an Envoy."""

    kinds: dict[str, _Kind] = field(default_factory=dict)
    routed: Resources = field(default_factory=Resources)
    """What its routes may refer to: clusters that it must keep until newer routes are taken."""
    count: int = 0

    def wanted(self, snapshot: Snapshot, url: str) -> tuple[bytes, ...]:
        """The resources of a kind that Envoy is to hold now."""
        routes = self.kinds.get(ROUTES)
        is_routed = routes is not None and routes.taken == snapshot.packed[ROUTES]
        if is_routed:
            self.routed = snapshot.resources
        if is_routed or url not in (CLUSTERS, ENDPOINTS):
            return snapshot.packed[url]
        both = snapshot.resources.with_clusters_of(self.routed)
        return pack(snapshot.name, both).packed[url]

    def has_taken(self, snapshot: Snapshot, url: str) -> bool:
        """Whether Envoy has what it is to have of a kind now."""
        kind = self.kinds.get(url)
        return kind is not None and kind.taken == self.wanted(snapshot, url)

    def follows(self, snapshot: Snapshot) -> bool:
        """Whether Envoy has taken all of it; without clusters it does not ask for their pods."""
        return all(
            (self.kinds[url].taken if url in self.kinds else ()) == snapshot.packed[url]
            for url in ORDER
        )

    def response(self, url: str, wanted: tuple[bytes, ...], snapshot: Snapshot) -> Any:
        """A message with resources, under a nonce of its own."""
        self.count += 1
        kind = self.kinds[url]
        kind.sent, kind.nonce = wanted, f"{self.count}"
        if url == CLUSTERS and ENDPOINTS in self.kinds:
            # A cluster that is new or has changed waits for its pods, and for being told them again.
            self.kinds[ENDPOINTS].sent = self.kinds[ENDPOINTS].taken = None
        return _RESPONSE(
            version_info=snapshot.name,
            resources=[_ANY.FromString(item) for item in wanted],
            type_url=url,
            nonce=kind.nonce,
        )


async def serve(server: Server, address: str) -> grpc.aio.Server:
    """Listen at this address, of this pod only."""
    listening = grpc.aio.server()
    add_servicer(server, listening)
    if not listening.add_insecure_port(address):
        raise OSError(f"cannot listen at {address}")
    await listening.start()
    return listening

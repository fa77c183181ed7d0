"""Envoy's configuration over one aggregated stream: what it is sent, what it took, and what it refused."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format

from deepseek_serving.gateway.envoy import Resources
from deepseek_serving.gateway.messages import (
    ServicerBase,
    add_servicer,
    deterministic,
    message_class,
)
from deepseek_serving.gateway.parts import Config

logger = logging.getLogger(__name__)

_TYPES = "type.googleapis.com/envoy"
_PREFIX = f"{_TYPES}.config"
CLUSTERS = f"{_PREFIX}.cluster.v3.Cluster"
ENDPOINTS = f"{_PREFIX}.endpoint.v3.ClusterLoadAssignment"
LISTENERS = f"{_PREFIX}.listener.v3.Listener"
ROUTES = f"{_PREFIX}.route.v3.RouteConfiguration"
EXTENSIONS = f"{_PREFIX}.core.v3.TypedExtensionConfig"
SECRETS = f"{_TYPES}.extensions.transport_sockets.tls.v3.Secret"

ORDER = (CLUSTERS, ENDPOINTS, LISTENERS, ROUTES, EXTENSIONS, SECRETS)
"""What is referred to comes before what refers to it; what listeners ask for, after them."""

_ASKED_BY_NAME = (EXTENSIONS, SECRETS)
"""Asked for as listeners come to need them, so maybe one after the other."""

_ANY = message_class("google.protobuf.Any")
_RESPONSE = message_class("envoy.service.discovery.v3.DiscoveryResponse")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One configuration, packed; `name` is the version of the document that it follows from.

    Of a kind that is not there nothing is said, so that Envoy keeps what it has of it.
    """

    name: str
    resources: Resources
    packed: dict[str, tuple[bytes, ...]] = field(repr=False)


def pack(
    name: str,
    resources: Resources,
    known: Snapshot | None = None,
    *,
    extensions: Sequence[Config] = (),
    secrets: Sequence[Config] = (),
) -> Snapshot:
    """Ready to be sent; json_format.ParseError where a resource is none.

    What `known` holds already is not packed again: 5,000 pods take a second.
    """
    done = {} if known is None else _by_name(known)
    packed: dict[str, tuple[bytes, ...]] = {}
    for kind, items in _kinds(resources).items():
        found = []
        for item in items:
            before, value = done.get((kind, _name(item)), (None, b""))
            found.append(value if before == item else _packed(kind, item))
        packed[kind] = tuple(found)
    for kind, secret in ((EXTENSIONS, extensions), (SECRETS, secrets)):
        if secret:
            packed[kind] = tuple(_packed(kind, item) for item in secret)
    return Snapshot(name, resources, packed)


def _kinds(resources: Resources) -> dict[str, tuple[Config, ...]]:
    return {
        CLUSTERS: resources.clusters,
        ENDPOINTS: resources.endpoints,
        LISTENERS: resources.listeners,
        ROUTES: resources.routes,
    }


def _by_name(snapshot: Snapshot) -> dict[tuple[str, str], tuple[Config, bytes]]:
    return {
        (kind, _name(item)): (item, value)
        for kind, items in _kinds(snapshot.resources).items()
        for item, value in zip(items, snapshot.packed[kind], strict=True)
    }


def _name(resource: Config) -> str:
    return str(resource.get("name") or resource["cluster_name"])


def _packed(kind: str, resource: Config) -> bytes:
    message = json_format.ParseDict(resource, message_class(kind.rpartition("/")[2])())
    # The same resource is to be the same bytes, in the next process too: what has not changed is not sent,
    # and a listener in other bytes is to Envoy another one, for which it lets the present one's clients go.
    value = deterministic(message)
    return bytes(_ANY(type_url=kind, value=value).SerializeToString(deterministic=True))


@dataclass(slots=True)
class _Kind:
    """Of one kind of resource that a stream asks for: what was sent and taken."""

    sent: tuple[bytes, ...] | None = None
    nonce: str = ""
    taken: tuple[bytes, ...] | None = None
    names: frozenset[str] = frozenset()


@dataclass(slots=True)
class Taken:
    """How far Envoy is."""

    version: str | None = None
    """Of the document that it follows in everything; None before the first."""
    refusal: str | None = None
    """What it said of what it does not take."""
    refused_secret: str | None = None
    """What it said of a certificate; it goes on with the one before, and follows all else."""
    refusals: int = 0
    connected: bool = False
    envoy: str = ""
    """The id of its node, which each process has its own of."""


@dataclass(slots=True)
class Server(ServicerBase):  # type: ignore[misc]
    """Serves the last snapshot to one Envoy, and again whenever it changes."""

    taken: Taken = field(default_factory=Taken)
    routed: Resources = field(default_factory=Resources)
    """What the routes of an Envoy that connects may refer to: the last ones that one has taken."""
    followed: Snapshot | None = None
    """What Envoy has taken all of, pods included."""
    _snapshot: Snapshot | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _streams: int = 0
    _good_secrets: tuple[bytes, ...] | None = None
    _bad_secrets: tuple[bytes, ...] | None = None

    @property
    def published(self) -> Snapshot | None:
        """What Envoy is to follow."""
        return self._snapshot

    async def publish(self, snapshot: Snapshot) -> None:
        """From now on this is what Envoy is to follow."""
        async with self._changed:
            self._snapshot = snapshot
            self._changed.notify_all()

    async def wait_taken(self, version: str) -> None:
        """Until Envoy follows this version in everything."""
        await self.wait(lambda: self.taken.version == version)

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Until this holds of what was published and what was taken."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def StreamAggregatedResources(  # noqa: N802 - gRPC's name
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """One Envoy's stream, for as long as it is open."""
        del context
        stream = _Stream(routed=self.routed)
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
        names = frozenset(request.resource_names)
        is_more, kind.names = bool(names - kind.names), names
        if request.response_nonce and request.response_nonce == kind.nonce:
            self._answered(kind, request)
        if is_more and request.type_url in _ASKED_BY_NAME:
            # What it was sent before it asked for this one it has thrown away.
            kind.sent = kind.taken = None

    def _answered(self, kind: _Kind, request: Any) -> None:
        is_secret = request.type_url == SECRETS
        if not request.HasField("error_detail"):
            kind.taken = kind.sent
            if is_secret:
                self._secrets_taken(kind)
            return
        refusal = request.error_detail.message
        if request.type_url == EXTENSIONS:
            # Envoy may cite what it refuses, and that holds keys.
            refusal = "the filters of its clients' keys and limits are refused"
        self.taken.refusals += 1
        if is_secret:
            self.taken.refused_secret, self._bad_secrets = refusal, kind.sent
        else:
            self.taken.refusal = refusal
        logger.error(
            "Envoy refuses its configuration",
            extra={"kind": request.type_url, "refusal": refusal},
        )

    def _secrets_taken(self, kind: _Kind) -> None:
        self._good_secrets = kind.taken
        if kind.taken != self._bad_secrets and self._is_told(kind.taken):
            self.taken.refused_secret = None

    def _is_told(self, secrets: tuple[bytes, ...] | None) -> bool:
        return self._snapshot is not None and self._snapshot.packed.get(SECRETS) == secrets

    def _wanted(self, stream: "_Stream", snapshot: Snapshot, url: str) -> tuple[bytes, ...] | None:
        """The resources of a kind that Envoy is to hold now; None to leave it with what it has.

        A certificate that it refused it would meet again with each new listener, and refuse that too: so
        it is sent the one of before.
        """
        if url not in snapshot.packed:
            return None
        wanted = stream.wanted(snapshot, url)
        return self._good_secrets if url == SECRETS and wanted == self._bad_secrets else wanted

    def _next(self, stream: "_Stream") -> Any | None:
        """What Envoy is to be sent next; None while there is nothing."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        for url in ORDER:
            kind = stream.kinds.get(url)
            if url == LISTENERS and not stream.has_taken(snapshot, CLUSTERS):
                return None
            wanted = self._wanted(stream, snapshot, url)
            if kind is None or wanted is None:
                continue
            if kind.sent != wanted:
                return stream.response(url, wanted, snapshot)
            if kind.taken != wanted and url != CLUSTERS:
                # Until it has said what it makes of these, it is sent nothing that builds on them. Of
                # clusters it says so only once it has their pods.
                return None
        if stream.follows(snapshot) and self.followed is not snapshot:
            self.followed = snapshot
            if self.taken.version != snapshot.name:
                self.taken.version, self.taken.refusal = snapshot.name, None
                self.routed = snapshot.resources
            self._changed.notify_all()
        return None


@dataclass(slots=True)
class _Stream:
    """One connection of an Envoy."""

    kinds: dict[str, _Kind] = field(default_factory=dict)
    routed: Resources = field(default_factory=Resources)
    """What its routes may refer to: clusters that it must keep until newer routes are taken."""
    count: int = 0
    _both: tuple[Snapshot, Resources, Snapshot] | None = None
    """The last snapshot with what was routed before it."""

    def wanted(self, snapshot: Snapshot, url: str) -> tuple[bytes, ...]:
        """The resources of a kind that Envoy is to hold now."""
        routes = self.kinds.get(ROUTES)
        is_routed = routes is not None and routes.taken == snapshot.packed[ROUTES]
        if is_routed:
            self.routed = snapshot.resources
        if is_routed or url not in (CLUSTERS, ENDPOINTS):
            return snapshot.packed[url]
        if self._both is None or self._both[0] is not snapshot or self._both[1] is not self.routed:
            both = snapshot.resources.with_clusters_of(self.routed)
            self._both = (snapshot, self.routed, pack(snapshot.name, both, known=snapshot))
        return self._both[2].packed[url]

    def has_taken(self, snapshot: Snapshot, url: str) -> bool:
        """Whether Envoy has what it is to have of a kind now."""
        kind = self.kinds.get(url)
        return kind is not None and kind.taken == self.wanted(snapshot, url)

    def follows(self, snapshot: Snapshot) -> bool:
        """Whether Envoy has taken all of it; without clusters it does not ask for their pods."""
        return all(
            (self.kinds[url].taken if url in self.kinds else ()) == packed
            for url, packed in snapshot.packed.items()
            if url != SECRETS
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

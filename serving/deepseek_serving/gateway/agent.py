"""Agent: follows what the operator tells and the pods that are ready, and keeps its Envoy up to date."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from deepseek_serving.gateway import (
    ads,
    certificates,
    document,
    endpoints,
    envoy,
    keys,
    listener,
    mounted,
    store,
)
from deepseek_serving.gateway.bootstrap import HOLD_PORT, PROBE_PORT
from deepseek_serving.gateway.certificates import Pair
from deepseek_serving.gateway.document import Document, DocumentError
from deepseek_serving.gateway.endpoints import Endpoints
from deepseek_serving.gateway.holding import Followed, Held
from deepseek_serving.gateway.keys import Clients
from deepseek_serving.gateway.mounted import Mounted
from deepseek_serving.gateway.watching import Objects

logger = logging.getLogger(__name__)

DOCUMENT_KEY = "gateway.json"
"""In the ConfigMap that the operator writes."""

AWAY_SECONDS = 20.0
"""A node is called unready when it was not heard of for 40 to 50 seconds (--node-monitor-grace-period of the controller
manager, the outage included)."""
DOUBT_SECONDS = 20.0
"""A kubelet reports its pods every 10 seconds at the latest, and at once where their status was changed by others."""

LEAVE_SECONDS = 5.0
"""Envoy's threads take up routes and pods one by one: for so long a pod that is gone may be drawn, and another has to be tried."""

SETTLE_SECONDS = 0.25
"""Envoy says that it has taken up a pod before all of its threads have."""


def keys_in(folder: Path) -> Mounted[Clients]:
    """The Secret of clients and their keys, mounted there."""
    return Mounted("gateway.apiKeys", folder, keys.read, Clients())


def certificate_in(folder: Path) -> Mounted[Pair]:
    """The Secret of the certificate, mounted there."""
    return Mounted("gateway.tls", folder, certificates.read, Pair())


@dataclass(slots=True)
class Agent:
    """What is known, and what Envoy is told of it."""

    folder: Path
    """Keeps the last good state."""
    server: ads.Server = field(default_factory=ads.Server)
    port: int | None = listener.CLIENT_PORT
    tls_port: int = certificates.TLS_PORT
    keys: Mounted[Clients] | None = None
    """None where anybody may ask."""
    certificate: Mounted[Pair] | None = None
    """None without TLS."""
    probe_port: int = PROBE_PORT
    """Where its Envoy passes requests on."""
    hold_port: int = HOLD_PORT
    """Where its Envoy sends requests that find no replica."""
    held: Held = field(default_factory=Held)
    """These requests."""
    settle_seconds: float = SETTLE_SECONDS
    """How long after Envoy has taken up a pod requests that waited for it are sent on."""
    look_seconds: float = mounted.PERIOD_SECONDS
    """How often it looks at what is mounted."""
    doubt_seconds: float = DOUBT_SECONDS
    """How long pods that were ready before the API server was away are still taken for ready."""
    leave_seconds: float = LEAVE_SECONDS
    """How long after pods have gone routes have tries for them still."""
    told: str | None = None
    """Version of the document that was last read."""
    troubles: dict[str, str | None] = field(default_factory=dict)
    """What is not as it has to be, in words, by what it is of; what was good before is followed still."""
    _text: str | None = None
    _document: Document | None = None
    _endpoints: Endpoints | None = None
    _slices: Objects = field(default_factory=dict)
    _left: list[Endpoints] = field(default_factory=list)
    """What there was before pods went, the oldest first."""
    _doubted: Endpoints | None = None
    """Pods that were ready when the API server went away, for a while after it has come back."""
    _untaken: tuple[str, store.State] | None = None
    """A state that Envoy has yet to take, and the version that it takes it as."""
    _published: tuple[ads.Snapshot, Followed] | None = None
    """What Envoy was told last, and what follows for requests that wait."""
    _sent_on: ads.Snapshot | None = None
    _saved: store.State | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def restore(self) -> None:
        """Begin with what was known when an agent last ran here."""
        state = store.load(self.folder)
        if state is None:
            return
        self._take_document(state.document)
        self._endpoints = self._endpoints if self._endpoints is not None else state.endpoints
        if self._document is not None:
            # Envoy may be the one that took it, and first hear of a later one.
            self.server.routed = envoy.build(self._document, state.endpoints, access=self._access())
        logger.info("the last good state is read", extra={"version": self.told})
        self._changed.set()

    def documents_changed(self, objects: Objects) -> None:
        """Of the one ConfigMap; one that is gone or wrong changes nothing."""
        if not objects:
            self.troubles["document"] = "the ConfigMap is not there"
        for item in objects.values():
            text = (item.get("data") or {}).get(DOCUMENT_KEY)
            if text is None:
                self.troubles["document"] = f"the ConfigMap has no {DOCUMENT_KEY}"
            elif text != self._text:
                self._take_document(text)
            else:
                self.troubles["document"] = None
        self._changed.set()

    def slices_returned(self, away: float) -> None:
        """The API server was away for so many seconds: what it says of pods now is not yet what they say of themselves.

        Its node controller has heard of no node meanwhile, calls all of their pods unready at once, and each kubelet
        corrects that when it is heard again.
        """
        if away < AWAY_SECONDS or not self._endpoints:
            return
        logger.warning("the API server is back", extra={"away_seconds": min(away, 1e6)})
        self._doubted = self._endpoints
        asyncio.get_running_loop().call_later(self.doubt_seconds, self._believe)

    def _believe(self) -> None:
        self._doubted = None
        self.slices_changed(self._slices)

    def slices_changed(self, objects: Objects) -> None:
        """Of all EndpointSlices of the object's revisions."""
        self._slices = objects
        found = endpoints.read(objects.values(), doubted=self._doubted)
        before, self._endpoints = self._endpoints or {}, found.pods
        if endpoints.together(found.pods, before) != found.pods:
            self._left.append(before)
            asyncio.get_running_loop().call_later(self.leave_seconds, self._forget)
        self._note("slices", found.trouble)
        self._changed.set()

    def _forget(self) -> None:
        del self._left[0]
        self._changed.set()

    @property
    def pods(self) -> dict[str, int]:
        """Pods that may be sent requests, by revision."""
        return {revision: len(pods) for revision, pods in (self._endpoints or {}).items()}

    async def watch_secrets(self) -> None:
        """Follow what is mounted, for ever; returns only where nothing is."""
        while self.keys or self.certificate:
            # Both: one may be exchanged while the other stays as it is.
            found = [one.refresh() for one in (self.keys, self.certificate) if one is not None]
            if any(found):
                self._changed.set()
            await asyncio.sleep(self.look_seconds)

    async def run(self) -> None:
        """Publish what is known whenever it changes, keep what Envoy has taken, and send on who waits, for ever."""
        await asyncio.gather(self._publish_changes(), self._keep_taken(), self._send_on())

    async def _publish_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._publish()

    async def _keep_taken(self) -> None:
        """What Envoy refuses is not to be what a pod that starts anew begins with."""
        while True:
            await self.server.wait(self._is_taken)
            assert self._untaken is not None
            _, state = self._untaken
            self._untaken = None
            self._save(state)

    def _is_taken(self) -> bool:
        return self._untaken is not None and self._untaken[0] == self.server.taken.version

    def _note(self, of: str, trouble: str | None) -> None:
        if trouble is not None and trouble != self.troubles.get(of):
            logger.error("not all can be followed", extra={"error": trouble})
        self.troubles[of] = trouble

    def _take_document(self, text: str) -> None:
        try:
            self._document = document.parse(text)
        except DocumentError as error:
            self._note("document", str(error))
            return
        self._text, self.told = text, self._document.version
        self.troubles["document"] = None

    async def _publish(self) -> None:
        followed, pods = self._document, self._endpoints
        if followed is None or pods is None:
            # Without both nothing is said: an Envoy that waits is better than one that refuses all.
            return
        try:
            snapshot = self._snapshot(followed, pods)
        except json_format.ParseError as error:
            self._note("document", f"Envoy has no such configuration: {error}")
            return
        self._untaken = (followed.version, store.State(self._text or "", pods))
        self._published = (snapshot, Followed.of(followed, pods))
        await self._published[1].begins(self.held)
        await self.server.publish(snapshot)

    async def _send_on(self) -> None:
        """Requests that wait for a pod, once Envoy has one to send them to."""
        while True:
            await self.server.wait(self._is_followed)
            assert self._published is not None
            snapshot, told = self._published
            await asyncio.sleep(self.settle_seconds)
            if self._published[0] is snapshot:
                self._sent_on = snapshot
                await told.holds(self.held)

    def _is_followed(self) -> bool:
        newest = self._published and self._published[0]
        return newest is not None and self.server.followed is newest is not self._sent_on

    def _snapshot(self, followed: Document, pods: Endpoints) -> ads.Snapshot:
        """Of what is secret nothing is said while it is not there: Envoy keeps what it has, or waits."""
        clients = self.keys.held if self.keys is not None else Clients()
        pair = self.certificate.held if self.certificate is not None else Pair()
        return ads.pack(
            followed.version,
            envoy.build(
                followed,
                pods,
                access=self._access(),
                lately=endpoints.together(*self._left),
            ),
            known=self.server.published,
            extensions=keys.configurations(clients, followed.clients) if clients.by_key else (),
            secrets=(certificates.secret(pair),) if pair.is_there else (),
        )

    def _access(self) -> listener.Access:
        return listener.Access(
            self.port,
            self.tls_port if self.certificate is not None else None,
            probe_port=self.probe_port,
            hold_port=self.hold_port,
            keys=self.keys is not None,
        )

    def _save(self, state: store.State) -> None:
        if state == self._saved:
            return
        try:
            store.save(self.folder, state)
        except OSError as error:
            self._note("state", f"the last good state is not kept in {self.folder}: {error}")
            return
        self._saved = state
        self.troubles["state"] = None

    def report(self) -> dict[str, Any]:
        """How far this gateway is, for whoever decides on the next weight."""
        taken = self.server.taken
        return {
            "told": self.told,
            "taken": taken.version,
            "refusal": taken.refusal,
            "refusals": taken.refusals,
            "trouble": "; ".join(filter(None, self.troubles.values())) or None,
            "connected": taken.connected,
            "envoy": taken.envoy,
            "pods": self.pods,
            "secrets": self.secrets(),
            **({"hold": self.held.report()} if self.held.rule is not None else {}),
        }

    @property
    def served_name(self) -> str:
        """What clients send as "model"."""
        return self._document.served_name if self._document else ""

    def secrets(self) -> dict[str, Any]:
        """What is held of each Secret, by its field of the object, and what is wrong with it."""
        found: dict[str, Any] = {}
        if self.keys is not None:
            clients = self.keys.held
            limits = self._document.clients if self._document else document.ClientLimits()
            found["apiKeys"] = {
                "held": bool(clients.by_key),
                "clients": len(clients.names),
                "unknown": list(keys.unknown(limits, clients.names)),
                "trouble": list(clients.trouble),
            }
        if self.certificate is not None:
            pair, refused = self.certificate.held, self.server.taken.refused_secret
            refusal = [] if refused is None else [f"Envoy does not take it: {refused}"]
            found["tls"] = {"held": pair.is_there, "trouble": [*pair.trouble, *refusal]}
        return found

"""Agent: follows what the operator tells and the pods that are ready, and keeps its Envoy up to date."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from deepseek_serving.gateway import ads, document, endpoints, envoy, store
from deepseek_serving.gateway.document import Document, DocumentError
from deepseek_serving.gateway.endpoints import Endpoints
from deepseek_serving.gateway.watching import Objects

logger = logging.getLogger(__name__)

DOCUMENT_KEY = "gateway.json"
"""In the ConfigMap that the operator writes."""


@dataclass(slots=True)
class Agent:
    """What is known, and what Envoy is told of it."""

    folder: Path
    """Keeps the last good state."""
    server: ads.Server = field(default_factory=ads.Server)
    port: int = envoy.CLIENT_PORT
    told: str | None = None
    """Version of the document that was last read."""
    trouble: str | None = None
    """Why the last document that was read is not followed."""
    _text: str | None = None
    _document: Document | None = None
    _endpoints: Endpoints | None = None
    _saved: store.State | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def restore(self) -> None:
        """Begin with what was known when an agent last ran here."""
        state = store.load(self.folder)
        if state is None:
            return
        self._take_document(state.document)
        self._endpoints = self._endpoints if self._endpoints is not None else state.endpoints
        logger.info("the last good state is read", extra={"version": self.told})
        self._changed.set()

    def documents_changed(self, objects: Objects) -> None:
        """Of the one ConfigMap; one that is gone or wrong changes nothing."""
        for item in objects.values():
            text = (item.get("data") or {}).get(DOCUMENT_KEY)
            if text is None:
                self.trouble = f"the ConfigMap has no {DOCUMENT_KEY}"
            elif text != self._text:
                self._take_document(text)
        self._changed.set()

    def slices_changed(self, objects: Objects) -> None:
        """Of all EndpointSlices of the object's revisions."""
        self._endpoints = endpoints.by_revision(objects.values())
        self._changed.set()

    @property
    def pods(self) -> dict[str, int]:
        """Pods that may be sent requests, by revision."""
        return {revision: len(pods) for revision, pods in (self._endpoints or {}).items()}

    async def run(self) -> None:
        """Publish what is known whenever it changes, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._publish()

    def _take_document(self, text: str) -> None:
        try:
            self._document = document.parse(text)
        except DocumentError as error:
            self.trouble = str(error)
            logger.error("the document is not followed", extra={"error": self.trouble})  # noqa: TRY400
            return
        self._text, self.told, self.trouble = text, self._document.version, None

    async def _publish(self) -> None:
        followed, pods = self._document, self._endpoints
        if followed is None or pods is None:
            # Without both nothing is said: an Envoy that waits is better than one that refuses all.
            return
        try:
            snapshot = ads.pack(followed.version, envoy.build(followed, pods, port=self.port))
        except json_format.ParseError as error:
            self.trouble = f"Envoy has no such configuration: {error}"
            logger.exception("the document is not followed")
            return
        await self.server.publish(snapshot)
        self._save(store.State(self._text or "", pods))

    def _save(self, state: store.State) -> None:
        if state == self._saved:
            return
        try:
            store.save(self.folder, state)
        except OSError as error:
            logger.warning("the state is not kept", extra={"error": str(error)})
            return
        self._saved = state

    def report(self) -> dict[str, Any]:
        """How far this gateway is, for whoever decides on the next weight."""
        taken = self.server.taken
        return {
            "told": self.told,
            "taken": taken.version,
            "refusal": taken.refusal,
            "refusals": taken.refusals,
            "trouble": self.trouble,
            "connected": taken.connected,
            "envoy": taken.envoy,
            "pods": self.pods,
        }

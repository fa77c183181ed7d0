"""Watches by kopf; every event becomes a key in the queue and nothing else. The only import of kopf."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import kopf

from deepseek_operator.api import names
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import PAGE_SIZE, Credentials
from deepseek_operator.kube.resources import Resource

WATCHED_CHILDREN: tuple[Resource, ...] = (
    *resources.CHILDREN,
    *resources.SHARED,
    resources.POD,
)

AddKey = Callable[[str, str], None]
"""Called with the namespace and name of an object that may need a pass."""


Login = Callable[[], Awaitable[Credentials]]
"""Asked for credentials at the start, and again whenever the API server turns them down."""

Stopping = Callable[[], Awaitable[None]]
"""Called once when the process was told to end and the watches have ended."""


def build_registry(add: AddKey, *, login: Login, stopping: Stopping) -> kopf.OperatorRegistry:
    """The handlers: objects and whatever carries our label, both to the object's key."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        tune(settings)

    @kopf.on.cleanup(registry=registry)
    async def clean_up(**_: Any) -> None:
        await stopping()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        found = await login()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.private_key_path,
            scheme="Bearer" if found.token else None,
            token=found.token,
        )

    heard = Heard()

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def object_changed(
        namespace: str | None, name: str | None, event: kopf.RawEvent, **_: Any
    ) -> None:
        if namespace and name and heard.is_news(event["type"], event["object"]):
            add(namespace, name)

    async def child_changed(namespace: str | None, body: Any, **_: Any) -> None:
        for owner in owners_of(body):
            if namespace:
                add(namespace, owner)

    for resource in WATCHED_CHILDREN:
        kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(
            child_changed
        )
    return registry


def owners_of(body: Mapping[str, Any]) -> set[str]:
    """The objects that a child belongs to: the one of its label, or all that share it, in whatever version it names them."""
    metadata = body["metadata"]
    labelled = (metadata.get("labels") or {}).get(names.DEPLOYMENT_LABEL)
    if labelled:
        return {str(labelled)}
    return {
        str(owner["name"])
        for owner in metadata.get("ownerReferences") or []
        if owner.get("kind") == names.KIND
        and str(owner.get("apiVersion")).startswith(f"{names.GROUP}/")
    }


class Heard:
    """Tells what others changed of an object from the echo of our own report on it.

    A pass ends with its report: a pass that only answers the report finds nothing to do.
    """

    def __init__(self) -> None:
        """Nothing was heard of any object."""
        self._known: dict[tuple[str, str], str] = {}

    def is_news(self, kind: str | None, body: Mapping[str, Any]) -> bool:
        """Whether an event of this kind (None: of a list) tells more than a new status."""
        metadata = body["metadata"]
        key = (metadata["namespace"], metadata["name"])
        if kind == "DELETED":
            self._known.pop(key, None)
            return True
        before, self._known[key] = self._known.get(key), _fingerprint(body)
        return kind != "MODIFIED" or before != self._known[key]


def _fingerprint(body: Mapping[str, Any]) -> str:
    """Of everything but the status; the generation stands for the spec. A lost status is news."""
    kept = {
        field: value
        for field, value in body["metadata"].items()
        if field not in ("managedFields", "resourceVersion")
    }
    return names.digest(json.dumps([kept, bool(body.get("status"))], sort_keys=True))


def tune(settings: kopf.OperatorSettings) -> None:
    """Make kopf a watch only: no writes, no discovery of new kinds, back-off without end."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.chunk_size = PAGE_SIZE
    settings.watching.reconnect_backoff = 1.0
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # Endless: a finite list ends the operator after a minute of a failing API server.
    settings.networking.error_backoffs = EndlessBackoffs()
    ours = f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}"
    for resource in WATCHED_CHILDREN:
        settings.watching.label_selectors[resource.group, resource.version, resource.plural] = ours


class EndlessBackoffs:
    """1, 2, 4, 8, 15, 15, … seconds, each time it is iterated anew."""

    def __iter__(self) -> Any:
        """An iterator without end."""
        return itertools.chain((1.0, 2.0, 4.0, 8.0), itertools.repeat(15.0))


async def watch(
    registry: kopf.OperatorRegistry,
    *,
    namespaces: tuple[str, ...],
    stop: asyncio.Event,
    started: asyncio.Event,
) -> None:
    """Watch until `stop` is set or the process is told to end by SIGTERM or SIGINT."""
    await kopf.operator(
        registry=registry,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
        ready_flag=started,
    )

"""A small client on plain dictionaries, over the transport of the official one."""

import json
import os
import re
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import client as transport
from kubernetes.aio import config

from deepseek_operator.api.names import FIELD_MANAGER
from deepseek_operator.kube.errors import (
    ApiError,
    NotFoundError,
    UnreachableError,
    api_error,
)
from deepseek_operator.kube.resources import Resource

Manifest = dict[str, Any]

PAGE_SIZE = 500
APPLY_PATCH = "application/apply-patch+yaml; charset=utf-8"
"""With the charset the transport sends our text as it is; its own JSON is not YAML: half-character
escapes, as of an emoji in an engine's log, are refused."""
JSON_PATCH = "application/json-patch+json"
YAML = "application/yaml"
_DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}

_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON may hold as they are and YAML may not."""

CallObserver = Callable[[str, str, int], None]
"""Told of every call: verb, plural, status code (0: no answer)."""


async def connect(*, kubeconfig: str | None, host: str | None = None) -> transport.ApiClient:
    """A transport for this pod's ServiceAccount, or for a kubeconfig; `host` replaces the address."""
    configuration = transport.Configuration()
    if kubeconfig is not None:
        await config.load_kube_config(
            config_file=kubeconfig, client_configuration=configuration, persist_config=False
        )
    else:
        config.load_incluster_config(client_configuration=configuration)
    if host is not None:
        configuration.host = host
    return transport.ApiClient(configuration)


_DEFAULT_FILES = config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION or "~/.kube/config"
"""$KUBECONFIG, or where kubectl looks without it."""


class NoKubeconfigError(Exception):
    """No kubeconfig, or none that can be used; the text says which."""


def _files(kubeconfig: str | None) -> str:
    """The files that are read, of which one has to be there."""
    named = kubeconfig or _DEFAULT_FILES
    if not any(Path(one).expanduser().is_file() for one in named.split(os.pathsep) if one):
        # The library says so in a line of its own, and then speaks of a key that is missing.
        raise NoKubeconfigError(f"kubeconfig {named}: no such file")
    return named


async def connect_as_user(
    *, kubeconfig: str | None, context: str | None
) -> tuple[transport.ApiClient, str]:
    """A transport as kubectl would have it, and the namespace of the context."""
    configuration = transport.Configuration()
    contexts: Any
    current: Any
    named_files = _files(kubeconfig)
    try:
        contexts, current = config.list_kube_config_contexts(config_file=named_files)
        await config.load_kube_config(
            config_file=named_files,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except (config.ConfigException, OSError, TypeError) as error:
        raise NoKubeconfigError(f"kubeconfig {named_files}: {error}") from error
    except yaml.YAMLError as error:
        raise NoKubeconfigError(f"kubeconfig {named_files}: not YAML") from error
    named = next((item for item in contexts if item["name"] == context), current)
    namespace = named.get("context", {}).get("namespace", "default")
    return transport.ApiClient(configuration), str(namespace)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Address and identity at the API server, for whoever opens connections of its own."""

    server: str
    ca_path: str | None
    certificate_path: str | None
    private_key_path: str | None
    token: str | None


async def credentials(api: transport.ApiClient) -> Credentials:
    """The credentials a transport uses now; tokens of ServiceAccounts rotate, so ask again."""
    configuration = api.configuration
    headers: dict[str, str] = {}
    await api.update_params_for_auth(headers, [], ["BearerToken"], "/", "GET", None)
    return Credentials(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        token=bearer_token(headers.get("authorization", "")),
    )


def bearer_token(header: str) -> str | None:
    """The token of an Authorization header; None where it holds none.

    The scheme's case means nothing (RFC 9110, 11.1), and the official client writes it "bearer" for
    a pod's ServiceAccount and "Bearer" for a kubeconfig.
    """
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


_LOG_SECONDS = 5.0
"""How long a log may take: it comes from a node, which the API server itself waits for up to 30 s (`client-go/transport/cache.go`)."""


class Kube:
    """Reads and writes objects; every write names the one field manager."""

    def __init__(
        self,
        api: transport.ApiClient,
        *,
        timeout_seconds: float = 30.0,
        observe_call: CallObserver = lambda _verb, _plural, _code: None,
        manager: str = FIELD_MANAGER,
    ) -> None:
        """`timeout_seconds` bounds each call; `observe_call` counts them; `manager` owns what is written."""
        self._manager = manager
        self._api = api
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._log_timeout = aiohttp.ClientTimeout(total=min(timeout_seconds, _LOG_SECONDS))
        self._observe_call = observe_call

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none."""
        try:
            return await self._json("get", resource, resource.path(namespace, name))
        except NotFoundError:
            return None

    async def list_all(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str | None] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> list[Manifest]:
        """All objects with these labels (None: of any value) and fields; no namespace: of every one."""
        pages = self.pages(resource, namespace, labels=labels, fields=fields)
        return [item async for page in pages for item in page]

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str | None] | None = None,
        fields: Mapping[str, str] | Sequence[str] | None = None,
    ) -> AsyncIterator[list[Manifest]]:
        """The same a page at a time, for what is too much to hold at once; fields also as terms: `spec.nodeName!=`."""
        query = {"limit": str(PAGE_SIZE)}
        if labels:
            query["labelSelector"] = ",".join(
                key if value is None else f"{key}={value}" for key, value in labels.items()
            )
        if isinstance(fields, Mapping):
            fields = [f"{key}={value}" for key, value in fields.items()]
        if fields:
            query["fieldSelector"] = ",".join(fields)
        while True:
            page = await self._json("list", resource, resource.path(namespace), query=query)
            # Items of a list come without their type.
            yield [
                {"apiVersion": resource.api_version, "kind": resource.kind, **item}
                for item in page["items"]
            ]
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def create(
        self, resource: Resource, manifest: Manifest, *, dry_run: bool = False
    ) -> Manifest:
        """Make a new object; AlreadyExistsError where the name is taken, by whomever.

        With `dry_run` the server does all but store it: defaults, validation and admission.

        It is sent as YAML. The `data` of a ControllerRevision may not change, byte by byte, and is
        stored as it came in JSON: with Python's spaces in it every later change of the object, even
        the garbage collector's, is refused. YAML the server writes anew, in the form that it keeps.
        """
        return await self._json(
            "create",
            resource,
            resource.path(manifest["metadata"]["namespace"]),
            method="POST",
            query={
                "fieldManager": self._manager,
                "fieldValidation": "Strict",
                **(_DRY_RUN if dry_run else {}),
            },
            body=_yaml(manifest),
            content_type=YAML,
        )

    async def apply(self, resource: Resource, manifest: Manifest, *, sub: str = "") -> Manifest:
        """Server-side apply of a complete object, taking over the fields that others changed.

        With `metadata.uid` set it changes that very object or none; with `metadata.resourceVersion`
        only that version of it.
        """
        metadata = manifest["metadata"]
        return await self._json(
            "apply",
            resource,
            resource.path(metadata["namespace"], metadata["name"], sub=sub),
            method="PATCH",
            query={"fieldManager": self._manager, "force": "true"},
            body=_yaml(manifest),
            content_type=APPLY_PATCH,
        )

    async def json_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        operations: list[Manifest],
        *,
        dry_run: bool = False,
    ) -> Manifest:
        """Apply JSON patch operations; with `dry_run` the server does all but store what comes of it."""
        return await self._json(
            "patch",
            resource,
            resource.path(namespace, name),
            method="PATCH",
            query={"fieldManager": self._manager, **(_DRY_RUN if dry_run else {})},
            body=operations,
            content_type=JSON_PATCH,
        )

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Replace an object as read; VersionConflictError if it changed since."""
        metadata = manifest["metadata"]
        return await self._json(
            "update",
            resource,
            resource.path(metadata["namespace"], metadata["name"]),
            method="PUT",
            query={"fieldManager": self._manager},
            body=manifest,
        )

    async def delete(
        self, resource: Resource, manifest: Manifest, *, unchanged: bool = False
    ) -> None:
        """Delete this very object, or only this very version of it; nothing happens if it is gone.

        VersionConflictError if another object has the name by now, or another version is there.
        """
        metadata = manifest["metadata"]
        preconditions = {"uid": metadata["uid"]}
        if unchanged:
            preconditions["resourceVersion"] = metadata["resourceVersion"]
        options = {"propagationPolicy": "Background", "preconditions": preconditions}
        try:
            await self._json(
                "delete",
                resource,
                resource.path(metadata["namespace"], metadata["name"]),
                method="DELETE",
                body=options,
            )
        except NotFoundError:
            return

    async def log_tail(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        container: str,
        previous: bool = False,
        lines: int = 200,
    ) -> str:
        """The last lines of a container's log; empty where there is none any more, or its node does not give it in time."""
        query = {
            "container": container,
            "previous": "true" if previous else "false",
            "tailLines": str(lines),
            "limitBytes": "65536",
        }
        path = resource.path(namespace, name, sub="log")
        try:
            text = await self._call("log", resource, path, query=query, timeout=self._log_timeout)
        except (ApiError, UnreachableError):
            # Gone, not started, or its node does not answer: a pass does without it. An API server
            # that is away fails the calls that a pass needs.
            return ""
        return text.decode(errors="replace")

    async def _json(self, verb: str, resource: Resource, path: str, **request: Any) -> Manifest:
        answer: Manifest = json.loads(await self._call(verb, resource, path, **request))
        return answer

    async def _call(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        method: str = "GET",
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> bytes:
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": self._manager,
        }
        code = 0
        try:
            await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            response = await self._api.rest_client.request(
                method,
                self._url(path, query),
                headers,
                body,
                _request_timeout=timeout or self._timeout,
            )
            code, answer = response.status, await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"{method} {path}: {error or type(error).__name__}") from error
        finally:
            self._observe_call(verb, resource.plural, code)
        if code >= 300:
            raise _error(code, answer)
        return bytes(answer)

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        text = urllib.parse.urlencode(query) if query else ""
        return f"{self._api.configuration.host}{path}{'?' + text if text else ''}"


def _yaml(manifest: Manifest) -> str:
    """JSON that is YAML too: every text stays in quotes, so none is read as a number or a date."""
    text = json.dumps(manifest, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _error(code: int, answer: bytes) -> Exception:
    try:
        status = json.loads(answer)
        return api_error(code, str(status.get("reason", "")), str(status.get("message", "")))
    except (ValueError, AttributeError):
        return api_error(code, "", answer[:200].decode(errors="replace"))

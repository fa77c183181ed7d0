"""An OCI artefact or image: oci://registry/repository[:tag|@digest], as the distribution spec has it."""

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deepseek_serving.weights import refusals
from deepseek_serving.weights.errors import Permanent, Reason, Temporary
from deepseek_serving.weights.listing import (
    Archive,
    Checksum,
    Download,
    Listing,
    RemoteFile,
    checked_path,
)
from deepseek_serving.weights.transport import Refusal, Transport

MOST_MANIFEST_BYTES = 2**22
TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DOCKER_HUB = "docker.io"


class RegistrySource:
    """One artefact (a layer a file, as ORAS pushes it) or image (layers of files: a modelcar)."""

    def __init__(
        self,
        registry: str,
        repository: str,
        reference: str,
        *,
        environment: Mapping[str, str],
        transport: Transport,
    ) -> None:
        mark = "@" if ":" in reference else ":"
        self.name = f"oci://{registry}/{repository}{mark}{reference}"
        self._registry = registry
        self._reference = reference
        self._transport = transport
        self._account = account(registry, environment)
        host = "registry-1.docker.io" if registry == DOCKER_HUB else registry
        self._base = f"{_scheme(host)}://{host}/v2/{repository}"
        self._authorization: str | None = None

    def listing(self) -> Listing:
        """The layers of the manifest; its digest is the revision."""
        digest, manifest = self._manifest(self._reference)
        if manifest.get("manifests"):
            digest, manifest = self._manifest(_for_this_machine(manifest["manifests"]))
        files = tuple(_files(manifest.get("layers") or []))
        if not files:
            raise Permanent(Reason.NOT_FOUND, f"{self.name} has no layer that holds files")
        return Listing(digest, files)

    def with_checksum(self, file: RemoteFile) -> RemoteFile:
        """The file itself: a layer's name is its checksum."""
        return file

    def locate(self, file: RemoteFile) -> Download:
        """The blob, with the token that the manifest was read with."""
        if self._authorization is None:
            self._manifest(self._reference)
        return Download(f"{self._base}/blobs/{file.locator}", self._headers())

    def renew(self) -> None:
        """Forget the token: registries give them for minutes only."""
        self._authorization = None

    def advice(self, status: int) -> str:
        """What a person does about it."""
        if status == 404:
            return "check registry, repository and tag for spelling"
        if self._account is None:
            return (
                f"there is no password for {self._registry}, or the repository is not there: name a"
                " Secret of type kubernetes.io/dockerconfigjson for it"
            )
        return f"the password for {self._registry} is wrong or may not pull: replace it"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._authorization} if self._authorization else {}

    def _manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        """The digest and content of a manifest, the one checked against the other."""
        url = f"{self._base}/manifests/{reference}"
        try:
            body = self._authorized(url, accept=", ".join(MANIFESTS + INDEXES))
        except Refusal as refusal:
            raise refusals.explain(refusal, what=self.name, advice=self.advice) from None
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if ":" in reference and digest != reference:
            raise Permanent(
                Reason.CHECKSUM_MISMATCH,
                f"{self.name}: the registry answers {reference} with {digest}: use another mirror",
            )
        return digest, _parse(body, self.name)

    def _authorized(self, url: str, *, accept: str) -> bytes:
        """A document, with a token asked for where the registry wants one."""
        headers = {"Accept": accept}
        try:
            return self._read(url, {**headers, **self._headers()})
        except Refusal as refusal:
            challenge = refusal.headers.get("www-authenticate", "")
            if refusal.status != 401 or not challenge:
                raise
        self._authorization = self._answer(challenge)
        return self._read(url, {**headers, **self._headers()})

    def _read(self, url: str, headers: Mapping[str, str]) -> bytes:
        return self._transport.read(Download(url, headers), most_bytes=MOST_MANIFEST_BYTES)[0]

    def _answer(self, challenge: str) -> str | None:
        """What the registry wants to see, from its challenge and the account."""
        basic = {"Authorization": f"Basic {self._account}"} if self._account else {}
        if not challenge.lower().startswith("bearer"):
            return basic.get("Authorization")
        words = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = words.pop("realm", "")
        wanted = {name: words[name] for name in ("service", "scope") if name in words}
        answer = _parse(self._read(f"{realm}?{urlencode(wanted)}", basic), self.name)
        token = answer.get("token") or answer.get("access_token")
        if not token:
            raise Temporary(Reason.SERVER_ERROR, f"{self._registry} gives no token")
        return f"Bearer {token}"


def account(registry: str, environment: Mapping[str, str]) -> str | None:
    """The account for a registry from Docker's configuration file, in base64 as it is sent."""
    home = environment.get("HOME", "/")
    folder = environment.get("DOCKER_CONFIG") or str(Path(home, ".docker"))
    places = [Path(folder, "config.json"), Path(folder, ".dockerconfigjson")]
    file = next((place for place in places if place.exists()), None)
    if file is None:
        return None
    try:
        entries = json.loads(file.read_text(encoding="utf-8")).get("auths", {})
        names = {re.sub(r"^https?://|/.*$", "", name): entry for name, entry in entries.items()}
        known = ("index.docker.io", DOCKER_HUB) if registry == DOCKER_HUB else (registry,)
        entry: Any = next((names[name] for name in known if name in names), {})
        if entry.get("auth"):
            return str(entry["auth"])
        if entry.get("username"):
            pair = f"{entry['username']}:{entry.get('password', '')}"
            return base64.b64encode(pair.encode()).decode()
    except (ValueError, AttributeError, TypeError):
        raise Permanent(
            Reason.INVALID_SOURCE, f"{file} is no Docker configuration: it must be JSON with auths"
        ) from None
    return None


def _scheme(host: str) -> str:
    """As container engines have it: a registry on this very machine needs no certificate."""
    name = host.rpartition(":")[0] or host
    local = name in ("localhost", "[::1]") or name.startswith("127.")
    return "http" if local else "https"


def _for_this_machine(manifests: list[dict[str, Any]]) -> str:
    """The digest for this machine's architecture, or the first: weights are the same for all."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "")
    fitting = [
        manifest
        for manifest in manifests
        if manifest.get("platform", {}).get("architecture") == architecture
    ]
    return str((fitting or manifests)[0]["digest"])


def _files(layers: list[dict[str, Any]]) -> Iterator[RemoteFile]:
    """Layers with a title are files; others are archives of files."""
    for layer in layers:
        digest, size = str(layer["digest"]), int(layer["size"])
        algorithm, _, value = digest.partition(":")
        notes = layer.get("annotations") or {}
        archive = _archive(notes)
        path = f"{value[:12]}.tar" if archive else checked_path(notes[TITLE])
        yield RemoteFile(path, size, Checksum(algorithm, value), digest, archive)


def _archive(notes: Mapping[str, str]) -> Archive:
    if TITLE not in notes:
        return "image"
    return "folder" if notes.get(UNPACK) == "true" else ""


def _parse(body: bytes, what: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        document = json.loads(body)
        if isinstance(document, dict):
            return document
    raise Temporary(Reason.SERVER_ERROR, f"{what}: the answer is no JSON object")

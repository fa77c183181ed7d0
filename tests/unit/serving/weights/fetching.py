"""What the tests of fetching share: sources of every kind, and what is found in a target."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from deepseek_serving.weights.errors import FetchError, Reason
from deepseek_serving.weights.fetch import Outcome
from deepseek_serving.weights.retries import Policy
from tests.hub.hub import Hub

KIB = 2**10
TOKEN = "token-that-nobody-may-see"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
WANTED = {*SHARDS, "model.safetensors.index.json", "config.json", "tokenizer.json", "empty.json"}
SHARD = SHARDS[0]
HF = "hf://test/model"
STORED = r"/cdn/"
"""Where the hub keeps large files."""

IMPATIENT = Policy(first_pause=0.001, attempts=4)


class Fetcher(Protocol):
    """Fetches into a directory and says what became of it."""

    def __call__(
        self,
        source: str = ...,
        *,
        environment: Mapping[str, str] = ...,
        stall_seconds: float = ...,
        policy: Policy = ...,
    ) -> Outcome | FetchError: ...


def names(target: Path) -> set[str]:
    return {
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if path.is_file() and ".fetch" not in path.parts
    }


def assert_whole(target: Path, model: Path, *, also: frozenset[str] = frozenset()) -> None:
    assert names(target) == WANTED | also | {".complete.json"}
    for name in WANTED:
        assert (target / name).read_bytes() == (model / name).read_bytes(), name


def failed(outcome: Outcome | FetchError, reason: Reason) -> FetchError:
    assert isinstance(outcome, FetchError), outcome
    assert outcome.reason is reason, outcome.message
    return outcome


def sources(hub: Hub) -> Iterator[tuple[str, str, str]]:
    """Every kind of source, the revision it has, and where its content is sent from."""
    sums = hub.models["test/model"].sums()
    sha = hashlib.sha256(sums.encode()).hexdigest()
    address = f"{hub.tls_url}/files/test/model/SHA256SUMS#sha256={sha}"
    packed = hub.models["test/model"].archive("model", packed=True)
    packed_sha = hashlib.sha256(packed.read_bytes()).hexdigest()
    archive = f"{hub.tls_url}/archives/test/model.tar.gz#sha256={packed_sha}"
    yield "hf", HF, "/cdn/"
    yield "oras", f"oci://{hub.registry}/oras/test/model:v1", "/blobs/"
    yield "modelcar", f"oci://{hub.registry}/modelcar/test/model", "/blobs/"
    yield "modelcar-packed", f"oci://{hub.registry}/modelcar/test/model-packed", "/blobs/"
    yield "list", address, "/files/.*safetensors"
    yield "archive", archive, "/archives/"


KINDS = ("hf", "oras", "modelcar", "modelcar-packed", "list", "archive")

"""A hub with small models, shared by all tests of a session; each begins without faults."""

import base64
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deepseek_serving.weights.errors import FetchError
from deepseek_serving.weights.fetch import Fetch, Outcome, Request
from deepseek_serving.weights.retries import Policy
from tests.hub.hub import Hub
from tests.hub.models import Model
from tests.unit.serving.weights.fetching import HF, IMPATIENT, KIB, SHARDS, TOKEN, Fetcher


def make_model(directory: Path, *, seed: int, shard_bytes: int) -> Path:
    """A directory that looks like a model: random weights, and what stands beside them."""
    dice = random.Random(seed)
    directory.mkdir(parents=True)
    for name in SHARDS:
        (directory / name).write_bytes(dice.randbytes(shard_bytes + dice.randrange(999)))
    (directory / "model.safetensors.index.json").write_text("{}")
    (directory / "config.json").write_text('{"model_type": "deepseek_v3"}')
    (directory / "tokenizer.json").write_bytes(dice.randbytes(40 * KIB))
    (directory / "empty.json").write_bytes(b"")
    (directory / "README.md").write_text("not for engines")
    (directory / "original").mkdir()
    (directory / "original" / "consolidated.00.pth").write_bytes(dice.randbytes(KIB))
    return directory


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that is fetched."""
    return make_model(tmp_path_factory.mktemp("m") / "model", seed=1, shard_bytes=600 * KIB)


@pytest.fixture(scope="session")
def running_hub(model: Path) -> Iterator[Hub]:
    models = [
        Model("test/model", model),
        Model("test/model-packed", model),
        Model("test/private", model, private=True, token=TOKEN),
        Model("test/gated", model, gated=True, token=TOKEN),
    ]
    with Hub(*models, account="user:password") as hub:
        yield hub


@pytest.fixture
def hub(running_hub: Hub) -> Hub:
    """The hub without faults and with an empty log."""
    running_hub.rules.replace([])
    running_hub.log.clear()
    return running_hub


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fetch(hub: Hub, target: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    monkeypatch.setenv("SSL_CERT_FILE", str(hub.authority))

    def run(
        source: str = HF,
        *,
        environment: Mapping[str, str] | None = None,
        stall_seconds: float = 20.0,
        policy: Policy = IMPATIENT,
    ) -> Outcome | FetchError:
        request = Request(
            source=source,
            environment={"HF_ENDPOINT": hub.url, **(environment or {})},
            stall_seconds=stall_seconds,
            policy=policy,
        )
        try:
            return Fetch(request, target, log=said.append).run()
        except FetchError as error:
            return error

    return run


@pytest.fixture
def account(tmp_path: Path, hub: Hub) -> dict[str, str]:
    """The registry's password."""
    folder = tmp_path / "docker"
    folder.mkdir()
    auth = base64.b64encode(b"user:password").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {hub.registry: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}

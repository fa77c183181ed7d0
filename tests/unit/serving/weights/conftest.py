"""A hub with small models, shared by all tests of a session; each begins without faults."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.models import Model

KIB = 2**10
TOKEN = "token-that-nobody-may-see"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
WANTED = {*SHARDS, "model.safetensors.index.json", "config.json", "tokenizer.json", "empty.json"}


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

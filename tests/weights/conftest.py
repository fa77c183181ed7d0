"""Hubs with a model large enough to be killed in the middle of."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.models import Model
from tests.weights.fetchers import TOKEN

MIB = 2**20
BYTES_PER_SECOND = 40 * MIB
"""So slow that little is in the sockets when a process is killed."""

SIZES = {
    "model-00001-of-00003.safetensors": 9 * MIB + 12345,
    "model-00002-of-00003.safetensors": 11 * MIB + 1,
    "model-00003-of-00003.safetensors": 3 * MIB,
    "model.safetensors.index.json": 2000,
    "config.json": 700,
    "tokenizer.json": 400_000,
}


@pytest.fixture(scope="session")
def content() -> dict[str, bytes]:
    """The model's files by name."""
    dice = random.Random(4)
    return {name: dice.randbytes(size) for name, size in SIZES.items()}


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory, content: dict[str, bytes]) -> Path:
    """The model, with what no engine needs."""
    place = tmp_path_factory.mktemp("model")
    for name, text in content.items():
        (place / name).write_bytes(text)
    (place / "README.md").write_text("not for engines")
    return place


@pytest.fixture(scope="session")
def running_hub(directory: Path) -> Iterator[Hub]:
    models = (
        Model("test/model", directory),
        Model("test/private", directory, private=True, token=TOKEN),
        Model("test/gated", directory, gated=True, token=TOKEN),
    )
    with Hub(*models, store_port=0, bytes_per_second=BYTES_PER_SECOND) as hub:
        yield hub


@pytest.fixture
def hub(running_hub: Hub) -> Hub:
    """The hub without faults and with an empty log."""
    running_hub.rules.replace([])
    running_hub.log.clear()
    return running_hub

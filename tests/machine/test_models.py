"""The small models: what is trained again on this machine is the same."""

import hashlib
from pathlib import Path

import pytest

from dev import shared
from dev.images import __main__ as images
from dev.models import __main__ as models
from dev.models.shapes import SHAPES


def contents(folder: Path) -> dict[str, str]:
    """A hash of every file of a model."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.campaign
def test_a_model_that_is_trained_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    name = next(shape.name for shape in SHAPES if not shape.twin_of)
    images.build(models.ENVIRONMENT, archived=False)

    for attempt in ("one", "other"):
        (tmp_path / attempt).mkdir()
        with shared.alone(models.MODELS):
            models.in_container(name, tmp_path / attempt)

    made = contents(tmp_path / "one" / name)
    assert "model.safetensors" in made
    assert made == contents(tmp_path / "other" / name)

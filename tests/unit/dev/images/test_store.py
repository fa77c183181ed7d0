"""How buildah is called, with a fake one."""

from pathlib import Path

import pytest

from dev import steps
from dev.images import store
from tests.unit.dev.programs import fake_program


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a store of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(store, "STORE", folder / "buildah")
    monkeypatch.setattr(store, "LOG", tmp_path / "images.log")
    return folder


@pytest.mark.parametrize("end", [0, 1], ids=["done", "failed"])
def test_what_buildah_unpacks_lies_on_the_disk_of_the_store_and_goes(
    end: int, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "told"
    shell = f'touch "$TMPDIR/layer" && echo "$TMPDIR" > {kept}; exit {end}'
    fake_program(tmp_path, "buildah", monkeypatch, {"*": shell})

    try:
        store.buildah("push", "a", "b")
    except steps.StepError:
        assert end

    work = Path(kept.read_text().strip())
    assert work.parent == cache
    assert not work.exists()

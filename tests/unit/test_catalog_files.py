"""The platform team's documents are followed on disk: what is taken, what is told, and what never stops the operator."""

import asyncio
import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepseek_operator import catalog_files
from deepseek_operator.catalog import catalog
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.catalog_files import MOST_BYTES, CatalogFiles, read_folder
from deepseek_operator.metrics import OperatorMetrics
from tests.unit.catalog.test_catalog import COMPLETE
from tests.unit.mounted import mount

SHIPPED = catalog.shipped()
PRICE = "accelerators: {H200: {pricePerHour: 1.5}}"
TYPO = "accelerators: {H200: {pricePerHuor: 1.5}}"
TOLD = "H200: pricePerHuor: unknown field; did you mean pricePerHour?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "catalog"
    mount(found, {})
    return found


@pytest.fixture
def files(folder: Path, caplog: pytest.LogCaptureFixture) -> Iterator[CatalogFiles]:
    with caplog.at_level(logging.INFO, logger=catalog_files.__name__):
        yield CatalogFiles(str(folder), metrics=OperatorMetrics())


def documents(files: CatalogFiles) -> tuple[float | None, float | None]:
    """How many are taken and refused, as metrics have it."""
    registry, name = files._metrics.registry, "deepseek_operator_catalog_documents"
    taken, refused = (
        registry.get_sample_value(name, {"state": state}) for state in ("taken", "refused")
    )
    return taken, refused


def test_without_a_folder_it_is_what_is_shipped_and_nothing_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = CatalogFiles("", metrics=OperatorMetrics())

    with caplog.at_level(logging.DEBUG):
        assert not files.look()
    assert files.present is SHIPPED
    assert documents(files) == (0, 0)
    assert caplog.messages == []


def test_a_config_map_that_is_not_there_is_none(
    files: CatalogFiles, caplog: pytest.LogCaptureFixture
) -> None:
    assert not files.look()
    assert files.present == SHIPPED
    assert caplog.messages == []


def test_one_that_comes_later_is_taken_and_told_once(
    files: CatalogFiles, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files.look()
    mount(folder, {"gpus.yaml": COMPLETE, "prices.yaml": PRICE})

    assert files.look()
    assert not files.look()

    assert files.present.accelerators["X1"].memory_gib == 200
    assert files.present.accelerators["H200"].price_per_hour == 1.5
    assert documents(files) == (2, 0)
    assert caplog.messages == ["catalog: accelerators added: X1; accelerators changed: H200"]


def test_one_that_is_taken_away_is_gone(files: CatalogFiles, folder: Path) -> None:
    mount(folder, {"prices.yaml": PRICE})
    files.look()
    mount(folder, {})

    assert files.look()

    assert files.present == SHIPPED
    assert documents(files) == (0, 0)


def test_an_edit_with_a_mistake_changes_no_fact_and_is_told_everywhere(
    files: CatalogFiles, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mount(folder, {"prices.yaml": PRICE})
    files.look()
    caplog.clear()
    mount(folder, {"prices.yaml": TYPO})

    assert files.look()
    assert not files.look()

    assert files.present.accelerators["H200"].price_per_hour == 1.5
    assert files.present.refused == (f"prices.yaml: {TOLD}",)
    assert documents(files) == (0, 1)
    error, summary = caplog.records
    assert error.levelno == logging.ERROR
    said = "it stands as it was before the change"
    assert error.getMessage() == f"catalog: prices.yaml: {TOLD}; {said}"
    assert (error.file, error.entry) == ("prices.yaml", "H200")  # type: ignore[attr-defined]
    assert summary.getMessage() == "catalog: as before"


def test_a_start_with_a_mistake_is_one_with_what_is_shipped_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mount(folder, {"gpus.yaml": COMPLETE, "prices.yaml": TYPO})

    with caplog.at_level(logging.INFO, logger=catalog_files.__name__):
        files = CatalogFiles(str(folder), metrics=OperatorMetrics())

    assert files.present.accelerators["H200"] == SHIPPED.accelerators["H200"]
    assert "X1" in files.present.accelerators
    assert documents(files) == (1, 1)
    assert caplog.messages == [
        f"catalog: prices.yaml: {TOLD}; nothing of it is taken",
        "catalog: accelerators added: X1",
    ]


def test_what_was_mended_is_no_trouble_any_more(files: CatalogFiles, folder: Path) -> None:
    mount(folder, {"prices.yaml": TYPO})
    files.look()
    mount(folder, {"prices.yaml": PRICE})

    assert files.look()

    assert files.present.refused == ()
    assert documents(files) == (1, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"\xff\xfe\x00", "a.yaml: not text (byte 0); put a YAML document under data", id="binary"),
        pytest.param(
            b"# " + b"x" * MOST_BYTES, "a.yaml: more than 1048576 bytes; divide it", id="too-large"
        ),
        pytest.param("[" * 10**6, "a.yaml: line 1: more than 16 maps and lists in each other", id="brackets"),
        pytest.param("acelerators: {}", "a.yaml: acelerators: unknown section; did you mean accelerators?", id="section"),
        pytest.param("accelerators: {H200: {pricePerHour: -1}}", "a.yaml: H200: pricePerHour: input should be greater", id="negative"),
        pytest.param("accelerators: {H200: {memoryGiB: much}}", "a.yaml: H200: memoryGiB: input should be a valid number, got 'much'", id="type"),
        pytest.param("accelerators: {H200: {pricePerHour: 1}, H200: {pricePerHour: 2}}", "a.yaml: line 1: H200 is there twice; keep one", id="twice"),
    ],
)  # fmt: skip
def test_whatever_is_mounted_the_operator_runs_and_says_what_is_wrong(
    files: CatalogFiles, folder: Path, content: str | bytes, said: str
) -> None:
    mount(folder, {"a.yaml": content, "b.yaml": PRICE})

    files.look()

    [refused] = files.present.refused
    assert refused.startswith(said)
    assert files.present.accelerators["H200"].price_per_hour == 1.5
    assert documents(files) == (1, 1)


def test_binary_data_that_is_text_is_a_document_like_any_other(
    files: CatalogFiles, folder: Path
) -> None:
    encoded = base64.b64encode(PRICE.encode())
    mount(folder, {"prices.yaml": base64.b64decode(encoded)})

    files.look()

    assert files.present.accelerators["H200"].price_per_hour == 1.5


def test_one_generation_is_read_and_never_parts_of_two(folder: Path) -> None:
    mount(folder, {"a.yaml": "old", "b.yaml": "old"})
    # The kubelet turns its link first, and takes away afterwards what is not there any more.
    (folder / "c.yaml").write_text("of before")
    (folder / "..2026").mkdir()

    assert read_folder(folder) == {"a.yaml": "old", "b.yaml": "old"}


def test_a_folder_that_is_replaced_meanwhile_is_looked_at_again(
    files: CatalogFiles, folder: Path
) -> None:
    mount(folder, {"prices.yaml": PRICE})
    files.look()
    (folder / "..data").unlink()
    (folder / "..data").symlink_to("..gone")

    assert not files.look()
    assert files.present.accelerators["H200"].price_per_hour == 1.5


def test_plain_files_are_read_too_and_folders_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PRICE)
    (tmp_path / "more").mkdir()

    assert read_folder(tmp_path) == {"a.yaml": PRICE}


def test_a_folder_that_is_not_there_takes_nothing_away_and_is_told(
    files: CatalogFiles, folder: Path
) -> None:
    mount(folder, {"prices.yaml": PRICE})
    files.look()
    folder.rename(folder.with_name("elsewhere"))

    files.look()

    assert files.present.accelerators["H200"].price_per_hour == 1.5
    assert files.present.refused == (f"{folder}: no such folder; mount the ConfigMap there",)
    with pytest.raises(CatalogError, match="no such folder"):
        read_folder(folder)


async def test_changes_are_followed_and_wake_who_waits_for_them(
    files: CatalogFiles, folder: Path
) -> None:
    following = asyncio.create_task(files.follow(every_seconds=0.001))

    mount(folder, {"prices.yaml": PRICE})
    await files.changed.wait()

    assert files.present.accelerators["H200"].price_per_hour == 1.5
    following.cancel()
    await asyncio.wait([following])

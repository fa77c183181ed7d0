"""The images: what each depends on."""

import dataclasses
from pathlib import Path

import pytest

from dev.images import catalog
from dev.images.catalog import COMPILING, FOR_TESTS, IMAGES, Image
from dev.paths import REPOSITORY

EACH = [pytest.param(image, id=image.name) for image in (*IMAGES, *FOR_TESTS)]


@pytest.mark.parametrize("image", EACH)
def test_an_image_has_a_dockerfile_and_inputs_that_are_there(image: Image) -> None:
    assert (image.folder / "Dockerfile").is_file()
    assert all((REPOSITORY / path).exists() for path in image.inputs)
    assert image.reference == f"localhost/deepseek-operator/{image.name}:{image.tag}"
    assert image.archive.name == f"{image.name}.tar"


@pytest.mark.parametrize("image", EACH)
def test_a_dockerfile_copies_nothing_but_the_inputs(image: Image) -> None:
    text = (image.folder / "Dockerfile").read_text().replace("\\\n", " ")
    copied = [
        word.rstrip("/")
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]

    for source in copied:
        if image.inputs:
            assert any(Path(source).is_relative_to(path) for path in image.inputs)
        else:
            assert (image.folder / source).exists()


@pytest.mark.parametrize("image", EACH)
def test_the_digest_is_the_same_until_the_base_changes(image: Image) -> None:
    assert image.digest("base:1") == image.digest("base:1")
    assert image.digest("base:1") != image.digest("base:2")
    assert len(image.digest("base:1")) == 16


def test_images_of_different_content_have_different_digests() -> None:
    assert len({image.digest("base:1") for image in IMAGES}) == len(IMAGES)


def test_an_image_on_another_changes_with_it() -> None:
    other = dataclasses.replace(COMPILING, on="toolbox")

    assert other.digest("base:1") != COMPILING.digest("base:1")


def test_the_context_is_the_repository_only_where_it_is_copied_from() -> None:
    assert catalog.by_name("operator").context == REPOSITORY
    assert catalog.by_name("vllm-cpu").context == catalog.by_name("vllm-cpu").folder


def test_files_come_in_a_fixed_order_and_byte_code_does_not_count(tmp_path: Path) -> None:
    for name in ("b/x.py", "a.py", "b/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    found = [str(file.relative_to(tmp_path)) for file in catalog.files(tmp_path)]

    assert found == ["a.py", "b/x.py"]
    assert list(catalog.files(tmp_path / "a.py")) == [tmp_path / "a.py"]


def test_an_image_of_an_earlier_release_is_of_its_files_and_has_an_archive_of_its_own(
    tmp_path: Path,
) -> None:
    for path in ("serving/images/operator/Dockerfile", "operator/main.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("one")
    image = Image("operator", "0.1.0", ("operator",), tree=tmp_path)
    before = image.digest("base:1")

    (tmp_path / "operator" / "main.py").write_text("two")

    assert image.digest("base:1") != before
    assert image.context == tmp_path
    assert image.archive.name == "operator-0.1.0.tar"
    assert image.reference == "localhost/deepseek-operator/operator:0.1.0"

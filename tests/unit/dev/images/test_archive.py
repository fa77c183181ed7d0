"""What an archive says about the image in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import oci
from dev.images import archive


def write(folder: Path, config: Any, *, leave_out: str = "") -> Path:
    """An OCI archive of an image with this configuration."""
    described = oci.document(config)
    manifest = oci.document({"config": oci.descriptor("config", described), "layers": []})
    index = oci.document({"manifests": [oci.descriptor("manifest", manifest)]})
    files = {"index.json": index, **{oci.blob_path(one): one for one in (described, manifest)}}
    files = {name: data for name, data in files.items() if name != leave_out}
    file = folder / "image.tar"
    file.write_bytes(oci.tar(files, mode=0o644))
    return file


LABELLED = {"config": {"Labels": {archive.INPUTS_LABEL: "abc", "other": "x"}}}


def test_the_inputs_of_an_image_are_read_from_its_label(tmp_path: Path) -> None:
    assert archive.inputs(write(tmp_path, LABELLED)) == "abc"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"config": {"Labels": {"other": "x"}}}, id="other-labels"),
        pytest.param({"config": {}}, id="no-labels"),
        pytest.param({}, id="no-configuration"),
    ],
)
def test_an_image_that_was_not_labelled_has_no_inputs(tmp_path: Path, config: Any) -> None:
    assert archive.inputs(write(tmp_path, config)) == ""


def test_an_archive_that_is_not_there_has_no_inputs(tmp_path: Path) -> None:
    assert archive.inputs(tmp_path / "nothing.tar") == ""


def test_an_archive_that_was_cut_off_has_no_inputs(tmp_path: Path) -> None:
    whole = write(tmp_path, LABELLED)
    whole.write_bytes(whole.read_bytes()[:600])

    assert archive.inputs(whole) == ""


@pytest.mark.parametrize("part", ["index.json", oci.blob_path(oci.document(LABELLED))])
def test_an_archive_that_lacks_a_part_has_no_inputs(tmp_path: Path, part: str) -> None:
    assert archive.inputs(write(tmp_path, LABELLED, leave_out=part)) == ""


def test_a_program_of_ours_has_no_inputs_but_can_be_read(tmp_path: Path) -> None:
    program, made = tmp_path / "x", tmp_path / "x.tar"
    program.write_bytes(b"x")
    oci.write_archive(program=program, image="localhost/x:1", archive=made)

    assert archive.inputs(made) == ""
    assert json.loads(oci.document({"a": 1})) == {"a": 1}


def test_a_blob_lies_under_its_algorithm() -> None:
    assert archive.blob("sha256:ab") == "blobs/sha256/ab"

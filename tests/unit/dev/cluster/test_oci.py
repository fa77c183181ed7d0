"""Images written without a build tool: archives that others can read."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import oci

IMAGE = "localhost/deepseek-operator/hello:1"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    program = tmp_path / "hello"
    program.write_bytes(b"#!/bin/sh\necho hello\n")
    made = tmp_path / "images" / "hello.tar"
    oci.write_archive(program=program, image=IMAGE, archive=made)
    return made


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {}
        for entry in tar.getmembers():
            file = tar.extractfile(entry)
            assert file is not None
            found[entry.name] = file.read()
        return found


def blob(archive: Path, described: dict[str, Any]) -> bytes:
    """What a descriptor stands for, if its digest and size are right."""
    algorithm, _, name = described["digest"].partition(":")
    content = members(archive)[f"blobs/{algorithm}/{name}"]
    assert hashlib.sha256(content).hexdigest() == name
    assert described["size"] == len(content)
    return content


def manifest(archive: Path) -> Any:
    [listed] = json.loads(members(archive)["index.json"])["manifests"]
    return json.loads(blob(archive, listed))


def test_the_archive_says_that_it_is_one(archive: Path) -> None:
    assert json.loads(members(archive)["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_the_program_is_the_entry_point_and_runs_as_nobody(archive: Path) -> None:
    config = json.loads(blob(archive, manifest(archive)["config"]))

    assert config["config"] == {"Entrypoint": ["/hello"], "User": "65532:65532"}
    assert (config["os"], config["architecture"]) == ("linux", "amd64")


def test_the_only_layer_holds_the_program_and_can_run_it(archive: Path, tmp_path: Path) -> None:
    [layer] = manifest(archive)["layers"]
    file = tmp_path / "layer.tar"
    file.write_bytes(blob(archive, layer))

    with tarfile.open(file) as tar:
        [entry] = tar.getmembers()
    assert (entry.name, entry.mode & 0o111, entry.mtime) == ("hello", 0o111, 0)
    config = json.loads(blob(archive, manifest(archive)["config"]))
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]


def test_the_image_has_the_name_that_pods_ask_for(archive: Path) -> None:
    listed = json.loads(members(archive)["index.json"])["manifests"]

    assert oci.images(archive) == {IMAGE: listed[0]["digest"]}


def test_equal_programs_make_equal_bytes_and_others_other_ones(tmp_path: Path) -> None:
    made = []
    for number, content in enumerate((b"a", b"a", b"b")):
        program = tmp_path / str(number) / "x"
        program.parent.mkdir()
        program.write_bytes(content)
        archive = program.with_suffix(".tar")
        oci.write_archive(program=program, image=IMAGE, archive=archive)
        made.append(archive.read_bytes())

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_nothing_unfinished_is_left_beside_the_archive(archive: Path) -> None:
    assert [file for file in archive.parent.iterdir() if file.name[0] != "."] == [archive]
    assert list(archive.parent.glob(".*/")) == []


def test_an_archive_of_another_format_names_no_images(tmp_path: Path) -> None:
    other = tmp_path / "docker.tar"
    other.write_bytes(oci.tar({"manifest.json": b"[]"}, mode=0o644))

    assert oci.images(other) == {}


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        pytest.param({"io.containerd.image.name": "a"}, {"a": "sha256:1"}, id="containerd's"),
        pytest.param({"org.opencontainers.image.ref.name": "b"}, {"b": "sha256:1"}, id="oci's"),
        pytest.param({}, {}, id="none"),
    ],
)
def test_an_image_is_named_by_its_annotations(
    annotations: dict[str, str], names: dict[str, str]
) -> None:
    index: dict[str, list[dict[str, object]]] = {
        "manifests": [{"digest": "sha256:1", "annotations": annotations}]
    }

    assert names == oci.named_digests(index)

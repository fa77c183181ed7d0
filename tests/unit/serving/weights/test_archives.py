"""Models in tar archives: the members an engine needs, below the model's own folder."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from deepseek_serving.weights import archives
from deepseek_serving.weights.errors import Permanent
from deepseek_serving.weights.listing import Archive, Checksum, RemoteFile
from deepseek_serving.weights.volume import Volume


def archive_of(names: Sequence[str], *, kind: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=kind) as made:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            member.size = 0 if member.isdir() else len(name)
            made.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


def unpacked(
    root: Path, content: bytes, archive: Archive
) -> tuple[dict[str, bytes], RemoteFile, Volume]:
    place = Volume(root)
    place.prepare()
    file = RemoteFile("0123.tar", len(content), Checksum("sha256", "x"), archive=archive)
    place.partial(file).write_bytes(content)
    stored = archives.unpack(file, place, proceed=lambda: None)
    return {one.path: (root / one.path).read_bytes() for one in stored}, file, place


@pytest.mark.parametrize("kind", ["w", "w:gz"])
@pytest.mark.parametrize(
    ("names", "archive", "paths"),
    [
        pytest.param(
            ["M/", "M/config.json", "M/model.safetensors", "M/README.md"],
            "folder",
            {"config.json", "model.safetensors"},
            id="a-folder",
        ),
        pytest.param(
            ["./", "./config.json", "./model.safetensors", "./onnx/model.onnx"],
            "folder",
            {"config.json", "model.safetensors"},
            id="a-folder's-content",
        ),
        pytest.param(
            ["config.json", "model.safetensors"],
            "folder",
            {"config.json", "model.safetensors"},
            id="files",
        ),
        pytest.param(
            ["bin/", "bin/tool.py", "models/config.json", "models/model.safetensors", "x.json"],
            "image",
            {"config.json", "model.safetensors"},
            id="an-image's-layer",
        ),
        pytest.param(["usr/lib/json.py"], "image", set(), id="another-layer"),
    ],
)
def test_the_model_is_found_in_the_archive(
    tmp_path: Path, kind: str, names: list[str], archive: Archive, paths: set[str]
) -> None:
    found, file, place = unpacked(tmp_path, archive_of(names, kind=kind), archive)

    assert found.keys() == paths
    assert all(content.decode().endswith(path) for path, content in found.items())
    assert not place.partial(file).exists()
    again = Volume(tmp_path)
    again.prepare()
    assert {one.path for one in again.stored(file) or ()} == paths


def test_links_and_ways_out_of_the_target_are_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name in ("config.json", "tokenizer.json"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            made.addfile(link)
        made.addfile(tarfile.TarInfo("model.safetensors"))
    found, _, _ = unpacked(tmp_path, out.getvalue(), "folder")

    assert found == {"model.safetensors": b""}


def test_a_member_outside_the_target_is_not_stored(tmp_path: Path) -> None:
    names = ["model.safetensors", "a/../../x.py", "../config.json", "/etc/config.json"]

    found, _, _ = unpacked(tmp_path / "target", archive_of(names), "folder")

    assert found.keys() == {"model.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == {"target"}


def test_a_member_with_a_strange_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="cannot be stored"):
        unpacked(tmp_path, archive_of(["model.safetensors", "a\\b.py"]), "folder")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="no tar archive"):
        unpacked(tmp_path, b"\x28\xb5\x2f\xfd no tar", "image")


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    content = archive_of(["model.safetensors"] * 5, kind="w:gz")

    with pytest.raises(Permanent, match="no tar archive"):
        unpacked(tmp_path, content[: len(content) // 2], "folder")

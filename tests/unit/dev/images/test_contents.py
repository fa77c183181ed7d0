"""What is in an image: small archives with layers of every kind."""

import gzip
import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dev import steps
from dev.cluster import oci
from dev.images import archive, contents

TAR = "application/vnd.oci.image.layer.v1.tar"


def layer(*names: str, mode: int = 0o755) -> bytes:
    """A layer of files, folders (with a slash) and links (NAME -> TARGET)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as made:
        for name in names:
            entry = tarfile.TarInfo(name.split(" -> ")[0])
            entry.mode = mode
            if name.endswith("/"):
                entry.type = tarfile.DIRTYPE
            elif " -> " in name:
                entry.type, entry.linkname = tarfile.SYMTYPE, name.split(" -> ")[1]
            made.addfile(entry)
    return content.getvalue()


def image(folder: Path, *layers: tuple[str, bytes], config: Any = None) -> Path:
    """An OCI archive of layers, each with the end of its media type."""
    described = oci.document({} if config is None else {"config": config})
    listed = [oci.descriptor(TAR + kind, blob) for kind, blob in layers]
    manifest = oci.document({"config": oci.descriptor("config", described), "layers": listed})
    index = oci.document({"manifests": [oci.descriptor("manifest", manifest)]})
    blobs = (described, manifest, *(blob for _, blob in layers))
    files = {"index.json": index, **{oci.blob_path(one): one for one in blobs}}
    file = folder / "image.tar"
    file.write_bytes(oci.tar(files, mode=0o644))
    return file


needs_zstd = pytest.mark.skipif(not shutil.which("zstd"), reason="`make tools` installs zstd")


def zstd(blob: bytes) -> bytes:
    """Packed as our archives are."""
    return subprocess.run(["zstd"], input=blob, capture_output=True, check=True).stdout


@needs_zstd
def test_files_of_every_layer_are_listed_however_it_is_packed(tmp_path: Path) -> None:
    made = image(
        tmp_path,
        ("", layer("./usr/bin/one", "usr/bin/", "usr/bin/cc -> gcc")),
        ("+gzip", gzip.compress(layer("usr/bin/two"))),
        ("+zstd", zstd(layer("usr/bin/three"))),
    )

    found = contents.files(made)

    assert found == {"usr/bin/one", "usr/bin/cc", "usr/bin/two", "usr/bin/three"}


def test_what_cannot_be_executed_is_not_listed(tmp_path: Path) -> None:
    assert contents.files(image(tmp_path, ("", layer("usr/bin/gcc", mode=0o644)))) == set()


@pytest.mark.parametrize(
    ("second", "left"),
    [
        pytest.param("usr/bin/.wh.gcc", {"usr/bin/sh", "opt/x/bin/go", "init"}, id="a-file"),
        pytest.param("usr/.wh.bin", {"opt/x/bin/go", "init"}, id="a-folder"),
        pytest.param("opt/.wh..wh..opq", {"usr/bin/gcc", "usr/bin/sh", "init"}, id="all-in-one"),
        pytest.param(".wh.init", {"usr/bin/gcc", "usr/bin/sh", "opt/x/bin/go"}, id="at-the-root"),
        pytest.param("./.wh.usr", {"opt/x/bin/go", "init"}, id="with-a-dot"),
        pytest.param(".wh..wh..opq", set(), id="everything"),
    ],
)
def test_what_a_layer_above_removes_is_gone(second: str, left: set[str], tmp_path: Path) -> None:
    below = layer("usr/bin/gcc", "usr/bin/sh", "opt/x/bin/go", "init")

    assert left == contents.files(image(tmp_path, ("", below), ("", layer(second))))


def test_what_a_layer_removes_and_brings_itself_is_there(tmp_path: Path) -> None:
    above = layer("usr/bin/new", "usr/bin/.wh..wh..opq")

    made = image(tmp_path, ("", layer("usr/bin/gcc")), ("", above))

    assert contents.files(made) == {"usr/bin/new"}


@pytest.mark.parametrize(
    "path",
    [
        *("usr/bin/cc", "usr/bin/gcc-12", "usr/bin/x86_64-linux-gnu-g++-12", "usr/bin/c++"),
        *("usr/bin/clang-14", "opt/llvm/bin/clang++", "usr/bin/ld", "usr/bin/ld.bfd"),
        *("opt/cuda/bin/nvcc", "root/.cargo/bin/rustc", "usr/local/go/bin/go", "usr/bin/make"),
        *("opt/vllm/bin/ninja", "usr/bin/cmake", "usr/bin/x86_64-linux-gnu-as", "x/bin/ptxas"),
    ],
)
def test_a_compiler_is_known_by_its_name_in_a_place_for_programs(path: str) -> None:
    assert contents.compilers([path]) == [path]


@pytest.mark.parametrize(
    "path",
    [
        *("usr/bin/ld.so", "usr/bin/ldd", "usr/sbin/ldconfig", "opt/vllm/bin/torchrun"),
        *("usr/share/doc/gcc", "opt/app/lib/python3.11/site-packages/x/make", "usr/bin/makepasswd"),
        *("usr/bin/assess", "usr/bin/last", "usr/bin/ld.so.1"),
    ],
)
def test_what_is_no_compiler_is_not_taken_for_one(path: str) -> None:
    assert contents.compilers([path]) == []


@pytest.mark.parametrize(
    ("config", "user"),
    [
        pytest.param({"User": "10001:10001"}, "10001:10001", id="a-user"),
        pytest.param({}, "", id="none-said"),
        pytest.param(None, "", id="no-configuration"),
    ],
)
def test_the_user_is_read_from_the_configuration(config: Any, user: str, tmp_path: Path) -> None:
    assert user == contents.user(image(tmp_path, config=config))


@needs_zstd
def test_a_layer_that_is_damaged_is_an_error(tmp_path: Path) -> None:
    packed = zstd(layer(*(f"usr/bin/{number}" for number in range(100))))

    with pytest.raises((steps.StepError, tarfile.TarError)):
        contents.files(image(tmp_path, ("+zstd", packed[: len(packed) // 2])))


def test_a_program_of_ours_is_read_too(tmp_path: Path) -> None:
    program, made = tmp_path / "x", tmp_path / "x.tar"
    program.write_bytes(b"x")
    oci.write_archive(program=program, image="localhost/x:1", archive=made)

    assert contents.files(made) == {"x"}
    assert contents.user(made) == oci.USER
    assert archive.inputs(made) == ""

"""Checksums while bytes stream by, against known values and the standard library."""

import hashlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.weights import checksums
from deepseek_serving.weights.errors import Permanent
from deepseek_serving.weights.listing import Checksum

MIB = 2**20


def computed(algorithm: str, content: bytes, *, part_bytes: int = 0, step: int = 7) -> str:
    digest = checksums.digest_for(Checksum(algorithm, "", part_bytes), size=len(content))
    for start in range(0, len(content), step):
        digest.update(content[start : start + step])
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        # The check values of the catalogue of CRC algorithms.
        pytest.param("crc32", "cbf43926", id="crc32"),
        pytest.param("crc32c", "e3069283", id="crc32c"),
        pytest.param("crc64nvme", "ae8b14860a799888", id="crc64nvme"),
        pytest.param("md5", "25f9e794323b453885f5181f1b624d0b", id="md5"),
        pytest.param("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441", id="sha1"),
    ],
)
def test_the_standard_check_string_gives_the_standard_value(algorithm: str, value: str) -> None:
    assert computed(algorithm, b"123456789") == value


@pytest.mark.parametrize("algorithm", ["crc32", "crc32c", "crc64nvme"])
def test_nothing_has_the_checksum_nought(algorithm: str) -> None:
    assert int(computed(algorithm, b""), 16) == 0


def test_git_itself_names_the_content_so() -> None:
    content = b"what git keeps\n"
    git = subprocess.run(
        ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True
    )

    assert computed("git-sha1", content) == git.stdout.decode().strip()


@given(content=st.binary(max_size=200), part=st.integers(1, 64), step=st.integers(1, 97))
def test_parts_are_found_wherever_the_chunks_end(content: bytes, part: int, step: int) -> None:
    pieces = [content[start : start + part] for start in range(0, len(content), part)] or [b""]
    sums = b"".join(hashlib.md5(piece).digest() for piece in pieces)  # noqa: S324
    expected = f"{hashlib.md5(sums).hexdigest()}-{len(pieces)}"  # noqa: S324

    assert computed("md5-of-parts", content, part_bytes=part, step=step) == expected


def test_an_unknown_checksum_is_refused() -> None:
    with pytest.raises(Permanent, match="a blake9 checksum: use SHA-256"):
        computed("blake9", b"")


@pytest.mark.parametrize(
    ("size", "count", "first", "expected"),
    [
        pytest.param(30 * MIB, 4, 8 * MIB, 8 * MIB, id="the-server-says"),
        pytest.param(30 * MIB, 5, 8 * MIB, None, id="the-server-contradicts-itself"),
        pytest.param(30 * MIB, 4, None, 8 * MIB, id="the-only-usual-size"),
        pytest.param(30 * MIB, 2, None, None, id="several-usual-sizes"),
        pytest.param(30 * MIB, 3000, None, None, id="no-usual-size"),
        pytest.param(685 * 2**30 // 163, 538, None, 8 * MIB, id="a-shard-of-V3"),
    ],
)
def test_the_size_of_the_parts_is_what_gives_their_number(
    size: int, count: int, first: int | None, expected: int | None
) -> None:
    assert checksums.part_bytes(size=size, count=count, first=first) == expected

"""Checksums computed while bytes stream by, in the forms that sources state."""

import hashlib
import math
import zlib
from typing import Protocol

import anycrc

from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import Checksum

MIB = 2**20


class Digest(Protocol):
    """A checksum under way."""

    def update(self, chunk: bytes | memoryview, /) -> None:
        """Take the next bytes of the file."""
        ...

    def hexdigest(self) -> str:
        """The checksum of all bytes so far, in hexadecimal digits."""
        ...


class Crc:
    """A cyclic redundancy check by its catalogue name; zlib's for the common one needs no library."""

    def __init__(self, model: str, *, width: int) -> None:
        self._digits = width // 4
        self._model = anycrc.Model(model)
        self._value: int | None = None

    def update(self, chunk: bytes | memoryview, /) -> None:
        """Take the next bytes of the file."""
        self._value = self._model.calc(chunk, self._value)

    def hexdigest(self) -> str:
        """The checksum of all bytes so far."""
        value = self._model.calc(b"", self._value)
        return f"{value:0{self._digits}x}"


class Crc32:
    """zlib's CRC-32."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, chunk: bytes | memoryview, /) -> None:
        """Take the next bytes of the file."""
        self._value = zlib.crc32(chunk, self._value)

    def hexdigest(self) -> str:
        """The checksum of all bytes so far."""
        return f"{self._value:08x}"


class Parts:
    """The checksum of the parts' checksums, as S3 states it for an upload in parts."""

    def __init__(self, algorithm: str, part_bytes: int) -> None:
        self._algorithm = algorithm
        self._part_bytes = part_bytes
        self._total = _new(algorithm)
        self._count = 0
        self._part = _new(algorithm)
        self._room = part_bytes

    def update(self, chunk: bytes | memoryview, /) -> None:
        """Take the next bytes of the file."""
        rest = memoryview(chunk)
        while rest:
            if not self._room:
                self._close_part()
            taken = rest[: self._room]
            self._part.update(taken)
            self._room -= len(taken)
            rest = rest[len(taken) :]

    def hexdigest(self) -> str:
        """The checksum of all bytes so far, with the number of parts."""
        total = self._total.copy()
        total.update(self._part.digest())
        return f"{total.hexdigest()}-{self._count + 1}"

    def _close_part(self) -> None:
        self._total.update(self._part.digest())
        self._count += 1
        self._part = _new(self._algorithm)
        self._room = self._part_bytes


def _new(algorithm: str) -> "hashlib._Hash":
    return hashlib.new(algorithm, usedforsecurity=False)


def digest_for(checksum: Checksum, *, size: int) -> Digest:
    """What computes this checksum for a file of `size` bytes."""
    match checksum.algorithm:
        case "git-sha1":  # what git names a file's content by
            digest = _new("sha1")
            digest.update(f"blob {size}\0".encode())
            return digest
        case "md5-of-parts" | "sha1-of-parts" | "sha256-of-parts":
            return Parts(checksum.algorithm.partition("-")[0], checksum.part_bytes)
        case "crc32":
            return Crc32()
        case "crc32c":
            return Crc("CRC32C", width=32)
        case "crc64nvme":
            return Crc("CRC64-NVME", width=64)
        case "md5" | "sha1" | "sha256" | "sha512":
            return _new(checksum.algorithm)
    raise Permanent(
        Reason.INVALID_SOURCE, f"the source states a {checksum.algorithm} checksum: use SHA-256"
    )


COMMON_PARTS = tuple(size * MIB for size in (5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256, 512))


def part_bytes(*, size: int, count: int, first: int | None) -> int | None:
    """How large the parts of an upload were, in bytes; None where that cannot be told.

    Only the last part may be smaller. A server that tells no part's size leaves the sizes in use,
    and one of them is taken where no other gives the same number of parts.
    """
    candidates = (first,) if first else COMMON_PARTS
    fitting = [part for part in candidates if math.ceil(size / part) == count]
    return fitting[0] if len(fitting) == 1 else None

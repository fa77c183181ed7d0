"""What a volume keeps between attempts, and what it never shows."""

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from deepseek_serving.weights import volume
from deepseek_serving.weights.errors import Reason
from deepseek_serving.weights.listing import Checksum, RemoteFile
from deepseek_serving.weights.volume import Volume

CONTENT = b"weights"
SHA = hashlib.sha256(CONTENT).hexdigest()
FILE = RemoteFile("deep/model.safetensors", len(CONTENT), Checksum("sha256", SHA))


@pytest.fixture
def place(tmp_path: Path) -> Volume:
    prepared = Volume(tmp_path)
    prepared.prepare()
    return prepared


def again(place: Volume) -> Volume:
    """What the next process finds."""
    found = Volume(place.root)
    found.prepare()
    return found


def fetch(place: Volume, file: RemoteFile = FILE, content: bytes = CONTENT) -> None:
    place.partial(file).write_bytes(content)
    place.seal(file)


def names(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and ".fetch" not in path.parts
    }


def test_a_file_has_its_name_only_when_it_is_verified(place: Volume) -> None:
    place.partial(FILE).write_bytes(CONTENT)
    assert names(place.root) == set()

    place.seal(FILE)

    assert names(place.root) == {FILE.path}
    assert (place.root / FILE.path).read_bytes() == CONTENT


def test_what_was_verified_is_known_to_the_next_process(place: Volume) -> None:
    fetch(place)

    stored = again(place).stored(FILE)

    assert stored is not None
    assert stored[0].path == FILE.path


def test_what_was_touched_since_is_not_trusted(place: Volume) -> None:
    fetch(place)
    os.utime(place.root / FILE.path, ns=(1, 1))

    assert again(place).stored(FILE) is None


def test_the_same_name_with_another_checksum_is_another_file(place: Volume) -> None:
    fetch(place)
    other = RemoteFile(FILE.path, FILE.size, Checksum("sha256", "0" * 64))

    assert again(place).stored(other) is None
    assert place.partial(other) != place.partial(FILE)


def test_a_note_that_a_kill_has_cut_is_not_read(place: Volume) -> None:
    fetch(place)
    journal = place.work / "verified.jsonl"
    journal.write_text(journal.read_text().rstrip()[:-9])

    found = again(place)
    assert found.stored(FILE) is None

    fetch(found)
    assert again(found).stored(FILE) is not None


def test_present_bytes_are_those_that_need_no_room(place: Volume) -> None:
    assert place.present_bytes(FILE) == 0
    place.partial(FILE).write_bytes(CONTENT[:3])
    assert place.present_bytes(FILE) == 3
    place.partial(FILE).write_bytes(CONTENT * 2)
    assert place.present_bytes(FILE) == FILE.size
    place.seal(FILE)
    assert place.present_bytes(FILE) == FILE.size


def test_the_marker_names_all_files_and_is_the_last(place: Volume) -> None:
    fetch(place)
    assert place.marker() is None
    stored = place.stored(FILE)
    assert stored is not None

    place.complete(source="hf://a/b", revision="123", files=stored)

    marker = json.loads((place.root / ".complete.json").read_text())
    assert marker["files"] == [
        {"path": FILE.path, "size": 7, "checksum": {"algorithm": "sha256", "value": SHA}}
    ]
    assert (marker["source"], marker["revision"]) == ("hf://a/b", "123")
    assert marker["finishedAt"].endswith("+00:00")
    assert place.marker() == marker
    assert not (place.work / "partial").exists()


def test_a_marker_without_its_files_is_none(place: Volume) -> None:
    fetch(place)
    place.complete(source="s", revision="r", files=place.stored(FILE) or ())
    (place.root / FILE.path).write_bytes(b"short")

    assert place.marker() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1}', '{"files": [1]}'])
def test_a_broken_marker_is_none(place: Volume, text: str) -> None:
    (place.root / ".complete.json").write_text(text)

    assert place.marker() is None


def test_the_marker_goes_before_anything_changes(place: Volume) -> None:
    (place.root / ".complete.json").write_text("{}")

    place.invalidate()
    place.invalidate()

    assert names(place.root) == set()


def test_what_a_former_revision_left_is_removed_and_nothing_of_others(place: Volume) -> None:
    old = RemoteFile("old.safetensors", len(CONTENT), Checksum("sha256", SHA))
    fetch(place, old)
    fetch(place)
    (place.root / "lost+found").mkdir()
    (place.root / "a-persons.txt").write_text("x")
    place.partial(RemoteFile("half", 9, Checksum("sha256", SHA))).write_bytes(b"x")

    place.discard_others([FILE])
    place.complete(source="s", revision="r", files=place.stored(FILE) or ())

    assert names(place.root) == {FILE.path, "a-persons.txt", ".complete.json"}


def test_content_is_read_again_where_no_note_says_what_it_is(place: Volume) -> None:
    target = place.root / FILE.path
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    asked: list[int] = []

    assert place.has_size(FILE)
    assert place.has_content(FILE, proceed=lambda: asked.append(1))
    target.write_bytes(b"WEIGHTS")
    assert not place.has_content(FILE, proceed=lambda: asked.append(1))
    assert asked


@pytest.mark.parametrize(
    ("number", "reason", "retryable"),
    [
        pytest.param(errno.EROFS, Reason.VOLUME_READ_ONLY, False, id="read-only"),
        pytest.param(errno.EACCES, Reason.VOLUME_READ_ONLY, False, id="another-users"),
        pytest.param(errno.ENOSPC, Reason.VOLUME_FULL, False, id="full"),
        pytest.param(errno.EDQUOT, Reason.VOLUME_FULL, False, id="quota"),
        pytest.param(errno.ENOTDIR, Reason.INVALID_SOURCE, False, id="in-the-way"),
        pytest.param(errno.EIO, Reason.VOLUME_FAILED, True, id="broken"),
        pytest.param(errno.ESTALE, Reason.VOLUME_FAILED, True, id="stale"),
    ],
)
def test_a_failing_volume_is_named_as_what_it_is(
    number: int, reason: Reason, retryable: bool
) -> None:
    error = volume.explain(OSError(number, os.strerror(number), "/v/f"), Path("/v"))

    assert (error.reason, error.retryable) == (reason, retryable)
    assert "/v/f" in error.message


def test_a_short_write_is_continued(tmp_path: Path) -> None:
    class Slow:
        """Takes three bytes at a time, as a file system may."""

        def __init__(self) -> None:
            self.taken = b""

        def write(self, chunk: bytes | memoryview) -> int:
            self.taken += bytes(chunk[:3])
            return min(len(chunk), 3)

    slow = Slow()
    volume.write_all(slow, b"0123456789")

    assert slow.taken == b"0123456789"
    assert tmp_path.exists()

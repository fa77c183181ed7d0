"""Volumes that are too small, read-only or another user's: real ones."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.weights.fetchers import Fetchers, fetching, model_files, until

MIB = 2**20
STORED = "/cdn/"


@contextlib.contextmanager
def mounted(place: Path, *words: str) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", *words, str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def tmpfs(place: Path, size: int) -> "contextlib.AbstractContextManager[Path]":
    return mounted(place, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


@pytest.fixture
def fetchers(hub: Hub, tmp_path: Path) -> Iterator[Fetchers]:
    with fetching(hub, "hf://test/model", tmp_path) as made:
        yield made


def test_a_volume_that_is_too_small_is_refused_before_the_first_byte(
    fetchers: Fetchers, hub: Hub
) -> None:
    with tmpfs(fetchers.target, 20 * MIB):
        failed = fetchers.run()

        assert failed.process.returncode == 2
        assert failed.result["reason"] == "VolumeFull"
        assert "the volume has 20.0 MiB free and 23." in failed.result["message"]
        assert hub.log.sent(STORED) == 0


def test_a_volume_that_fills_up_meanwhile_is_named_and_what_is_there_kept(
    fetchers: Fetchers, hub: Hub, content: dict[str, bytes]
) -> None:
    hub.add(Rule("slow", path=STORED, rate=4 * MIB, times=None))
    with tmpfs(fetchers.target, 30 * MIB):
        fetcher = fetchers.start()
        until(lambda: fetchers.present_bytes() > MIB, "it fetches")
        other = fetchers.target / "others"
        with other.open("wb") as file, contextlib.suppress(OSError):
            file.write(bytes(22 * MIB))

        assert fetcher.wait() == 2, fetcher.err
        assert fetcher.result["reason"] == "VolumeFull"

        other.unlink()
        hub.rules.replace([])
        assert fetchers.run().process.returncode == 0
        assert model_files(fetchers.target) == content


def test_a_volume_that_holds_most_of_it_needs_room_for_the_rest_only(
    fetchers: Fetchers, content: dict[str, bytes]
) -> None:
    with tmpfs(fetchers.target, 26 * MIB):
        assert fetchers.run().process.returncode == 0
        (fetchers.target / ".complete.json").unlink()
        (fetchers.target / "model-00003-of-00003.safetensors").unlink()

        again = fetchers.run()

        assert again.process.returncode == 0, again.err
        assert model_files(fetchers.target) == content


def test_a_limited_volume_of_a_block_device_is_found_full(
    fetchers: Fetchers, tmp_path: Path
) -> None:
    image = tmp_path / "volume.img"
    with image.open("wb") as file:
        file.truncate(24 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    with mounted(fetchers.target, "-o", "loop", str(image)):
        failed = fetchers.run()

        assert (failed.process.returncode, failed.result["reason"]) == (2, "VolumeFull")


def test_a_read_only_volume_is_named(fetchers: Fetchers) -> None:
    with mounted(fetchers.target, "-t", "tmpfs", "-o", "ro,size=64m", "tmpfs"):
        failed = fetchers.run()

        assert failed.process.returncode == 2
        assert failed.result["reason"] == "VolumeReadOnly"
        assert "access mode" in failed.result["message"]


def test_a_read_only_volume_with_the_whole_model_is_enough(fetchers: Fetchers) -> None:
    with tmpfs(fetchers.target, 64 * MIB):
        assert fetchers.run().process.returncode == 0
        subprocess.run(["mount", "-o", "remount,ro", str(fetchers.target)], check=True)

        assert fetchers.run().process.returncode == 0


def test_a_volume_of_another_user_is_named(fetchers: Fetchers, tmp_path: Path) -> None:
    fetchers.target.mkdir(mode=0o755)
    as_others = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)

    failed = fetchers.start(before=as_others)

    assert failed.wait() == 2, failed.err
    assert failed.result["reason"] == "VolumeReadOnly"
    assert "fsGroup" in failed.result["message"]

"""What removing a cluster reads off the machine."""

import socket
from pathlib import Path

import pytest

from dev.cluster import removal


def test_a_folder_in_which_nothing_is_mounted_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "dev"
    (root / "etcd").mkdir(parents=True)
    (root / "etcd" / "data").write_text("x")

    removal.remove_files(root)
    removal.remove_files(root)

    assert not root.exists()


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen()
    return listening


def test_a_socket_is_abandoned_once_nobody_listens_on_it(
    listener: socket.socket, tmp_path: Path
) -> None:
    assert removal.abandoned(tmp_path / "s") is False

    listener.close()

    assert removal.abandoned(tmp_path / "s") is True


def test_what_is_no_socket_is_not_abandoned(tmp_path: Path) -> None:
    assert removal.abandoned(tmp_path / "nothing") is False


def test_the_folder_of_namespaces_goes_with_the_last_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "netns"
    folder.mkdir()
    (folder / "of-another").touch()

    removal.release_namespaces(folder)
    assert folder.exists()

    (folder / "of-another").unlink()
    removal.release_namespaces(folder)
    assert not folder.exists()
    removal.release_namespaces(folder)

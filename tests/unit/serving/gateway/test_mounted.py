"""A Secret that is mounted, as it changes."""

from pathlib import Path

import pytest

from deepseek_serving.gateway.agent import keys_in
from tests.gateway.volumes import SecretVolume

A, B = "key-of-a-0123456789", "key-of-b-0123456789"


def test_it_is_read_when_it_has_changed(tmp_path: Path) -> None:
    volume = SecretVolume(tmp_path / "keys")
    mounted = keys_in(volume.folder)

    assert mounted.refresh()
    assert not mounted.refresh()
    volume.write({"alice": A})
    assert mounted.refresh()
    assert mounted.held.by_key == {A: "alice"}
    volume.write({"bob": B})
    assert mounted.refresh()
    assert mounted.held.by_key == {B: "bob"}
    volume.write({})
    assert mounted.refresh()
    assert mounted.held.by_key == {B: "bob"}
    assert "not there" in mounted.held.trouble[0]


def test_the_links_of_entries_may_come_later(tmp_path: Path) -> None:
    """The kubelet exchanges the folder first, and makes the links beside it after that."""
    volume = SecretVolume(tmp_path / "keys")
    volume.write({"alice": A, "bob": B})
    (volume.folder / "alice").unlink()
    mounted = keys_in(volume.folder)

    assert mounted.refresh()
    assert mounted.held.names == ("alice", "bob")


def test_plain_files_do_too(tmp_path: Path) -> None:
    (tmp_path / "alice").write_text(A)
    mounted = keys_in(tmp_path)

    assert mounted.refresh()
    (tmp_path / "bob").write_text(B)
    assert mounted.refresh()
    assert mounted.held.names == ("alice", "bob")


def test_a_folder_that_is_gone_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mounted = keys_in(tmp_path / "nowhere")

    assert not mounted.refresh()
    assert not mounted.refresh()
    assert len(caplog.records) == 1


def test_no_key_is_written_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    volume = SecretVolume(tmp_path / "keys")
    mounted = keys_in(volume.folder)
    volume.write({"alice": A, "bob": A, "carol": "tiny"})
    mounted.refresh()

    said = [vars(record) for record in caplog.records]
    assert len(said) == 2
    assert A not in f"{said}{mounted!r}"
    assert "tiny" not in str(said)

"""Files that programs watch: whole, and not touched without need."""

from pathlib import Path

from dev.cluster import files


def test_a_file_that_holds_the_text_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "kube-proxy.json"
    files.write(file, "{}")
    before = file.stat()

    files.write(file, "{}")

    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_text_takes_its_place_at_once(tmp_path: Path) -> None:
    file = tmp_path / "admin.kubeconfig"
    files.write(file, "old", mode=0o600)
    with file.open() as reader:
        files.write(file, "new", mode=0o600)

        assert reader.read() == "old"
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [file.name]

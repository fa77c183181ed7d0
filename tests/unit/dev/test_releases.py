"""Earlier releases: named by commits that this clone has, and unpacked once."""

import json
import subprocess
from pathlib import Path

import pytest

from dev import releases, steps
from dev.images.catalog import OURS
from dev.paths import REPOSITORY
from dev.releases import Release


def test_every_release_is_a_commit_of_before() -> None:
    named = json.loads(releases.FILE.read_text())
    for one in named:
        ancestor = ["git", "merge-base", "--is-ancestor", one["commit"], "HEAD"]
        assert subprocess.run(ancestor, cwd=REPOSITORY, check=False).returncode == 0, one
    assert named[-1] == {
        "version": releases.previous().version,
        "commit": releases.previous().commit,
    }


def test_a_release_is_unpacked_as_its_commit_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "CACHE", tmp_path)
    release = releases.previous()

    releases.unpack(release)
    first = release.tree.stat().st_ino
    releases.unpack(release)

    assert release.tree.stat().st_ino == first
    assert (release.chart / "Chart.yaml").is_file()
    assert [image.name for image in release.images] == [image.name for image in OURS]
    for image in release.images:
        assert (image.folder / "Dockerfile").is_file()
        assert image.tag == release.version


def test_a_clone_without_the_commit_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "CACHE", tmp_path)
    with pytest.raises(steps.StepError, match="which this clone lacks: `git fetch --unshallow`"):
        releases.unpack(Release("0.0.1", "0" * 40))
    assert list((tmp_path / "releases").glob("0.0.1*")) == []

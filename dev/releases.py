"""Releases before this one, made from their own commits: what is served by one of them goes on under the next."""

import json
from dataclasses import dataclass
from pathlib import Path

from dev import shared, steps
from dev.images.catalog import OURS, Image
from dev.paths import CACHE, REPOSITORY

FILE = REPOSITORY / "dev" / "releases.json"
"""Each release with its commit, the oldest first."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release."""

    version: str
    commit: str

    @property
    def tree(self) -> Path:
        """Where its files lie once they are unpacked."""
        return CACHE / "releases" / f"{self.version}-{self.commit[:12]}"

    @property
    def chart(self) -> Path:
        """Its chart."""
        return self.tree / "charts" / "deepseek-operator"

    @property
    def images(self) -> tuple[Image, ...]:
        """Those of its images that hold our own code, under tags of their own."""
        return tuple(
            Image(image.name, self.version, image.inputs, tree=self.tree) for image in OURS
        )


def all_releases() -> list[Release]:
    """Every release, the oldest first."""
    return [Release(**one) for one in json.loads(FILE.read_text())]


def previous() -> Release:
    """The last release."""
    return all_releases()[-1]


def file_of(release: Release, path: str) -> bytes:
    """A file as the release's commit has it; StepError with the remedy where the clone lacks that."""
    return _of_commit(release, ["git", "show", f"{release.commit}:{path}"]).encode()


def unpack(release: Release) -> None:
    """Its files, as its commit has them; StepError with the remedy where the clone lacks it."""
    with shared.alone(release.tree):
        if release.tree.exists():
            return
        with (
            steps.step(f"unpack release {release.version}"),
            shared.unfinished(release.tree.parent) as folder,
        ):
            archive = folder / "release.tar"
            _of_commit(release, ["git", "archive", f"--output={archive}", release.commit])
            made = folder / "tree"
            made.mkdir()
            steps.run(["tar", "--extract", f"--file={archive}", f"--directory={made}"])
            made.rename(release.tree)


def _of_commit(release: Release, command: list[str]) -> str:
    try:
        return steps.run(command, cwd=REPOSITORY)
    except steps.StepError as error:
        raise steps.StepError(
            f"release {release.version} is commit {release.commit}, which this clone lacks: "
            f"`git fetch --unshallow`, or `git fetch origin {release.commit}` ({error})"
        ) from None

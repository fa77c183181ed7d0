"""What the Dockerfiles install is pinned: every Python package by its digest, every stage on a base that can be named."""

import re
from pathlib import Path

import pytest

from dev.paths import REPOSITORY

IMAGES = REPOSITORY / "serving" / "images"
DOCKERFILES = [pytest.param(file, id=file.parent.name) for file in IMAGES.glob("*/Dockerfile")]

INSTALLERS = {"uv==0.13.9", "hatchling==1.33.0"}
"""Of build stages alone."""


def commands(dockerfile: Path) -> list[str]:
    """Its instructions and the commands in them, one an entry, comments left out."""
    lines = [
        line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [" ".join(part.split()) for part in re.split(r"\n|&&|;", joined) if part.strip()]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_every_stage_stands_on_the_base_or_on_another_stage(dockerfile: Path) -> None:
    froms = [line.split()[1:] for line in commands(dockerfile) if line.startswith("FROM ")]

    stages = {words[2] for words in froms if len(words) == 3}
    assert froms
    assert {words[0] for words in froms} <= {"${BASE}", *stages}


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_every_package_is_installed_by_its_digest(dockerfile: Path) -> None:
    """But for the installers, which stay behind, and our own source, which needs no network."""
    installs = [line for line in commands(dockerfile) if re.search(r"\bpip install\b", line)]

    assert installs
    for line in installs:
        packages = set(re.findall(r"\S+==\S+", line))
        is_ours = "--offline" in line and line.endswith(" /build")
        assert packages <= INSTALLERS
        assert packages or is_ours or "--require-hashes" in line, line


def test_every_line_of_the_engines_packages_has_a_version_and_digests() -> None:
    text = (IMAGES / "vllm-cpu" / "requirements.txt").read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry), entry
        assert " --hash=sha256:" in entry, entry

"""The Debian packages: what each is known by, and what to do about a program that is missing."""

import pytest

from dev import debian
from dev.debian import DEBIAN_PACKAGES, DebianPackage


@pytest.mark.parametrize(
    ("file", "there"),
    [
        pytest.param("sh", True, id="program"),
        pytest.param("no-such-program", False, id="no-program"),
        pytest.param("/", True, id="path"),
        pytest.param("/no/such/path", False, id="no-path"),
        pytest.param("module:json", True, id="module"),
        pytest.param("module:no_such_module", False, id="no-module"),
    ],
)
def test_what_a_package_brings_is_looked_for_as_what_it_is(file: str, *, there: bool) -> None:
    assert there is debian.present(file)


def test_a_package_is_missing_when_any_of_its_files_is() -> None:
    assert DebianPackage("x", ("sh", "no-such-program")).missing()
    assert not DebianPackage("x", ("sh", "/")).missing()


def test_every_debian_package_is_known_by_something_that_it_brings() -> None:
    assert all(package.files for package in DEBIAN_PACKAGES)
    assert len({package.name for package in DEBIAN_PACKAGES}) == len(DEBIAN_PACKAGES)


@pytest.mark.parametrize(
    ("program", "remedy"),
    [
        pytest.param("ip", "apt-get install iproute2", id="of-a-package-of-another-name"),
        pytest.param("buildah", "apt-get install buildah", id="of-its-own-package"),
        pytest.param("lsof", "apt-get install lsof", id="unknown"),
        pytest.param("go", "install Go from https://go.dev/dl", id="go"),
    ],
)
def test_a_program_that_is_missing_has_a_remedy(program: str, remedy: str) -> None:
    assert remedy == debian.remedy(program)


def test_only_what_is_asked_for_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert "buildah" in debian.missing()
    assert debian.missing(["buildah", "python3-venv"]) == ["buildah"]

"""The base image: what makes it, and where its packages' keys are looked for."""

from pathlib import Path

import pytest

from dev import debian
from dev.images import base

SCRIPT = Path("/usr/share/debootstrap/scripts") / base.SUITE


def test_what_makes_it_is_installed_by_set_up() -> None:
    assert set(base.PACKAGES) <= {package.name for package in debian.DEBIAN_PACKAGES}


@pytest.mark.skipif(not SCRIPT.exists(), reason="`make tools` installs debootstrap")
def test_debootstrap_looks_for_the_keys_where_their_package_has_them() -> None:
    [keyring] = [one for one in debian.DEBIAN_PACKAGES if one.name.endswith("keyring")]
    [asked] = [line for line in SCRIPT.read_text().splitlines() if line.startswith("keyring ")]

    # Debian 13 calls it .pgp, and links the name before to it.
    assert Path(asked.removeprefix("keyring ")).stem == Path(keyring.files[0]).stem

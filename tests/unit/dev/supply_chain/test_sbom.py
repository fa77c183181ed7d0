"""Bills of materials: what is in an image or a wheel, as CycloneDX has it."""

import io
import json
import tarfile
from email.parser import Parser
from pathlib import Path

import pytest

from dev import steps
from dev.supply_chain import installed, sbom
from tests.unit.dev.images.test_contents import image

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
SITE = "opt/app/lib/python3.11/site-packages"


def layer(**files: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as made:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text)
            made.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    one = {f"{SITE}/one-1.dist-info/METADATA": "Name: One_Package\nVersion: 1\nLicense: MIT\n"}
    two = {f"{SITE}/two-1.dist-info/METADATA": "Name: two\nVersion: 1\n"}
    return image(
        tmp_path,
        ("", layer(**{"var/lib/dpkg/status": "Package: old\nStatus: install ok installed\n"}, **one, **two)),
        ("", layer(**{"var/lib/dpkg/status": STATUS, f"{SITE}/.wh.two-1.dist-info": "", "usr/local/bin/envoy": "elf"})),
    )  # fmt: skip


def test_the_last_layer_says_what_is_installed(archive: Path) -> None:
    found = installed.look(archive)

    assert [package["Package"] for package in found.debian] == ["libc6"]
    assert [package["Name"] for package in found.python] == ["One_Package"]
    assert found.has_envoy


def test_an_image_without_envoy_has_none(tmp_path: Path) -> None:
    assert not installed.look(image(tmp_path, ("", layer(file="x")))).has_envoy


def test_components_are_named_by_what_scanners_look_for() -> None:
    debian = sbom.of_debian(Parser().parsestr(STATUS))
    python = sbom.of_python(Parser().parsestr("Name: One_Package\nVersion: 1\nLicense: MIT\n"))

    assert debian["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-bookworm"
    assert python["purl"] == "pkg:pypi/one-package@1"
    assert sbom.envoy()["version"] == "1.40.0"


def test_the_wheels_is_the_same_each_time_and_as_cyclonedx_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    text = sbom.of_wheel()

    assert text == sbom.of_wheel()
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == "deepseek-operator"
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    licences = {one["name"]: one["licenses"] for one in bill["components"]}
    assert licences["aiohttp"] == [{"expression": "Apache-2.0 AND MIT"}]
    assert "pytest" not in licences
    [own] = [one for one in bill["dependencies"] if one["ref"].startswith("pkg:pypi/deepseek-op")]
    assert any(name.startswith("pkg:pypi/grpcio@") for name in own["dependsOn"])


def test_what_is_no_bill_is_told() -> None:
    main = {"type": "no type", "bom-ref": "x", "name": "x", "version": "1"}

    with pytest.raises(steps.StepError, match="not as CycloneDX has it"):
        sbom.rendered(main, [], {})

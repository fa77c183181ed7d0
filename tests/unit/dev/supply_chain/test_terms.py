"""What a package's metadata says of its licence, and what may be passed on."""

from email.parser import Parser

import pytest

from dev.supply_chain import terms


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        pytest.param("License-Expression: MIT", "MIT", id="expression"),
        pytest.param("License: MPL-2.0 AND MIT", "MPL-2.0 AND MIT", id="expression-in-the-old-field"),
        pytest.param("License: Apache 2.0", "Apache-2.0", id="words"),
        pytest.param("License: MIT License\n        \n        Copyright", "MIT", id="whole-text"),
        pytest.param(
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License (ISCL)", "ISC",
            id="classifier",
        ),
        pytest.param(
            "License: Dual License\nClassifier: License :: OSI Approved :: BSD License\n"
            "Classifier: License :: OSI Approved :: Apache Software License",
            "Apache-2.0 OR LicenseRef-BSD", id="two-classifiers",
        ),
        pytest.param("Classifier: License :: Other/Proprietary License", "LicenseRef-Proprietary", id="proprietary"),
        pytest.param("License: see the website", "", id="nothing-known"),
        pytest.param("Name: x", "", id="nothing-said"),
    ],
)  # fmt: skip
def test_a_licence_is_found_wherever_it_is_stated(stated: str, expression: str) -> None:
    assert terms.of(Parser().parsestr(f"Version: 1\n{stated}\n")) == expression


@pytest.mark.parametrize(
    ("expression", "is_permitted"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("GPL-3.0-or-later OR MIT", True),
        ("GPL-3.0-or-later AND MIT", False),
        ("GPL-3.0-or-later", False),
        ("(MIT OR Apache-2.0)", False),
        ("LicenseRef-Proprietary", False),
        ("", False),
    ],
)
def test_what_may_be_passed_on(expression: str, *, is_permitted: bool) -> None:
    assert terms.permitted(expression, terms.PASSED_ON) is is_permitted


def test_a_tool_may_be_under_the_gpl() -> None:
    assert terms.permitted("GPL-3.0-or-later", terms.TOOLS)

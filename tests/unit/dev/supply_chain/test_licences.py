"""The licences of what is passed on and of what is used."""

import tomllib
from email.parser import Parser

from dev.paths import REPOSITORY
from dev.supply_chain import licences, locked, terms
from dev.supply_chain.accepted import KNOWN, WITH_TERMS

LOCK = {
    "package": [
        {
            "name": "deepseek-operator",
            "dependencies": [{"name": "one"}],
            "optional-dependencies": {"more": [{"name": "two"}]},
            "dev-dependencies": {"dev": [{"name": "tool"}]},
        },
        {"name": "one", "version": "1", "dependencies": [{"name": "deep"}]},
        {"name": "one", "version": "2", "dependencies": [{"name": "other"}]},
        {"name": "two"},
        {"name": "deep", "dependencies": [{"name": "one"}]},
        {"name": "other"},
        {"name": "tool"},
    ]
}


def test_what_is_passed_on_is_all_that_our_package_needs_and_no_tool() -> None:
    assert locked.passed_on(LOCK) == ("deep", "one", "other", "two")


def test_all_licences_are_fine() -> None:
    assert licences.findings() == []


def test_what_is_passed_on_may_do_less_than_a_tool() -> None:
    found = {"a": "GPL-3.0-or-later", "b": "MIT", "c": "", "d": "LGPL-2.1-only"}

    assert list(licences.refused(found, passed_on={"b"})) == [
        "c (a tool): no licence that is known", "d (a tool): LGPL-2.1-only",
    ]  # fmt: skip
    assert list(licences.refused(found, passed_on=set(found), with_terms={"d"})) == [
        "a (passed on): GPL-3.0-or-later", "c (passed on): no licence that is known",
    ]  # fmt: skip


def test_the_operators_dependencies_are_all_looked_at() -> None:
    passed_on = set(locked.passed_on(tomllib.loads((REPOSITORY / "uv.lock").read_text())))

    assert {"aiohttp", "kopf", "grpcio", "botocore"} <= passed_on
    assert "yamllint" not in passed_on
    # For other platforms than that of the images: Windows, browsers.
    assert passed_on - set(licences.of_environment()) <= {"colorama", "hf-xet", "httpx2-jsfetch"}


def test_packages_inside_of_others_are_not_listed() -> None:
    inside = Parser().parsestr("Name: Some_Package\nVersion: 1\nLicense: MIT\n")
    own = Parser().parsestr("Name: Some_Package\nVersion: 2\nLicense: MIT\n")

    text = licences.list_of([inside, own], wanted={("some-package", "2")})

    assert text.splitlines()[1:] == ["some-package\t2\tMIT"]
    assert licences.read_list(text) == {("some-package", "2"): "MIT"}


def test_nothing_is_accepted_that_is_not_there() -> None:
    engine = {name: of for (name, _), of in licences.read_list(licences.LISTED.read_text()).items()}

    assert set(WITH_TERMS) <= set(engine)
    assert not [name for name in WITH_TERMS if engine[name] in terms.PASSED_ON]
    assert set(KNOWN) <= set(engine) | set(licences.of_environment())
    assert all(engine.get(name, known) == known for name, (known, _) in KNOWN.items())

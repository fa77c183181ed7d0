"""Flags of engines that the operator owns: refused by name, and by the beginning of one."""

import pytest

from deepseek_operator.api import rules
from tests.unit.api.test_rules import violations
from tests.unit.engines.test_vllm import FLAGS


@pytest.mark.parametrize("flag", [pytest.param(name, id=name) for name in rules.OWNED_FLAGS])
@pytest.mark.parametrize("form", ["--{}", "--{}=x", "--{}=a=b"])
def test_an_owned_flag_is_refused_by_its_name(flag: str, form: str) -> None:
    for spelling in {flag, flag.replace("-", "_")}:
        expected = (
            f"engine.args: --{flag} is owned by the operator; the reference of engine.args names "
            "the field to use instead"
        )
        assert [expected] == violations(rules.ENGINE_ARG, form.format(spelling))


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("--por=9", "--por"),
        ("--middlew=x.y", "--middlew"),
        ("--served_model=x", "--served-model"),
        ("--hel", "--hel"),
        ("--s", "--s"),
    ],
)
def test_the_beginning_of_an_owned_flag_is_refused(entry: str, name: str) -> None:
    expected = (
        f"engine.args: {name} is the beginning of a flag that is owned by the operator; the reference of "
        "engine.args names the field to use instead"
    )
    assert [expected] == violations(rules.ENGINE_ARG, entry)


def test_no_flag_of_vllm_is_refused_but_those_that_are_owned() -> None:
    owned = {f"--{flag}" for flag in rules.OWNED_FLAGS}
    assert {flag for flag in FLAGS if violations(rules.ENGINE_ARG, f"{flag}=1")} == owned

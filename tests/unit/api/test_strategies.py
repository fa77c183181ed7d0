"""Which fields of spec.rollout each strategy has: what it has not is refused in words."""

from typing import Any

import pytest

from deepseek_operator.api import rules, strategies
from deepseek_operator.api.analysis import Analysis
from tests.unit.api.test_rules import violations

_WAIT = "rollout.waitForAccelerators"
_TWO = "with strategy Replace there are never two revisions to compare, and no steps; remove it"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *(
            pytest.param(
                {"strategy": strategy, field: []},
                f"rollout.{field}: only strategies Canary and Auto have it; set strategy, or remove it",
                id=f"{strategy}-with-{field}",
            )
            for strategy in ("BlueGreen", "Replace")
            for field in strategies.CANARY_ONLY
        ),
        *(
            pytest.param(
                {"strategy": "BlueGreen", field: {}},
                f"rollout.{field}: only strategies Canary, Replace and Auto have it; set strategy, "
                "or remove it",
                id=f"BlueGreen-with-{field}",
            )
            for field in strategies.RUNS_ONLY
        ),
        *(
            pytest.param(
                {"strategy": "Replace", "analysis": {field: {}}},
                f"rollout.analysis.{field}: {_TWO}",
                id=f"Replace-with-{field}",
            )
            for field in strategies.COMPARING_ONLY
        ),
        *(
            pytest.param(
                {"strategy": "Replace", "analysis": {"quality": {field: 5}}},
                f"rollout.analysis.quality.{field}: {_TWO}",
                id=f"Replace-with-{field}",
            )
            for field in strategies.COMPARING_ANSWERS_ONLY
        ),
    ],
)
def test_a_field_that_a_strategy_does_not_have_is_refused(value: Any, said: str) -> None:
    assert violations(rules.ROLLOUT, value) == [said]


@pytest.mark.parametrize("strategy", ["Canary", "Replace", "Auto"])
@pytest.mark.parametrize("field", strategies.RUNS_ONLY)
def test_what_both_have_is_admitted(strategy: str, field: str) -> None:
    assert violations(rules.ROLLOUT, {"strategy": strategy, field: {}}) == []


@pytest.mark.parametrize("field", strategies.CANARY_ONLY)
def test_auto_may_become_a_canary_and_has_its_fields(field: str) -> None:
    assert violations(rules.ROLLOUT, {"strategy": "Auto", field: []}) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(
            {"strategy": "Auto", "waitForAccelerators": False},
            [
                f"{_WAIT}: without waiting Auto is always a Canary; set strategy to Canary, or remove it"
            ],
            id="auto-that-waits-for-nothing",
        ),
        pytest.param({"strategy": "Auto", "waitForAccelerators": True}, [], id="auto-that-waits"),
        pytest.param({"strategy": "Canary", "waitForAccelerators": False}, [], id="canary"),
        pytest.param({"waitForAccelerators": False}, [], id="the-default-strategy"),
    ],
)
def test_what_waits_for_accelerators(value: Any, said: list[str]) -> None:
    assert violations(rules.ROLLOUT, value) == said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param(
            "CPU",
            [f"{_WAIT}: kind CPU has none to wait for; remove it"],
            id="cpu",
        ),
        pytest.param("GPU", [], id="gpu"),
    ],
)
def test_without_accelerators_nothing_waits_for_them(kind: str, said: list[str]) -> None:
    spec = {"accelerator": {"kind": kind}, "rollout": {"waitForAccelerators": True}}

    assert violations(strategies.SPEC, spec) == said
    assert violations(strategies.SPEC, {**spec, "rollout": {}}) == []


def test_a_replace_may_have_its_answers_examined() -> None:
    quality = {"prompts": {"name": "p"}, "minPassingPercent": 90, "webhook": {}, "timeout": "5m"}

    assert (
        violations(rules.ROLLOUT, {"strategy": "Replace", "analysis": {"quality": quality}}) == []
    )
    assert violations(rules.ROLLOUT, {"strategy": "Replace", "analysis": {}}) == []


def test_every_part_of_an_analysis_is_known_here() -> None:
    fields = {field.alias for field in Analysis.model_fields.values()}

    assert fields == {*strategies.COMPARING_ONLY, "quality"}

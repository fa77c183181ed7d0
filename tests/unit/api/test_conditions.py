"""How conditions change over time."""

import pytest

from deepseek_operator.api.base import ApiModel
from deepseek_operator.api.conditions import Condition, ConditionType, Reason, merge_conditions
from deepseek_operator.api.status import ConditionStatus, DeepSeekDeploymentStatus
from tests.unit.samples import LATER, NOW

STARTING = Condition(ConditionType.READY, "False", Reason.STARTING, "no replica answers yet")


def test_a_new_condition_changes_now() -> None:
    assert merge_conditions([], [STARTING], generation=4, now=NOW) == [
        {
            "type": "Ready",
            "status": "False",
            "reason": "Starting",
            "message": "no replica answers yet",
            "observedGeneration": 4,
            "lastTransitionTime": "2026-03-01T12:00:00Z",
        }
    ]


def test_a_new_reason_alone_is_no_transition() -> None:
    stored = merge_conditions([], [STARTING], generation=1, now=NOW)
    loading = Condition(ConditionType.READY, "False", Reason.ENGINE_LOADING, "loading")

    merged = merge_conditions(stored, [loading], generation=2, now=LATER)

    assert merged[0]["lastTransitionTime"] == "2026-03-01T12:00:00Z"
    assert merged[0]["reason"] == "EngineLoading"
    assert merged[0]["observedGeneration"] == 2


def test_a_new_status_is_a_transition() -> None:
    stored = merge_conditions([], [STARTING], generation=1, now=NOW)
    serving = Condition(ConditionType.READY, "True", Reason.SERVING, "1 of 1")

    merged = merge_conditions(stored, [serving], generation=1, now=LATER)

    assert merged[0]["lastTransitionTime"] == "2026-03-01T12:30:00Z"


def test_a_condition_that_is_not_found_any_more_is_dropped() -> None:
    stored = merge_conditions([], [STARTING], generation=1, now=NOW)

    assert merge_conditions(stored, [], generation=1, now=NOW) == []


def test_reasons_are_one_word_each_and_none_stands_twice() -> None:
    words = [str(reason) for reason in Reason]

    assert all(word.isalpha() and word[0].isupper() for word in words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("model", "field"), [(ConditionStatus, "type"), (DeepSeekDeploymentStatus, "conditions")]
)
def test_whoever_reads_of_conditions_reads_of_all_of_them(
    model: type[ApiModel], field: str
) -> None:
    text = model.model_fields[field].description or ""

    assert [kind for kind in ConditionType if kind not in text] == []

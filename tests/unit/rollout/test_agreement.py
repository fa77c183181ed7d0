"""Whether two pods answer alike: what is compared, what is forgiven, what is not."""

import json
from typing import Any

import pytest

from deepseek_operator.rollout import agreement
from deepseek_operator.rollout.agreement import FLOOR

Position = list[list[Any]]

YES: Position = [[["yes", -0.5], ["no", -1.5]], [[".", -0.2]]]


def answer(positions: list[Any] | None = None, *, spread: float = 0.0, prompt: str = "p") -> str:
    """What a pod answered to the fixed prompt, as its warm-up tells it."""
    chosen = YES if positions is None else positions
    return json.dumps({"prompt": prompt, "runs": 3, "spread": spread, "positions": chosen})


FIRST = agreement.named(answer(), "first")


def moved(by: float) -> str:
    """The first pod's answer with one token's value moved."""
    return answer([[["yes", -0.5 + by], ["no", -1.5]], [[".", -0.2]]])


def test_a_revision_keeps_the_answer_and_the_pod_that_gave_it() -> None:
    kept = agreement.named(answer(), "first")

    assert json.loads(kept) == {**json.loads(answer()), "pod": "first"}
    assert agreement.dispute(kept, answer()) is None


def test_what_is_kept_takes_no_room_for_spaces() -> None:
    assert " " not in agreement.named(answer(), "first")


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        pytest.param(None, answer(), id="no-first-pod"),
        pytest.param(FIRST, None, id="no-answer"),
        pytest.param(None, None, id="neither"),
        pytest.param(FIRST, answer(), id="equal"),
        pytest.param(FIRST, moved(FLOOR * 0.9), id="within-the-floor"),
        pytest.param(FIRST, moved(-FLOOR * 0.9), id="within-the-floor-downwards"),
        pytest.param(FIRST, answer([[["yes", -5.0]]], prompt="q"), id="another-prompt"),
        pytest.param(FIRST, answer(YES[:1]), id="shorter"),
        pytest.param(FIRST, answer([]), id="empty"),
        pytest.param(agreement.named(answer([]), "first"), answer(), id="first-was-empty"),
        pytest.param(FIRST, answer([[], [[".", -0.2]]]), id="no-likely-token"),
        pytest.param(
            FIRST, answer([[["yes", -0.5], ["maybe", -1.5]], [[".", -0.2]]]), id="another-rival"
        ),
    ],
)
def test_what_agrees_or_cannot_be_compared_is_no_dispute(
    stored: str | None, found: str | None
) -> None:
    assert agreement.dispute(stored, found) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            moved(FLOOR * 1.1), "token 1: log-probability of 'yes' is -0.39 and not -0.50", id="up"
        ),
        pytest.param(
            moved(-FLOOR * 1.1), "token 1: log-probability of 'yes' is -0.61 and not -0.50",
            id="down",
        ),
        pytest.param(
            answer([[["yes", -0.5], ["no", -3.0]], [[".", -0.2]]]),
            "token 1: log-probability of 'no' is -3.00 and not -1.50",
            id="a-rival",
        ),
        pytest.param(
            answer([YES[0], [[".", -4.0]]]),
            "token 2: log-probability of '.' is -4.00 and not -0.20",
            id="a-later-token",
        ),
        pytest.param(
            answer([[["!", -0.1], ["?", -4.0]]]),
            "token 1: 'yes' is not among its likely tokens",
            id="no-token-in-common",
        ),
    ],
)  # fmt: skip
def test_what_differs_is_told_by_token_and_with_the_pod_that_it_differs_from(
    found: str, words: str
) -> None:
    said = agreement.dispute(FIRST, found)

    assert said == (
        f"its answer to the fixed prompt differs from that of pod first at {words} (tolerance 0.10)"
    )


@pytest.mark.parametrize(
    ("first", "second", "by", "agrees"),
    [
        pytest.param(0.1, 0.0, 0.39, True, id="within-four-spreads-of-the-first"),
        pytest.param(0.1, 0.0, 0.41, False, id="beyond-four-spreads-of-the-first"),
        pytest.param(0.0, 0.1, 0.39, True, id="within-four-spreads-of-the-second"),
        pytest.param(0.0, 0.1, 0.41, False, id="beyond-four-spreads-of-the-second"),
        pytest.param(0.2, 0.1, 0.79, True, id="of-the-larger-spread"),
        pytest.param(0.01, 0.01, 0.09, True, id="the-floor-is-the-least"),
        pytest.param(0.01, 0.01, 0.11, False, id="beyond-the-floor"),
    ],
)
def test_what_runs_on_one_pod_differ_by_is_forgiven_four_times(
    first: float, second: float, by: float, *, agrees: bool
) -> None:
    stored = agreement.named(answer([[["yes", -2.0]]], spread=first), "first")

    said = agreement.dispute(stored, answer([[["yes", -2.0 + by]]], spread=second))

    assert agrees is (said is None)


def test_what_follows_a_tie_that_rounding_decided_is_not_compared() -> None:
    tie = [[["a", -0.70], ["b", -0.71]], [["x", -0.1]]]
    flipped = [[["b", -0.69], ["a", -0.72]], [["z", -0.1]]]
    stored = agreement.named(answer(tie), "first")

    assert agreement.dispute(stored, answer(flipped)) is None
    assert agreement.dispute(stored, answer([tie[0], flipped[1]])) is not None


def test_two_likely_tokens_that_are_no_tie_are_a_dispute_even_where_they_flip() -> None:
    stored = agreement.named(answer([[["a", -0.1], ["b", -2.5]]]), "first")

    said = agreement.dispute(stored, answer([[["b", -0.1], ["a", -2.5]]]))

    assert said is not None
    assert "log-probability of 'a' is -2.50 and not -0.10" in said


def test_who_is_compared_with_whom_does_not_change_whether_they_agree() -> None:
    pairs = [(answer(), moved(by)) for by in (0.0, 0.05, 0.2, -0.2)]

    for one, other in pairs:
        there = agreement.dispute(agreement.named(one, "one"), other)
        back = agreement.dispute(agreement.named(other, "other"), one)
        assert (there is None) is (back is None)

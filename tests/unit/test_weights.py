"""How far weights are, in words for people and in numbers for status."""

from typing import Any

import pytest

from deepseek_operator.api.conditions import FETCH_REASONS, Reason
from deepseek_operator.api.status import WeightsStatus
from deepseek_operator.diagnosis import Finding
from deepseek_operator.weights import Phase, Progress, Weights

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40

SOURCE = "hf://org/name"
NO_NODE = Finding(Reason.UNSCHEDULABLE, "pod p: no node has room")
REFUSED = Finding(Reason.UNAUTHORIZED, f"weights of {SOURCE}: the token is refused")


def weights(phase: Phase, trouble: Finding | None = None, **known: Any) -> Weights:
    return Weights("weights-name", SOURCE, phase, Progress(**known), trouble)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        pytest.param(
            Progress(392 * GIB, 642 * GIB, 410 * MIB, 540),
            "61 % of 642 GiB, 410 MiB/s, 9 min left",
            id="all-known",
        ),
        pytest.param(Progress(), "the size is not known yet", id="nothing-known"),
        pytest.param(
            Progress(done=7 * MIB, per_second=MIB), "the size is not known yet", id="no-total"
        ),
        pytest.param(Progress(total=642 * GIB), "the size is not known yet", id="nothing-counted"),
        pytest.param(Progress(0, 642 * GIB), "0 % of 642 GiB", id="no-rate-yet"),
        pytest.param(Progress(0, 642 * GIB, 0, None), "0 % of 642 GiB", id="no-byte-comes"),
        pytest.param(
            Progress(GIB, 2 * GIB, seconds_left=30), "50 % of 2.0 GiB, 30 s left", id="no-rate"
        ),
        pytest.param(Progress(2 * GIB, 2 * GIB, MIB, 0), "100 % of 2.0 GiB, 1.0 MiB/s, 0 s left",
                     id="done"),
    ],
)  # fmt: skip
def test_progress_is_told_as_far_as_it_is_known(progress: Progress, words: str) -> None:
    assert words == str(progress)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        pytest.param(1, "1 B", id="a-byte"),
        pytest.param(999, "999 B", id="bytes"),
        pytest.param(1000, "1.0 KiB", id="three-digits-at-most"),
        pytest.param(4.3 * MIB, "4.3 MiB", id="two-digits-below-ten"),
        pytest.param(17 * GIB, "17 GiB", id="no-fraction-above-ten"),
        pytest.param(1.5 * TIB, "1.5 TiB", id="terabytes"),
        pytest.param(4321 * TIB, "4321 TiB", id="no-larger-unit"),
    ],
)
def test_a_size_has_a_unit_that_people_can_read(size: float, words: str) -> None:
    assert f"0 % of {words}" == str(Progress(0, int(size)))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(89, "89 s", id="seconds"),
        pytest.param(100, "2 min", id="minutes"),
        pytest.param(89 * 60, "89 min", id="many-minutes"),
        pytest.param(90 * 60, "1.5 h", id="hours"),
        pytest.param(26 * 3600, "26.0 h", id="more-than-a-day"),
    ],
)
def test_what_is_left_is_told_in_seconds_minutes_or_hours(seconds: int, words: str) -> None:
    assert f"0 % of 1.0 GiB, {words} left" == str(Progress(0, GIB, seconds_left=seconds))


def test_nothing_is_called_whole_before_its_last_byte_is_there() -> None:
    assert Progress(642 * GIB - 1, 642 * GIB).percent == 99
    assert Progress(642 * GIB, 642 * GIB).percent == 100


def test_weights_that_are_there_miss_nothing() -> None:
    assert weights(Phase.READY).missing is None


@pytest.mark.parametrize(
    ("given", "reason", "message"),
    [
        pytest.param(
            weights(Phase.SIZING),
            "WeightsSizing",
            "asking hf://org/name for the size of its weights",
            id="sizing",
        ),
        pytest.param(
            weights(Phase.WAITING),
            "WeightsWaiting",
            "weights of hf://org/name wait for their volume and a node",
            id="waiting",
        ),
        pytest.param(
            weights(Phase.FETCHING, done=GIB, total=4 * GIB),
            "WeightsFetching",
            "weights: 25 % of 4.0 GiB",
            id="fetching",
        ),
        pytest.param(
            weights(Phase.VERIFYING, done=GIB, total=4 * GIB),
            "WeightsFetching",
            "weights: verifying, 25 % of 4.0 GiB",
            id="verifying",
        ),
        pytest.param(
            weights(Phase.WAITING, NO_NODE),
            "Unschedulable",
            "weights of hf://org/name wait for their volume and a node; pod p: no node has room",
            id="in-trouble",
        ),
        pytest.param(
            weights(Phase.FETCHING, REFUSED, done=GIB, total=4 * GIB),
            "Unauthorized",
            "weights: 25 % of 4.0 GiB; weights of hf://org/name: the token is refused",
            id="tried-again",
        ),
        pytest.param(
            weights(Phase.FAILED, REFUSED),
            "Unauthorized",
            "weights of hf://org/name: the token is refused",
            id="failed",
        ),
        pytest.param(
            weights(Phase.FAILED),
            "WeightsFailed",
            "weights of hf://org/name are missing",
            id="failed-and-told-nothing",
        ),
    ],
)
def test_what_is_missing_says_how_far_it_is_and_what_keeps_it(
    given: Weights, reason: str, message: str
) -> None:
    assert given.missing == Finding(Reason(reason), message)


@pytest.mark.parametrize("phase", Phase)
def test_only_a_failed_fetch_has_a_reason_of_failure(phase: Phase) -> None:
    missing = weights(phase).missing

    assert (phase is Phase.FAILED) is (missing is not None and missing.reason in FETCH_REASONS)


def test_status_has_numbers_under_their_names() -> None:
    entry = weights(
        Phase.FETCHING, done=1, total=4, per_second=2, seconds_left=3, trouble=None
    ).entry()

    assert entry == {
        "claim": "weights-name",
        "source": SOURCE,
        "phase": "Fetching",
        "bytesDone": 1,
        "bytesTotal": 4,
        "bytesPerSecond": 2,
        "secondsLeft": 3,
    }


def test_what_is_not_known_does_not_stand_in_status_and_zero_does() -> None:
    assert set(weights(Phase.WAITING).entry()) == {"claim", "source", "phase"}
    assert weights(Phase.FETCHING, done=0, per_second=0).entry().items() >= {
        ("bytesDone", 0),
        ("bytesPerSecond", 0),
    }


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_one_that_the_schema_of_status_knows(phase: Phase) -> None:
    entry = weights(phase, done=1, total=2, per_second=3, seconds_left=4).entry()

    assert entry == WeightsStatus.model_validate(entry).model_dump(by_alias=True)

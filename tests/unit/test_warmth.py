"""What a warm-up has told, as status has it."""

from typing import Any

import pytest

from deepseek_operator.api.status import WarmupStatus
from deepseek_operator.warmth import MOST_RECORDS, Phase, Warmth, WarmUp, entry, records
from tests.unit.samples import LATER, NOW, Manifest

RESULT: Manifest = {
    "opened": True,
    "seconds": 12.6,
    "requests": 41,
    "failure": None,
    "shapes": {
        "4096 tokens": {"coldMs": [9000.6, 40.4], "warmMs": [310.2, 20.6], "rounds": 3},
        "1 token": {"coldMs": [80.0, None], "warmMs": [20.0, None], "rounds": 2},
    },
}


def told(pod: str = "one", **changes: Any) -> WarmUp:
    """A pod whose warm-up has told this just now."""
    return WarmUp(pod, Phase.WARM, None, {**RESULT, **changes})


def warmth(*pods: WarmUp) -> Warmth:
    return Warmth(key="k", is_locked=True, at_strength=True, pods=pods)


def test_a_result_is_told_in_whole_seconds_and_milliseconds() -> None:
    assert entry(told()) == {
        "pod": "one",
        "seconds": 13,
        "requests": 41,
        "figures": [
            {
                "name": "4096 tokens",
                "coldFirstToken": 9001,
                "warmFirstToken": 310,
                "coldNextToken": 40,
                "warmNextToken": 21,
            },
            {"name": "1 token", "coldFirstToken": 80, "warmFirstToken": 20},
        ],
    }


def test_a_warm_up_that_failed_though_the_pod_serves_says_why() -> None:
    failure = {"reason": "TimedOut", "message": "after 600 s", "remedy": "raise it"}

    assert entry(told(failure=failure))["failure"] == "TimedOut: after 600 s"


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({}, id="empty"),
        pytest.param({"shapes": None, "failure": None}, id="nulls"),
        pytest.param(None, id="none"),
    ],
)
def test_a_result_that_says_little_is_told_as_far_as_it_goes(result: Manifest | None) -> None:
    found = entry(WarmUp("one", Phase.WARM, None, result))

    assert found == {"pod": "one", "seconds": 0, "requests": 0, "figures": []}


def test_what_is_told_fits_the_status_however_much_a_warm_up_says() -> None:
    shape = RESULT["shapes"]["1 token"]
    many = {f"shape {number}": shape for number in range(40)}
    failure = {"reason": "TimedOut", "message": "x" * 5000}

    [found] = records([warmth(told(shapes=many, failure=failure))], [], now=NOW)

    assert [figure["name"] for figure in found["figures"]] == [f"shape {n}" for n in range(32)]
    assert len(found["failure"]) == 1024
    assert WarmupStatus.model_validate(found).revision == "k"


def named(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["pod"], entry["at"]) for entry in found]


AT, THEN = "2026-03-01T12:00:00Z", "2026-03-01T12:30:00Z"


def test_each_pod_that_told_something_just_now_has_a_record() -> None:
    silent = WarmUp("silent", Phase.WARM)

    found = records([warmth(told("one"), told("two"), silent)], [], now=NOW)

    assert named(found) == [("one", AT), ("two", AT)]


def test_a_later_warm_up_of_a_pod_takes_the_place_of_its_earlier_one() -> None:
    before = records([warmth(told("one"), told("two"))], [], now=NOW)

    found = records([warmth(told("one"), WarmUp("two", Phase.WARM))], before, now=LATER)

    assert named(found) == [("two", AT), ("one", THEN)]


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        pytest.param([], [], id="revision-gone"),
        pytest.param([warmth()], [("one", AT)], id="nobody-looked"),
        pytest.param([warmth(WarmUp("one", Phase.COLD))], [("one", AT)], id="pod-there"),
        pytest.param([warmth(WarmUp("two", Phase.COLD))], [], id="pod-gone"),
    ],
)
def test_a_record_is_kept_as_long_as_its_pod(
    now: list[Warmth], kept: list[tuple[str, str]]
) -> None:
    before = records([warmth(told("one"))], [], now=NOW)

    assert named(records(now, before, now=LATER)) == kept


def test_of_many_records_the_last_are_kept_and_those_that_failed() -> None:
    failure = {"reason": "TimedOut", "message": "600 s"}
    before = records([warmth(told("bad", failure=failure))], [], now=NOW)

    found = records(
        [warmth(WarmUp("bad", Phase.WARM), *(told(f"p{n:02}") for n in range(20)))],
        before,
        now=LATER,
    )

    assert len(found) == MOST_RECORDS
    assert found[0]["pod"] == "bad"

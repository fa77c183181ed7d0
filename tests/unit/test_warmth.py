"""What a warm-up has told, as status has it."""

from typing import Any

import pytest

from deepseek_operator.api.types import WarmupStatus
from deepseek_operator.warmth import Phase, Warmth, WarmUp, entry
from tests.unit.samples import Manifest

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

    found = warmth(told(shapes=many, failure=failure)).latest()

    assert found is not None
    assert [figure["name"] for figure in found["figures"]] == [f"shape {n}" for n in range(32)]
    assert len(found["failure"]) == 1024
    assert WarmupStatus.model_validate(found).revision == "k"


def test_the_last_pod_that_told_something_just_now_speaks_for_its_revision() -> None:
    silent = WarmUp("silent", Phase.WARM)

    found = warmth(told("one"), told("two"), silent).latest()

    assert found == {"revision": "k", **entry(told("two"))}


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param((), id="no-pods"),
        pytest.param((WarmUp("one", Phase.WARM), WarmUp("two", Phase.COLD)), id="nothing-told"),
    ],
)
def test_a_revision_of_which_nothing_was_told_just_now_has_no_result(
    pods: tuple[WarmUp, ...],
) -> None:
    assert warmth(*pods).latest() is None

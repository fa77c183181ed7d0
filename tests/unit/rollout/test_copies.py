"""What gateways tell of copies, as outcomes and for people."""

from datetime import UTC, datetime
from typing import Any

from deepseek_operator.observed import Gateway
from deepseek_operator.rollout import counting
from deepseek_operator.rollout.copies import Copies
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.stretches import Counter
from tests.unit.rollout.test_counting import gateway, request

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def copied(pod: str = "a", **changes: Any) -> Gateway:
    found = gateway(request(chosen="old", served="old"), pod=pod)
    counts = {"revision": "new", "ended": 9, "failed": 2, "rejected": 3, "dropped": 4, "running": 5}
    assert found.report is not None
    found.report["counted"]["copies"] = [{**counts, **changes}]
    return found


def test_a_copy_is_no_request_and_what_is_the_clients_fault_is_left_out() -> None:
    [counts] = counting.reading([copied()], at=AT).sources.values()

    assert counts == {
        Counter("new", "copies"): Outcomes(6, 2),
        Counter("old", "users"): Outcomes(7, 0),
        Counter("old", "errors"): Outcomes(7, 0),
        Counter("old", "rejections"): Outcomes(7, 0),
    }


def test_copies_of_all_gateways_are_added_up_for_people() -> None:
    told = [
        copied(),
        copied("b", failed=0),
        gateway(pod="c"),
        Gateway("d", is_ready=True, report=None),
    ]

    assert counting.copies(told, "new") == Copies(
        answered=16, rejected=6, failed=2, dropped=8, running=10
    )
    assert counting.copies(told, "old") == Copies()

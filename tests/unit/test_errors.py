"""The error tree."""

from deepseek_operator.api.conditions import Reason
from deepseek_operator.errors import Conflict, OperatorError, Stalled, Waiting


def test_a_conflict_is_worth_another_pass_at_once() -> None:
    conflict = Conflict("somebody was first")

    assert isinstance(conflict, Waiting)
    assert isinstance(conflict, OperatorError)
    assert conflict.after_seconds == 0.0


def test_what_stalls_is_not_worth_waiting_for() -> None:
    stalled = Stalled(Reason.INVALID_SPEC, "spec.source: no")

    assert not isinstance(stalled, Waiting)
    assert str(stalled) == "InvalidSpec: spec.source: no"

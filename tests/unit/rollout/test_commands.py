"""What is recorded of a command, whatever stands in the annotation."""

from dataclasses import replace

import pytest

from deepseek_operator import course_told
from deepseek_operator.api.status import RolloutStatus
from deepseek_operator.canary import Course
from deepseek_operator.rollout import commands, record
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Rollout
from deepseek_operator.rollout.switch import Roles
from tests.unit.rollout.stage import Stage

_FIELDS = RolloutStatus.model_fields


def most(field: str) -> int:
    """Letters that status takes there."""
    [bound] = [item.max_length for item in _FIELDS[field].metadata if hasattr(item, "max_length")]
    return int(bound)


@pytest.mark.parametrize("length", [300, 70_000])
@pytest.mark.parametrize("begin", ["x", "abort:"], ids=["no-verb", "no-run"])
def test_an_annotation_of_any_length_fits_into_status(begin: str, length: int) -> None:
    command = begin + "\N{COLLISION SYMBOL}" * (length - len(begin))
    before = Rollout("stable")

    after, verb = commands.read(before, command)

    assert verb is None
    assert after.answer.startswith(f"{begin[:5]}")
    assert len(after.answer) <= most("command")
    assert len(record.dump(Record(after))) < most("record") / 10
    assert commands.read(after, command) == (after, None)
    assert commands.read(after, command + command)[0] != after


def test_no_answer_is_longer_than_status_takes() -> None:
    """What a run waits for is in it: a claim's provisioner says as much as it likes."""
    stage = Stage()
    stage.one_pass()
    said = replace(stage.rollout, answer="promote: refused, " + 300 * "x")
    roles = Roles(target="candidate", serving="stable", replicas={}, takes_over=False)

    found = course_told.entry(Course(Record(said), roles))

    assert found is not None
    assert len(found["command"]) == most("command")

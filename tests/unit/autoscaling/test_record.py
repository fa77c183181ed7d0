"""What status keeps of the decisions, and what is made of it again."""

from datetime import timedelta

import pytest

from deepseek_operator.autoscaling import law, record
from deepseek_operator.autoscaling.scene import PERIOD
from tests.unit.autoscaling.fleet import AIM, Fleet


def entry_of(fleet: Fleet) -> dict[str, object]:
    assert fleet.state is not None
    return record.entry(fleet.state, AIM)


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.run(9.3, 40)
    return fleet


def test_what_is_read_back_is_written_the_same(fleet: Fleet) -> None:
    once = entry_of(fleet)
    read = record.load(once)

    assert read is not None
    assert record.entry(read, AIM) == once
    assert record.load(record.entry(read, AIM)) == read


def test_the_next_decision_is_the_same_from_what_was_kept(fleet: Fleet) -> None:
    kept = record.load(entry_of(fleet))
    fleet.step(9.3)
    scene = fleet.scene

    assert kept is not None
    assert law.decide(kept, scene, AIM).replicas == fleet.replicas


def test_half_an_hour_of_figures_finds_room(fleet: Fleet) -> None:
    """status.autoscaling[].record holds 32 KiB."""
    assert fleet.state is not None
    assert len(fleet.state.samples) == timedelta(minutes=31) / PERIOD
    assert len(str(entry_of(fleet)["record"])) < 8192


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{}", id="without-anything"),
        pytest.param("[]", id="a-list"),
        pytest.param('{"format":2}', id="of-another-format"),
    ],
)
def test_a_record_that_cannot_be_read_leaves_the_number(fleet: Fleet, text: str) -> None:
    read = record.load({**entry_of(fleet), "record": text})

    assert read is not None
    assert (read.replicas, read.samples) == (fleet.replicas, ())


def test_without_an_entry_there_is_no_state() -> None:
    assert record.load(None) is None

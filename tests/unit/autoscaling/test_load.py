"""What engines tell, as the load of all replicas."""

import math
from typing import Any

import pytest

from deepseek_operator.autoscaling import load
from deepseek_operator.autoscaling.scene import Load
from deepseek_operator.engines.figures import Engine, EngineFigures


def engine(name: str = "a", **fields: Any) -> Engine:
    """One that has been asked twice, ten seconds apart."""
    figures = EngineFigures(
        finished={"stop": 150},
        first_token={0.5: 90, 1.0: 110, math.inf: 120},
        running=30.0,
        waiting=2.0,
        cache_use=0.5,
    )
    earlier = EngineFigures(finished={"stop": 100}, first_token={0.5: 80, 1.0: 85, math.inf: 85})
    given = {"figures": figures, "earlier": earlier, "apart_seconds": 10.0, **fields}
    return Engine(name, "new", **{"is_ready": True, **given})


def test_figures_of_all_are_added_up() -> None:
    found = load.load([engine("a"), engine("b")], ready=2, limit=1.0)

    assert found == Load(
        ready=2,
        running=60.0,
        waiting=4.0,
        cache_use=0.5,
        finished=10.0,
        first_tokens=70,
        late=20,
    )


def test_of_many_replicas_those_that_were_asked_speak_for_all() -> None:
    found = load.load([engine("a"), engine("b")], ready=8)

    assert found is not None
    assert (found.running, found.waiting, found.finished) == (240.0, 16.0, 40.0)
    assert (found.cache_use, found.silent) == (0.5, 0)


def test_one_that_does_not_tell_is_silent_and_taken_for_as_busy() -> None:
    found = load.load([engine("a"), engine("b", figures=None, earlier=None)], ready=2)

    assert found is not None
    assert (found.silent, found.running, found.finished) == (1, 60.0, 10.0)


def test_where_none_tells_there_is_no_load() -> None:
    assert load.load([engine("a", figures=None)], ready=1) is None


def test_one_that_is_not_ready_is_not_asked() -> None:
    starting = engine("b", is_ready=False, figures=None)

    found = load.load([engine("a"), starting], ready=1)

    assert found is not None
    assert (found.silent, found.running) == (0, 30.0)


def test_the_first_page_tells_of_no_ends() -> None:
    found = load.load([engine("a", earlier=None)], ready=1, limit=1.0)

    assert found is not None
    assert (found.finished, found.first_tokens, found.late) == (None, 0, 0)


def test_a_limit_is_counted_by_the_edge_above_it() -> None:
    found = load.load([engine("a")], ready=1, limit=0.7)

    assert found is not None
    assert (found.first_tokens, found.late) == (35, 10)


def test_without_a_limit_nothing_is_late() -> None:
    found = load.load([engine("a")], ready=1)

    assert found is not None
    assert (found.first_tokens, found.late) == (0, 0)


def test_what_an_engine_does_not_offer_is_not_known() -> None:
    figures = EngineFigures(finished={"stop": 9})

    found = load.load([engine("a", figures=figures, earlier=EngineFigures(finished={}))], ready=1)

    assert found == Load(ready=1, finished=0.9)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        pytest.param((100.0, 200.0, 360.0), 200.0, id="the-middle-one"),
        pytest.param((100.0, 9000.0), 100.0, id="one-that-was-ready-before"),
        pytest.param((None,), None, id="not-ready"),
    ],
)
def test_how_long_a_pod_takes_is_read_off_those_that_serve(
    after: tuple[float | None, ...], seconds: float | None
) -> None:
    assert load.warm_seconds([engine(ready_after=one) for one in after]) == seconds

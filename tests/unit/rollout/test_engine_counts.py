"""From what engines tell to outcomes: what is bad, what is missing, and that nothing counts twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.rollout import engine_counts
from deepseek_operator.rollout.engine_counts import Measure, missing, outcomes_of, sources
from deepseek_operator.rollout.evidence import Absolute, Metric, Outcomes, Pair
from deepseek_operator.rollout.stretches import Counter, Reading, stretch
from tests.unit.rollout.played import PlayedEngine, figures

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHARE = Absolute(good=0.01, bad=0.04)
LATE = Metric("timeToFirstToken", SHARE, (SHARE,), measure=Measure.FIRST_TOKEN, limit=0.5)
CUT = Metric("truncated", SHARE, (SHARE,), measure=Measure.TRUNCATED)
FAILED = Metric("errors", SHARE, (SHARE,))


@pytest.mark.parametrize(
    ("measure", "limit", "told", "expected"),
    [
        pytest.param(
            Measure.FIRST_TOKEN,
            0.5,
            figures(first_token={0.5: 7, 0.51: 2, 9: 1}),
            Outcomes(10, 3),
            id="later-than-the-limit",
        ),
        pytest.param(
            Measure.FIRST_TOKEN, 0.3, figures(first_token={0.1: 7}), None, id="no-such-edge"
        ),
        pytest.param(
            Measure.PER_OUTPUT_TOKEN,
            0.1,
            figures(per_output_token={0.1: 7, 0.2: 2}),
            Outcomes(9, 2),
            id="slow-tokens",
        ),
        pytest.param(
            Measure.TRUNCATED,
            None,
            figures(finished={"stop": 5, "length": 3, "repetition": 1, "abort": 50, "error": 9}),
            Outcomes(9, 4),
            id="cut-short-and-not-given-up",
        ),
        pytest.param(
            Measure.EMPTY, None, figures(tokens={0: 1, 1: 2, 2: 9}), Outcomes(12, 3), id="empty"
        ),
        pytest.param(
            Measure.PREEMPTIONS,
            None,
            figures(finished={"stop": 5, "abort": 1}, preemptions=20),
            Outcomes(26, 20),
            id="more-preemptions-than-requests",
        ),
        pytest.param(
            Measure.LONG_PROMPTS,
            200.0,
            figures(asked={200: 7, 201: 2, 9000: 1}),
            Outcomes(10, 3),
            id="longer-than-the-limit",
        ),
        pytest.param(
            Measure.LONG_PROMPTS,
            5000.0,
            figures(asked={1500: 7, 9000: 1}),
            Outcomes(8, 1),
            id="longer-than-the-last-edge",
        ),
        pytest.param(
            Measure.ERRORS,
            None,
            figures(answered={"2xx": 5, "4xx": 90, "5xx": 3}),
            Outcomes(8, 3),
            id="failed-of-what-was-its-to-answer",
        ),
        pytest.param(
            Measure.REJECTIONS,
            None,
            figures(answered={"2xx": 5, "4xx": 2, "5xx": 3}),
            Outcomes(10, 2),
            id="rejected-of-all",
        ),
        pytest.param(Measure.REJECTIONS, None, figures(answered={}), Outcomes(), id="never-asked"),
        *(
            pytest.param(measure, 0.5, EngineFigures(), None, id=f"without-{measure}")
            for measure in Measure
        ),
    ],
)
def test_what_is_bad(
    measure: Measure, limit: float | None, told: EngineFigures, expected: Outcomes | None
) -> None:
    assert outcomes_of(told, measure, limit) == expected


def test_an_engine_is_a_source_under_its_pod_and_process() -> None:
    engine = Engine("a", "new", is_ready=True, figures=figures(first_token={0.1: 3, 2: 1}))

    assert sources([engine], [FAILED, LATE]) == {
        "a/1": {Counter("new", "timeToFirstToken"): Outcomes(4, 1)}
    }


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(Engine("a", "new", is_ready=True), id="silent"),
        pytest.param(Engine("a", "new", is_ready=False, figures=figures()), id="does-not-serve"),
        pytest.param(
            Engine("a", "new", is_ready=True, figures=replace(figures(), finished=None)),
            id="tells-only-a-part",
        ),
    ],
)
def test_who_does_not_tell_everything_is_no_source(engine: Engine) -> None:
    """A source that told half of it once would be another one when it tells all of it."""
    assert sources([engine], [LATE, CUT]) == {}


def test_nothing_is_counted_by_limits_that_have_yet_to_be_learned() -> None:
    engine = Engine("a", "new", is_ready=True, figures=figures(first_token={0.1: 3}))

    assert sources([engine], [replace(LATE, learns=True), CUT]) == {}
    assert sources([engine], [FAILED]) == {}


@pytest.mark.parametrize(
    ("engines", "said"),
    [
        pytest.param([("new", figures()), ("old", figures())], None, id="all-there"),
        pytest.param([("new", figures())], "no engine of revision old", id="a-revision"),
        pytest.param(
            [("new", figures()), ("old", None)], "pod pod-old does not answer", id="a-pod"
        ),
        pytest.param(
            [("new", figures()), ("old", figures()), ("new", None)],
            "pod pod-new does not answer",
            id="one-of-two-pods",
        ),
        pytest.param(
            [("new", replace(figures(), finished=None)), ("old", figures())],
            "pod pod-new does not tell truncated",
            id="a-metric",
        ),
    ],
)
def test_what_is_missing_is_named(
    engines: list[tuple[str, EngineFigures | None]], said: str | None
) -> None:
    found = [Engine(f"pod-{key}", key, is_ready=True, figures=told) for key, told in engines]

    missed = missing(found, [FAILED, LATE, CUT], ["new", "old"])

    assert (missed is None) if said is None else said in (missed or "")


def test_nobody_misses_what_was_not_asked_for() -> None:
    """Engines that promise no figures owe none."""
    assert missing([], [FAILED], ["new", "old"]) is None


def test_a_pod_that_does_not_serve_owes_nothing() -> None:
    serving = Engine("a", "new", is_ready=True, figures=figures())
    starting = Engine("b", "new", is_ready=False)

    assert missing([serving, starting], [LATE], ["new"]) is None


def read(seconds: float, *engines: PlayedEngine) -> Reading:
    told = [engine.tell() for engine in engines]
    return Reading(START + timedelta(seconds=seconds), engine_counts.sources(told, [LATE, CUT]))


def pair(base: Reading, now: Reading) -> Pair:
    _, found = stretch(base, now, candidate="new", stable="old", counted=LATE.name, users="errors")
    assert found is not None
    [only] = found.windows[LATE.name]
    return only


def test_a_process_that_starts_anew_takes_nothing_back() -> None:
    new, other, old = (PlayedEngine(*who) for who in (("a", "new"), ("b", "new"), ("c", "old")))
    for engine in (new, other, old):
        engine.answer(100)
    base = read(0, new, other, old)
    new.restart()
    for engine in (new, other, old):
        engine.answer(40)

    found = pair(base, read(20, new, other, old))

    # What the new process did before it was seen the first time is left out, with what it did since.
    assert (found.candidate.total, found.stable.total) == (40, 40)
    assert found.candidate.bad >= 0


def test_a_page_that_is_read_twice_adds_nothing() -> None:
    new, old = PlayedEngine("a", "new"), PlayedEngine("c", "old")
    new.answer(100)
    base = read(0, new, old)

    _, found = stretch(
        base, replace(base, at=START + timedelta(hours=1)), candidate="new", stable="old",
        counted=LATE.name, users="errors",
    )  # fmt: skip

    assert found is not None
    assert found.windows[LATE.name] == (Pair(),)


def test_the_order_of_pods_changes_nothing() -> None:
    engines = [PlayedEngine(f"p{n}", key) for n, key in enumerate(["new", "old", "new", "old"])]
    base = read(0, *engines)
    for number, engine in enumerate(engines):
        engine.answer(30 + number)

    assert pair(base, read(20, *engines)) == pair(base, read(20, *reversed(engines)))

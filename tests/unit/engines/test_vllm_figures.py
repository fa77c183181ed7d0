"""vLLM's page of metrics, as prometheus_client writes it, and what is read of it."""

import math

import pytest

from deepseek_operator.engines import figures as tellings
from deepseek_operator.engines import vllm_figures
from deepseek_operator.engines.figures import Decoded, EngineFigures, Sample, Stretch
from deepseek_operator.engines.vllm_figures import FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES


def bucket(name: str, le: str, value: float, engine: str = "0") -> Sample:
    return Sample(f"vllm:{name}_bucket", {"engine": engine, "le": le}, value)


FIRST_TOKEN = [
    bucket("time_to_first_token_seconds", "0.5", 90),
    bucket("time_to_first_token_seconds", "1.0", 95),
    bucket("time_to_first_token_seconds", "+Inf", 100),
]


def test_engines_of_one_pod_are_added_up() -> None:
    """With data parallelism there is one series an engine."""
    other = [Sample(one.name, {**one.labels, "engine": "1"}, 2 * one.value) for one in FIRST_TOKEN]
    ended = [
        Sample("vllm:request_success_total", {"finished_reason": reason, "engine": engine}, 3)
        for reason in ("stop", "length")
        for engine in "01"
    ]
    preempted = [Sample("vllm:num_preemptions_total", {"engine": engine}, 4) for engine in "01"]

    found = vllm_figures.read([*FIRST_TOKEN, *other, *ended, *preempted])

    assert found.first_token == {0.5: 270, 1.0: 285, math.inf: 300}
    assert found.finished == {"stop": 6, "length": 6}
    assert found.preemptions == 8


def asked(handler: str, status: str, count: float, *, method: str = "POST") -> Sample:
    labels = {"handler": handler, "status": status, "method": method}
    return Sample("http_requests_total", labels, count)


def test_requests_of_the_api_are_counted_by_how_they_were_answered() -> None:
    found = vllm_figures.read(
        [
            Sample("http_request_duration_highr_seconds_count", {}, 99),
            asked("/v1/completions", "2xx", 5),
            asked("/v1/chat/completions", "2xx", 7),
            asked("/v1/chat/completions", "5xx", 2),
            asked("/tokenize", "4xx", 1),
            asked("none", "4xx", 30),
            asked("/v1/models", "2xx", 40, method="GET"),
        ]
    )

    assert found.answered == {"2xx": 12, "5xx": 2, "4xx": 1}


def test_an_engine_that_counts_and_was_never_asked_has_had_no_request() -> None:
    counting = Sample("http_request_duration_highr_seconds_count", {}, 0)

    assert vllm_figures.read([counting]).answered == {}
    assert vllm_figures.read([]).answered is None


def test_what_a_page_does_not_have_is_not_nothing() -> None:
    assert vllm_figures.read([]) == EngineFigures()


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(FIRST_TOKEN[:2], id="no-total"),
        pytest.param([*FIRST_TOKEN[:2], bucket(FIRST_TOKEN[0].name, "+Inf", math.nan)], id="nan"),
        pytest.param(
            [*FIRST_TOKEN[:2], bucket("time_to_first_token_seconds", "+Inf", 91)], id="falls"
        ),
    ],
)
def test_a_histogram_that_makes_no_sense_is_none(samples: list[Sample]) -> None:
    assert vllm_figures.read(samples).first_token is None


def test_a_process_is_known_by_its_start() -> None:
    found = vllm_figures.read([Sample("process_start_time_seconds", {}, 1772366400.25)])

    assert found.started == "1772366400.25"


@pytest.mark.parametrize(
    ("limit", "edge"),
    [(0.0004, 0.001), (0.5, 0.5), (0.51, 0.75), (2, 2.5), (2560, 2560), (9999, 2560)],
)
def test_a_limit_is_counted_by_the_nearest_edge_that_is_not_below(
    limit: float, edge: float
) -> None:
    assert tellings.edge_for(limit, FIRST_TOKEN_EDGES) == edge


def test_edges_are_in_order() -> None:
    for edges in (FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES):
        assert list(edges) == sorted(set(edges))


def test_steps_of_decode_are_added_up_over_engines() -> None:
    samples = [
        Sample(f"vllm:inter_token_latency_seconds_{part}", {"engine": engine}, value)
        for engine in "01"
        for part, value in (("sum", 2.5), ("count", 100))
    ]

    assert vllm_figures.read(samples).decoded == Decoded(200, 5.0)
    assert vllm_figures.read(samples[:1]).decoded is None


@pytest.mark.parametrize(
    ("before", "after", "seconds", "expected"),
    [
        # In ten seconds 1000 steps of 0.04 s: four requests were decoding at once.
        pytest.param(Decoded(50, 3), Decoded(1050, 43), 10, Stretch(4, 0.04), id="busy"),
        pytest.param(Decoded(50, 3), Decoded(50, 3), 10, None, id="idle"),
        pytest.param(Decoded(50, 3), Decoded(7, 1), 10, None, id="begun-anew"),
        pytest.param(None, Decoded(7, 1), 10, None, id="first"),
        pytest.param(Decoded(7, 1), None, 10, None, id="no-more"),
        pytest.param(Decoded(7, 1), Decoded(9, 2), 0, None, id="no-time"),
    ],
)
def test_a_stretch_tells_how_many_decode_at_once_and_how_long_a_step_is(
    before: Decoded | None, after: Decoded | None, seconds: float, expected: Stretch | None
) -> None:
    found = tellings.stretch(before, after, seconds=seconds)

    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.sequences == pytest.approx(expected.sequences)
        assert found.step_seconds == pytest.approx(expected.step_seconds)


def test_requests_of_now_are_added_up_and_the_use_of_caches_is_a_mean() -> None:
    def gauges(engine: str, *values: float) -> list[Sample]:
        names = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
        return [
            Sample(f"vllm:{name}", {"engine": engine}, value)
            for name, value in zip(names, values, strict=True)
        ]

    found = vllm_figures.read([*gauges("0", 3, 1, 0.5), *gauges("1", 4, 0, 0.25)])

    assert (found.running, found.waiting, found.cache_use) == (7, 1, 0.375)


def test_what_runs_now_is_not_known_where_the_page_does_not_say() -> None:
    found = vllm_figures.read(FIRST_TOKEN)

    assert (found.running, found.waiting, found.cache_use) == (None, None, None)

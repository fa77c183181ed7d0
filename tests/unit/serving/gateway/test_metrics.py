"""A gateway's metrics, from what Envoy counted."""

from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deepseek_serving.gateway import metrics
from deepseek_serving.gateway.counts import ClientCount, Count
from deepseek_serving.gateway.metrics import Told

FIRST_BYTE = """\
# TYPE envoy_dsd_first_byte histogram
envoy_dsd_first_byte_bucket{chosen="a",le="0.5"} 1
envoy_dsd_first_byte_bucket{chosen="a",le="300000"} 3
envoy_dsd_first_byte_bucket{chosen="a",le="+Inf"} 4
envoy_dsd_first_byte_sum{chosen="a"} 2500
envoy_dsd_first_byte_count{chosen="a"} 4
"""


def samples(told: Told) -> dict[tuple[str, ...], float]:
    """By name and label values."""
    return {
        (sample.name.removeprefix("deepseek_gateway_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.page(told))
        for sample in family.samples
    }


def test_requests_are_told_by_revision() -> None:
    found = samples(
        Told(
            requests=(
                Count("a", "a", 200, "", 1, 30),
                Count("a", "b", 200, "", 3, 2, reason="Overloaded"),
                Count("a", "", 503, "UH", 0, 5),
            ),
            active={"a": 7},
            first_byte=FIRST_BYTE,
        )
    )

    assert found["requests_total", "200", "a", "a"] == 30
    assert found["requests_total", "200", "a", "b"] == 2
    assert found["requests_total", "503", "a", ""] == 5
    assert found["errors_total", "unreachable", "a"] == 5
    assert found["retries_total", "a"] == 4
    assert found["fallbacks_total", "a", "Overloaded", "b"] == 2
    assert found["requests_in_flight", "a"] == 7
    assert found["first_byte_seconds_bucket", "0.0005", "a"] == 1
    assert found["first_byte_seconds_bucket", "300", "a"] == 3
    assert found["first_byte_seconds_count", "a"] == 4
    assert found["first_byte_seconds_sum", "a"] == 2.5


def test_requests_that_wait_are_told_and_what_became_of_others() -> None:
    hold = {"held": {"a": 2}, "asked": {"a": 0.5}, "ended": {"woken": 7, "late": 0}}
    found = samples(Told(report={"hold": hold}))

    assert found["held_requests", "a"] == 2
    assert (found["held_total", "woken"], found["held_total", "late"]) == (7, 0)


def test_requests_are_told_by_class() -> None:
    found = samples(Told(classes={("a", "long", "429"): 3}))

    assert found["class_requests_total", "long", "429", "a"] == 3


@pytest.mark.parametrize(
    ("count", "cause"),
    [
        (Count("a", "a", 200, "", 1, 1), None),
        (Count("a", "a", 200, "UC", 1, 1), "cut"),
        (Count("a", "a", 200, "DC", 1, 1), "client_gone"),
        (Count("a", "", 0, "", 0, 1), "client_gone"),
        (Count("a", "", 429, "UO,URX", 0, 1), "overloaded"),
        (Count("a", "a", 429, "", 1, 1), "overloaded"),
        (Count("a", "", 503, "UF,URX", 2, 1), "unreachable"),
        (Count("a", "", 504, "UT", 1, 1), "timeout"),
        (Count("a", "a", 504, "", 1, 1), "timeout"),
        (Count("a", "a", 500, "", 1, 1), "engine"),
        (Count("a", "a", 400, "", 1, 1), "rejected"),
        (Count("a", "a", 401, "", 1, 1), "rejected"),
        (Count("", "", 401, "", 0, 1), "unauthorized"),
        (Count("", "", 429, "RL", 0, 1), "limited"),
    ],
)
def test_each_failure_has_one_cause(count: Count, cause: str | None) -> None:
    assert metrics.cause(count) == cause


def test_clients_are_told_by_name() -> None:
    found = samples(
        Told(
            clients=(
                ClientCount("alice", 200, is_limited=False, count=4),
                ClientCount("alice", 429, is_limited=False, count=2),
                ClientCount("alice", 429, is_limited=True, count=3),
                ClientCount("", 401, is_limited=False, count=9),
            )
        )
    )

    assert found["client_requests_total", "alice", "200"] == 4
    assert found["client_requests_total", "alice", "429"] == 5
    assert found["client_requests_total", "", "401"] == 9
    assert found["client_limited_total", "alice"] == 3


@pytest.mark.parametrize(
    ("report", "current"),
    [
        ({"told": "v2", "taken": "v2", "trouble": None}, 1),
        ({"told": "v2", "taken": "v1", "trouble": None}, 0),
        ({"told": "v2", "taken": "v2", "trouble": "format: 2"}, 0),
        ({"told": None, "taken": None}, 0),
    ],
)
def test_it_is_told_whether_the_last_is_followed(report: dict[str, str], current: int) -> None:
    assert samples(Told(report=report))["config_current",] == current


def test_secrets_are_told_as_far_as_they_are_followed() -> None:
    secrets = {
        "apiKeys": {"held": True, "clients": 3, "trouble": ["entry bob: it is empty"]},
        "tls": {"held": True, "trouble": []},
    }
    report = {"told": "v1", "taken": "v1", "refusals": 2, "secrets": secrets}

    found = samples(Told(report=report, expires=datetime(2027, 1, 1, tzinfo=UTC)))

    assert found["secret_current", "apiKeys"] == 0
    assert found["secret_current", "tls"] == 1
    assert found["clients",] == 3
    assert found["config_refusals_total",] == 2
    assert found["config_info", "v1"] == 1
    assert found["certificate_expiry_timestamp_seconds",] == 1798761600
    assert ("clients",) not in samples(Told())

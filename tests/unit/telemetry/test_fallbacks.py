"""Fallbacks in the operator's metrics: what has grown since a gateway told last, and nothing twice."""

from prometheus_client import generate_latest

from deepseek_operator.metrics import OperatorMetrics
from deepseek_operator.telemetry.fallbacks import Fallbacks
from tests.unit.samples import Manifest


def pod(name: str = "a", deployment: str = "chat") -> Manifest:
    labels = {"serving.deepseek.dev/gateway": deployment}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "namespace": "team", "labels": labels}}


def report(count: int, *, envoy: str = "1", why: str = "Overloaded") -> Manifest:
    requests = [
        {"chosen": "v3", "served": "r1", "reason": why, "count": count},
        {"chosen": "v3", "served": "v3", "reason": "", "count": 1000},
    ]
    return {"envoy": envoy, "counted": {"requests": requests}}


def counted(metrics: OperatorMetrics) -> dict[str, float]:
    """The counter's lines, by reason."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    found = [line for line in lines if line.startswith("deepseek_operator_fallbacks_total{")]
    return {
        line.partition('reason="')[2].partition('"')[0]: float(line.split()[-1]) for line in found
    }


def test_what_grows_is_counted_once_however_often_it_is_told() -> None:
    metrics = OperatorMetrics()
    heard = Fallbacks(metrics.count_fallbacks)

    # What was before belongs to nobody's time.
    heard.hear(pod(), report(50))
    assert counted(metrics) == {}
    heard.hear(pod(), report(53))
    heard.hear(pod(), report(53))
    heard.hear(pod("b"), report(9))
    heard.hear(pod("b"), report(10))

    assert counted(metrics) == {"Overloaded": 4}
    text = generate_latest(metrics.registry).decode()
    labels = 'from="v3",name="chat",namespace="team",reason="Overloaded",to="r1"'
    assert f"deepseek_operator_fallbacks_total{{{labels}}} 4.0" in text


def test_an_envoy_that_starts_anew_counts_from_nothing() -> None:
    metrics = OperatorMetrics()
    heard = Fallbacks(metrics.count_fallbacks)
    heard.hear(pod(), report(50))

    heard.hear(pod(), report(3, envoy="2"))

    assert counted(metrics) == {"Overloaded": 3}


def test_another_reason_is_another_count() -> None:
    metrics = OperatorMetrics()
    heard = Fallbacks(metrics.count_fallbacks)
    heard.hear(pod(), report(0))

    heard.hear(pod(), report(2, why="Timeout"))

    assert counted(metrics) == {"Timeout": 2}


def test_a_gateway_whose_envoy_is_silent_is_not_taken_for_a_new_one() -> None:
    metrics = OperatorMetrics()
    heard = Fallbacks(metrics.count_fallbacks)
    heard.hear(pod(), report(50))

    heard.hear(pod(), {"envoy": "", "counted": {"error": "silent"}})
    heard.hear(pod(), report(51))

    assert counted(metrics) == {"Overloaded": 1}

"""Counted requests, as Envoy 1.40 names its statistics."""

from deepseek_serving.gateway import counts
from deepseek_serving.gateway.counts import Count


def test_each_kind_of_request_is_read() -> None:
    found = counts.requests(
        [
            {
                "name": "dsd.requests.chosen.a.served.a.code.200.flags.-.attempts.1.reason.-",
                "value": 30,
            },
            {
                "name": "dsd.requests.chosen.b.served.a.code.200.flags.-.attempts.2.reason.-",
                "value": 4,
            },
            {
                "name": "dsd.requests.chosen.b/pinned.served.b.code.0.flags.DC.attempts.1.reason.-",
                "value": 2,
            },
            {
                "name": "dsd.requests.chosen.a.served.-.code.429.flags.UO,URX.attempts.0.reason.-",
                "value": 1,
            },
            {
                "name": "dsd.requests.chosen.-.served.-.code.404.flags.-.attempts.-.reason.-",
                "value": 5,
            },
            {
                "name": "dsd.requests.chosen.b.served.a.code.200.flags.-.attempts.2"
                ".reason.Overloaded",
                "value": 6,
            },
            {
                "name": "dsd.requests.chosen.b.served.b.code.200.flags.-.attempts.2"
                ".reason.Overloaded",
                "value": 8,
            },
            {
                "name": "dsd.requests.chosen.b.served.a.code.200.flags.-.attempts.1.reason.",
                "value": 9,
            },
            {"name": "cluster.a.upstream_rq_active", "value": 7},
            {"histograms": {}},
        ]
    )

    assert found == (
        Count("a", "a", 200, "", 1, 30),
        Count("b", "a", 200, "", 2, 4, reason="Unavailable"),
        Count("b", "b", 0, "DC", 1, 2, pinned=True),
        Count("a", "", 429, "UO,URX", 0, 1),
        Count("", "", 404, "", 0, 5),
        Count("b", "a", 200, "", 2, 6, reason="Overloaded"),
        # Another pod of its own revision: no fallback.
        Count("b", "b", 200, "", 2, 8),
        Count("b", "a", 200, "", 1, 9, reason="Unavailable"),
    )
    assert counts.fallbacks(found) == {("b", "a", "Unavailable"): 13, ("b", "a", "Overloaded"): 6}
    assert counts.exposition(found).splitlines()[2:] == [
        'dsd_fallback_total{from="b",to="a",reason="Overloaded"} 6',
        'dsd_fallback_total{from="b",to="a",reason="Unavailable"} 13',
    ]


def test_what_runs_is_added_up_by_revision() -> None:
    found = counts.active(
        [
            {"name": "cluster.a.upstream_rq_active", "value": 7},
            {"name": "cluster.a/pinned.upstream_rq_active", "value": 2},
            {"name": "cluster.b.upstream_rq_active", "value": 0},
            {"name": "cluster.agent.upstream_rq_active", "value": 1},
        ]
    )

    assert found == {"a": 9, "b": 0}

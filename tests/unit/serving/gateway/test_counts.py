"""Counted requests, as Envoy 1.40 names its statistics."""

from deepseek_serving.gateway import counts
from deepseek_serving.gateway.counts import ClientCount, Count


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


def test_what_nobody_answered_is_read_too() -> None:
    """Of who did not answer Envoy says nothing at all, not even a dash."""
    name = "dsd.requests.chosen.a.served..code.503.flags.UH.attempts.0.reason."

    assert counts.requests([{"name": name, "value": 3}]) == (Count("a", "", 503, "UH", 0, 3),)


def test_who_is_turned_away_at_the_door_is_nobodys_turn() -> None:
    found = counts.requests(
        [
            {"name": f"dsd.requests.chosen.a.served.{kind}.attempts.0.reason.", "value": 1}
            for kind in (".code.401.flags.-", ".code.429.flags.RL", "a.code.401.flags.-")
        ]
    )

    assert [(one.chosen, one.code) for one in found] == [("", 401), ("", 429), ("a", 401)]


def test_clients_are_read_by_name() -> None:
    found = counts.clients(
        [
            {"name": "dsd.clients.client.team.a.code.200.flags.-", "value": 4},
            {"name": "dsd.clients.client..code.401.flags.-", "value": 2},
            {"name": "dsd.clients.client.bob.code.429.flags.RL", "value": 1},
            {"name": "dsd.requests.x", "value": 1},
        ]
    )

    assert found == (
        ClientCount("team.a", 200, is_limited=False, count=4),
        ClientCount("", 401, is_limited=False, count=2),
        ClientCount("bob", 429, is_limited=True, count=1),
    )


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


def test_classes_are_told_apart() -> None:
    of = "dsd.classes.chosen"
    found = counts.classes(
        [
            {"name": f"{of}.a.class.long.code.200", "value": 5},
            {"name": f"{of}.a/pinned.class.long.code.200", "value": 2},
            {"name": f"{of}.a.class.long.code.429", "value": 3},
            {"name": f"{of}.a.class.short.code.200", "value": 7},
            # No engine answered these.
            {"name": f"{of}.a.class.-.code.503", "value": 4},
            {"name": "dsd.requests.chosen.a", "value": 1},
        ]
    )

    assert found == {
        ("a", "long", "200"): 7,
        ("a", "long", "429"): 3,
        ("a", "short", "200"): 7,
    }

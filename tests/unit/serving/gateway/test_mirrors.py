"""Copies of requests in what Envoy is told and in what it counted; tests/gateway/test_mirror.py runs them."""

import json
from typing import Any

import pytest

from deepseek_serving.gateway import counts, document, envoy, mirrors
from deepseek_serving.gateway.counts import Copies
from deepseek_serving.gateway.document import Document, DocumentError, Limits, Mirror, Route
from deepseek_serving.gateway.endpoints import Endpoint

ONE = Endpoint("10.0.0.1", 8000)
TOLD: dict[str, Any] = {
    "format": 1,
    "version": "7",
    "servedName": "chat",
    "routes": [{"revision": "a", "weight": 100}],
    "replicas": {"a": 8, "b": 2},
    "mirror": {"revision": "b", "percent": 10, "most": 16},
}


def copying(percent: int = 10, most: int = 16, **more: Any) -> Document:
    return Document(
        "1", "chat", (Route("a", 100),), {"a": 8, "b": 2}, mirror=Mirror("b", percent, most), **more
    )


def routes_of(told: Document) -> list[dict[str, Any]]:
    [routes] = envoy.build(told, {"a": (ONE,), "b": (ONE,)}).routes
    found: list[dict[str, Any]] = routes["virtual_hosts"][0]["routes"]
    return found


def test_whom_copies_are_for_is_read() -> None:
    assert document.parse(json.dumps(TOLD)).mirror == Mirror("b", percent=10, most=16)
    assert document.parse(json.dumps({**TOLD, "mirror": None})).mirror is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"revision": "c"}, "mirror: c is none of replicas"),
        ({"revision": "a"}, "mirror: a gets users' requests already"),
        ({"revision": 7}, "mirror: revision: 7 is no name of a revision"),
        ({"percent": 0}, "mirror: percent: 0 is not a number from 1 to 100"),
        ({"percent": 101}, "mirror: percent: 101"),
        ({"percent": 1.5}, "mirror: percent: 1.5 is not a whole number"),
        ({"most": 0}, "mirror: most: 0 is not a number from 1 to 1024"),
    ],
)
def test_what_cannot_be_followed_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError) as refused:
        document.parse(json.dumps({**TOLD, "mirror": {**TOLD["mirror"], **changes}}))

    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("mirror", [7, "b", []])
def test_what_is_no_mirror_is_refused(mirror: object) -> None:
    with pytest.raises(DocumentError, match="mirror is"):
        document.parse(json.dumps({**TOLD, "mirror": mirror}))


def test_copies_have_a_cluster_of_their_own_with_little_room() -> None:
    """What fills up or breaks there is no user's; and a candidate's own cluster stays as it is."""
    with_copies = {one["name"]: one for one in envoy.build(copying(), {}).clusters}
    without = {one["name"]: one for one in envoy.build(copying(most=5), {}).clusters}

    assert list(with_copies) == ["a", "b", "b/mirror", "b/each"]
    [threshold] = with_copies["b/mirror"]["circuit_breakers"]["thresholds"]
    assert (threshold["max_requests"], threshold["max_pending_requests"]) == (16, 16)
    assert (with_copies["a"], with_copies["b"]) == (without["a"], without["b"])
    options = with_copies["b/mirror"]["typed_extension_protocol_options"]
    [http] = options.values()
    assert http["common_http_protocol_options"]["max_stream_duration"] == "1200s"
    assert "http_filters" not in http


def test_only_requests_that_compute_an_answer_are_copied_and_only_the_first_route_does() -> None:
    copied = [one for one in routes_of(copying()) if "request_mirror_policies" in str(one)]

    assert [one["match"]["path"] for one in copied] == list(mirrors.PATHS)
    for route in copied:
        [policy] = route["route"]["request_mirror_policies"]
        assert policy["cluster"] == "b/mirror"
        assert policy["runtime_fraction"]["default_value"] == {
            "numerator": 10,
            "denominator": "HUNDRED",
        }


def test_users_routes_are_the_same_with_copies_and_without() -> None:
    plain = Document("1", "chat", (Route("a", 100),), {"a": 8, "b": 2})
    rest = [one for one in routes_of(copying()) if "request_mirror_policies" not in str(one)]
    copied = [one for one in routes_of(copying()) if "request_mirror_policies" in str(one)]

    assert rest == routes_of(plain)
    answered = next(one for one in rest if one.get("name") == mirrors.PATHS[0] and "route" in one)
    for one in copied:
        route = {name: of for name, of in one["route"].items() if name != "request_mirror_policies"}
        assert route == answered["route"]


def test_a_body_that_no_user_may_send_is_not_copied_either() -> None:
    first, *_ = [
        one
        for one in routes_of(copying(limits=Limits(body_bytes=99)))
        if "request_mirror_policies" in str(one)
    ]

    assert {"name": "content-length", "range_match": {"start": 0, "end": 100}} in first["match"][
        "headers"
    ]


def test_a_pin_is_looked_at_before_any_copy_is_made() -> None:
    kinds = [
        "copied"
        if "request_mirror_policies" in str(one)
        else "pinned"
        if "x-dsd-pin" in str(one["match"])
        else "other"
        for one in routes_of(copying(pins=True))
        if "route" in one
    ]

    assert kinds == sorted(kinds, key=["pinned", "copied", "other"].index)


def statistics(**counted: int) -> list[dict[str, Any]]:
    return [
        {"name": f"cluster.b/mirror.upstream_rq_{name.removeprefix('_')}", "value": value}
        for name, value in counted.items()
    ]


@pytest.mark.parametrize(
    ("counted", "found"),
    [
        pytest.param({"active": 3}, Copies("b", 0, 0, 0, 0, 3), id="none-has-ended"),
        pytest.param({"completed": 9, "_2xx": 9}, Copies("b", 9, 0, 0, 0, 0), id="answered"),
        pytest.param({"completed": 9, "_5xx": 4}, Copies("b", 9, 4, 0, 0, 0), id="failed"),
        pytest.param(
            {"completed": 9, "_4xx": 5, "_429": 2}, Copies("b", 9, 2, 3, 0, 0), id="refused"
        ),
        pytest.param(
            {"completed": 9, "_5xx": 7, "pending_overflow": 4, "active_overflow": 2},
            Copies("b", 3, 1, 0, 6, 0),
            id="dropped",
        ),
    ],
)
def test_what_became_of_copies(counted: dict[str, int], found: Copies) -> None:
    others: list[dict[str, Any]] = [
        {"name": "cluster.b.upstream_rq_completed", "value": 99},
        {"histograms": {}},
    ]

    assert counts.copies([*others, *statistics(**counted)]) == (found,)
    assert counts.copies(others) == ()


def test_copies_that_run_are_no_requests_that_run() -> None:
    told = [*statistics(active=5), {"name": "cluster.b.upstream_rq_active", "value": 2}]

    assert counts.active(told) == {"b": 2}

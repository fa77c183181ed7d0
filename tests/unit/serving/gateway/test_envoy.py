"""Envoy's resources, as far as they can be told from their form; tests/gateway runs them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.gateway import ads, envoy
from deepseek_serving.gateway.bootstrap import bootstrap
from deepseek_serving.gateway.document import Document, Limits, Route, When
from deepseek_serving.gateway.endpoints import Endpoint

ONE, TWO = Endpoint("10.0.0.1", 8000), Endpoint("10.0.0.2", 8000)


def of(name: str, resources: tuple[dict[str, Any], ...], key: str = "name") -> dict[str, Any]:
    return next(item for item in resources if item[key] == name)


def test_a_cluster_does_not_change_with_its_pods() -> None:
    """One that changes begins anew: its connections and what it knows of its pods are gone."""
    document = Document("1", "chat", (Route("a", 100, ("b",)),), {"a": 3, "b": 1})

    built = [
        envoy.build(document, pods).clusters for pods in ({}, {"a": (ONE,)}, {"a": (ONE, TWO)})
    ]

    assert built[0] == built[1] == built[2]


def test_limits_grow_with_the_replicas_that_there_are_to_be() -> None:
    document = Document(
        "1", "chat", (Route("a", 100),), {"a": 3}, limits=Limits(requests_per_pod=10)
    )

    [cluster] = envoy.build(document, {}).clusters

    assert cluster["circuit_breakers"]["thresholds"][0]["max_requests"] == 30


def test_a_revision_has_room_for_those_who_stand_in_for_it() -> None:
    """Each engine refuses what is too much for itself, and that goes on to the next."""
    limits = Limits(requests_per_pod=10)
    document = Document(
        "1", "chat", (Route("a", 100, ("b",)),), {"a": 3, "b": 2}, pins=True, limits=limits
    )

    clusters = envoy.build(document, {}).clusters

    most = {one["name"]: one["circuit_breakers"]["thresholds"][0] for one in clusters}
    assert (most["a"]["max_requests"], most["a/pinned"]["max_requests"]) == (50, 30)


@pytest.mark.parametrize(
    ("when", "codes", "connects", "times"),
    [
        ({"Unavailable"}, [502], True, False),
        ({"Overloaded"}, [429, 503], False, False),
        ({"Timeout"}, [504], False, False),
        ({"Unavailable", "Timeout"}, [502, 504], True, True),
        (set(When), [429, 502, 503, 504], True, True),
    ],
)
def test_what_is_tried_again_is_what_the_next_revision_may_be_asked_for(
    when: set[str], codes: list[int], *, connects: bool, times: bool
) -> None:
    document = Document(
        "1",
        "chat",
        (Route("a", 100, ("b",)),),
        {"a": 1},
        fallback_on=frozenset(map(When, when)),
        limits=Limits(response_seconds=100, first_token_seconds=10, between_tokens_seconds=20),
    )

    [routes] = envoy.build(document, {"a": (ONE,), "b": (TWO,)}).routes

    route = routes["virtual_hosts"][0]["routes"][0]["route"]
    policy = route["retry_policy"]
    assert policy["retriable_status_codes"] == codes
    assert ("connect-failure" in policy["retry_on"]) is connects
    assert ("per_try_timeout" in policy) is times
    assert route["idle_timeout"] == ("220s" if times else "110s")


def test_a_pod_alone_that_refuses_is_not_asked_again() -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1})

    [routes] = envoy.build(document, {"a": (ONE,)}).routes

    policy = routes["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"]
    assert policy["retriable_status_codes"] == []
    assert "connect-failure" in policy["retry_on"]


def test_a_revision_without_requests_is_kept_for_those_that_run() -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1, "b": 1})

    resources = envoy.build(document, {"b": (ONE,)})

    assert [cluster["name"] for cluster in resources.clusters] == ["a", "b"]
    assert len(of("b", resources.endpoints, "cluster_name")["endpoints"][0]["lb_endpoints"]) == 1


def test_why_another_answers_is_asked_only_where_another_may() -> None:
    document = Document("1", "chat", (Route("a", 90), Route("b", 10, ("a",))), {"a": 1, "b": 1})

    [routes] = envoy.build(document, {}).routes

    split = routes["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"]
    told = [
        [added["header"]["key"] for added in one.get("response_headers_to_add", ())]
        for one in split
    ]
    assert told == [[], [envoy.FALLBACK_HEADER]]


@pytest.mark.parametrize(
    ("pods", "tries", "retries"),
    [
        pytest.param({"a": (ONE,), "b": (ONE,), "c": (ONE,)}, 1, 2, id="one-pod-each"),
        pytest.param({"a": (ONE, TWO), "b": (ONE,), "c": (ONE,)}, 2, 5, id="two-of-the-first"),
        # Who has no pod is not counted: the chain would be begun again.
        pytest.param({"a": (ONE,), "c": (ONE,)}, 1, 1, id="two-with-pods"),
        pytest.param({}, 1, 1, id="nobody"),
    ],
)
def test_another_pod_is_tried_before_the_next_revision_where_there_is_one(
    pods: dict[str, tuple[Endpoint, ...]], tries: int, retries: int
) -> None:
    document = Document("1", "chat", (Route("a", 100, ("b", "c")),), {"a": 1})

    [routes] = envoy.build(document, pods).routes

    policy = routes["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"]
    frequency = policy["retry_priority"]["typed_config"]["update_frequency"]
    assert (frequency, policy["num_retries"]) == (tries, retries)


@given(
    weights=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    sticky=st.none() | st.just("x-user"),
    pins=st.booleans(),
    pods=st.dictionaries(
        st.sampled_from("abcd"), st.lists(st.sampled_from([ONE, TWO]), unique=True).map(tuple)
    ),
)
def test_whatever_is_told_are_messages_of_envoy(
    weights: list[int], sticky: str | None, *, pins: bool, pods: dict[str, tuple[Endpoint, ...]]
) -> None:
    names = "abcd"[: len(weights)]
    total = sum(weights)
    shares = [max(1, 100 * weight // total) for weight in weights[1:]]
    routes = tuple(
        Route(name, share)
        for name, share in zip(names, [100 - sum(shares), *shares], strict=True)
        if share > 0
    )
    document = Document(
        "1", "chat", routes, dict.fromkeys(names, 1), pins=pins, sticky_header=sticky
    )

    first = ads.pack("1", envoy.build(document, pods))
    second = ads.pack("1", envoy.build(document, pods))

    assert first.packed == second.packed


def test_what_is_routed_to_stays_until_there_are_new_routes() -> None:
    old = envoy.build(Document("1", "chat", (Route("a", 100),), {"a": 1}), {"a": (ONE,)})
    new = envoy.build(Document("2", "chat", (Route("b", 100),), {"b": 1}), {"b": (TWO,)})

    both = new.with_clusters_of(old)

    assert {cluster["name"] for cluster in both.clusters} == {"a", "b"}
    assert {item["cluster_name"] for item in both.endpoints} == {"a", "b"}
    assert both.routes == new.routes


def test_nobody_outside_the_pod_reaches_what_may_stop_envoy() -> None:
    started = bootstrap()

    admin = started["admin"]["address"]["socket_address"]["address"]
    [agent] = started["static_resources"]["clusters"]
    [locality] = agent["load_assignment"]["endpoints"]
    [endpoint] = locality["lb_endpoints"]
    assert admin == "127.0.0.1"
    assert endpoint["endpoint"]["address"]["socket_address"]["address"] == "127.0.0.1"

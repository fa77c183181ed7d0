"""Envoy's resources, as far as they can be told from their form; tests/gateway runs them."""

import os
import socket
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.engine import bounded, classes
from deepseek_serving.gateway import ads, envoy, logs
from deepseek_serving.gateway.bootstrap import bootstrap
from deepseek_serving.gateway.document import Document, Limits, LongRequests, Route, When
from deepseek_serving.gateway.endpoints import Endpoint
from deepseek_serving.gateway.routes import FALLBACK_HEADER

ONE, TWO = Endpoint("10.0.0.1", 8000), Endpoint("10.0.0.2", 8000)


def of(name: str, resources: tuple[dict[str, Any], ...], key: str = "name") -> dict[str, Any]:
    return next(item for item in resources if item[key] == name)


def policy_of(name: str, resources: envoy.Resources) -> dict[str, Any]:
    """That of a cluster which has one of its own."""
    [options] = of(name, resources.clusters)["typed_extension_protocol_options"].values()
    found: dict[str, Any] = options["retry_policy"]
    return found


def first_routed(routes: dict[str, Any]) -> dict[str, Any]:
    """What is said of the first path that an engine answers."""
    [host] = routes["virtual_hosts"]
    found: dict[str, Any] = next(item["route"] for item in host["routes"] if "route" in item)
    return found


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
    ("long", "told"),
    [
        pytest.param(None, {}, id="all-alike"),
        pytest.param(LongRequests(16384), {"x-dsd-long-bytes": "16384"}, id="as-sized"),
        pytest.param(
            LongRequests(16384, 8),
            {"x-dsd-long-bytes": "16384", "x-dsd-most-long-requests": "8"},
            id="as-set",
        ),
    ],
)
def test_engines_are_told_what_is_long_and_never_by_clients(
    long: LongRequests | None, told: dict[str, str]
) -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1}, long=long)

    [routes] = envoy.build(document, {}).routes
    [host] = routes["virtual_hosts"]

    followed = {name.decode() for name in (classes.LONG_BYTES_HEADER, classes.MOST_LONG_HEADER)}
    added = {one["header"]["key"]: one["header"]["value"] for one in host["request_headers_to_add"]}
    assert {name: value for name, value in added.items() if name in followed} == told
    assert bounded.MOST_REQUESTS_HEADER.decode() in added
    # Removed first, then added: what is not told is nobody's to say.
    assert followed - set(told) <= set(host["request_headers_to_remove"])


@pytest.mark.parametrize("long", [None, LongRequests(16384), LongRequests(16384, 8)])
def test_requests_are_counted_by_class_where_there_are_some(long: LongRequests | None) -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1}, long=long)

    [listener] = envoy.build(document, {}).listeners

    text = str(listener)
    assert ("%RESP(x-dsd-class):16%" in text) is (long is not None)
    assert classes.CLASS_HEADER.decode() == logs.CLASS_HEADER


@pytest.mark.parametrize(
    ("when", "codes", "connects", "times"),
    [
        ({"Unavailable"}, [421, 502], True, False),
        ({"Overloaded"}, [421, 429, 503], False, False),
        ({"Timeout"}, [421, 504], False, False),
        ({"Unavailable", "Timeout"}, [421, 502, 504], True, True),
        (set(When), [421, 429, 502, 503, 504], True, True),
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

    resources = envoy.build(document, {"a": (ONE,), "b": (TWO,)})
    [routes] = resources.routes

    route = first_routed(routes)
    policy = policy_of("a/each", resources)
    assert policy["retriable_status_codes"] == codes
    assert ("connect-failure" in policy["retry_on"]) is connects
    assert policy.get("per_try_idle_timeout") == ("100s" if times else None)
    assert route["idle_timeout"] == ("220s" if times else "110s")


@pytest.mark.parametrize(
    ("between", "limit"),
    [(20, {"per_try_idle_timeout": "100s"}), (200, {"per_try_timeout": "100s"})],
)
def test_an_answer_is_waited_for_as_long_as_is_said_however_long_its_silences_may_be(
    between: float, limit: dict[str, str]
) -> None:
    limits = Limits(response_seconds=100, between_tokens_seconds=between)
    document = Document("1", "chat", (Route("a", 100),), {"a": 1}, limits=limits)

    [routes] = envoy.build(document, {"a": (ONE,)}).routes

    route = first_routed(routes)
    policy = route["retry_policy"]
    assert {key: value for key, value in policy.items() if key.startswith("per_try")} == limit
    assert route["idle_timeout"] == f"{100 + between:g}s"


def test_a_node_that_is_gone_without_a_word_is_noticed() -> None:
    """While an answer is under way, and before: within the silence that is allowed between two tokens."""
    document = Document("1", "chat", (Route("a", 100),), {"a": 1})

    [cluster] = envoy.build(document, {}).clusters

    [option] = cluster["upstream_bind_config"]["socket_options"]
    asks = cluster["upstream_connection_options"]["tcp_keepalive"]
    assert (option["level"], option["name"]) == (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    silent = asks["keepalive_time"] + asks["keepalive_interval"] * asks["keepalive_probes"]
    assert silent == option["int_value"] / 1000 == Limits().between_tokens_seconds


def test_a_pod_alone_that_refuses_is_not_asked_again() -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1})

    [routes] = envoy.build(document, {"a": (ONE,)}).routes

    policy = first_routed(routes)["retry_policy"]
    assert policy["retriable_status_codes"] == []
    # Of none of these was anything sent.
    assert policy["retry_on"] == "connect-failure,refused-stream,reset-before-request"


def test_a_revision_without_requests_is_kept_for_those_that_run() -> None:
    document = Document("1", "chat", (Route("a", 100),), {"a": 1, "b": 1})

    resources = envoy.build(document, {"b": (ONE,)})

    # What stands in for it while old routes may still lead there does so in both ways.
    assert [cluster["name"] for cluster in resources.clusters] == ["a", "b", "b/each"]
    assert len(of("b", resources.endpoints, "cluster_name")["endpoints"][0]["lb_endpoints"]) == 1


def test_why_another_answers_is_asked_only_where_another_may() -> None:
    document = Document("1", "chat", (Route("a", 90), Route("b", 10, ("a",))), {"a": 1, "b": 1})

    [routes] = envoy.build(document, {}).routes

    split = first_routed(routes)["weighted_clusters"]["clusters"]
    told = [
        [added["header"]["key"] for added in one.get("response_headers_to_add", ())]
        for one in split
    ]
    assert told == [[], [FALLBACK_HEADER]]


A, B, C = (tuple(Endpoint(f"10.0.{one}.{two}", 8000) for two in (1, 2)) for one in range(3))


@pytest.mark.parametrize(
    ("pods", "cluster", "again", "passes"),
    [
        pytest.param({"a": A[:1], "b": B[:1], "c": C[:1]}, "a/each", 2, "", id="one-pod-each"),
        pytest.param({"a": A, "b": B, "c": C}, "a", 5, "", id="two-of-all"),
        pytest.param({"a": A, "b": B, "c": C[:1]}, "a", 4, "", id="one-of-the-last"),
        # Two tries of the first would be two of its only pod.
        pytest.param({"a": A[:1], "b": B, "c": C}, "a/each", 2, "", id="one-of-the-first"),
        pytest.param({"a": A, "b": B[:1], "c": C[:1]}, "a", 4, "b", id="one-of-another"),
        # Who has no pod is not counted: the chain would be begun again.
        pytest.param({"a": A[:1], "c": C[:1]}, "a/each", 1, "", id="two-with-pods"),
        pytest.param({"b": B[:1], "c": C}, "a/each", 1, "", id="none-of-the-first"),
        pytest.param({"b": B}, "a", 1, "", id="two-of-one"),
        # Only what was not sent to it at all: the number is Envoy's least.
        pytest.param({"c": C[:1]}, "a", 1, "", id="one"),
        pytest.param({}, "a", 1, "", id="nobody"),
    ],
)
def test_a_chain_is_gone_down_so_that_no_pod_is_asked_twice(
    pods: dict[str, tuple[Endpoint, ...]], cluster: str, again: int, passes: str
) -> None:
    document = Document("1", "chat", (Route("a", 100, ("b", "c")),), {"a": 1})

    resources = envoy.build(document, pods)

    [routes] = resources.routes
    [share] = first_routed(routes)["weighted_clusters"]["clusters"]
    told = {
        one["header"]["key"]: one["header"]["value"]
        for one in share.get("request_headers_to_add", ())
    }
    policy = first_routed(routes)["retry_policy"]
    assert share["name"] == cluster
    assert int(told.get("x-envoy-max-retries", policy["num_retries"])) == again
    places = {
        member: len(priority["lb_endpoints"]) - len(pods.get(member, ()))
        for member, priority in zip(
            "abc", of(cluster, resources.endpoints, "cluster_name")["endpoints"], strict=True
        )
    }
    assert {member for member, count in places.items() if count} == set(passes)


def test_revisions_of_one_pod_each_are_gone_down_one_by_one() -> None:
    document = Document("1", "chat", (Route("a", 100, ("b", "c")),), {"a": 1})

    resources = envoy.build(document, {"a": A, "b": B})

    [routes] = resources.routes
    every = policy_of("a/each", resources)["retry_priority"]["typed_config"]
    two = first_routed(routes)["retry_policy"]["retry_priority"]["typed_config"]
    assert (every["update_frequency"], two["update_frequency"]) == (1, 2)
    # Whichever of them a request went through, its turn was the same revision's.
    assert {one["alt_stat_name"] for one in resources.clusters} == {"a"}


def test_shares_of_a_split_go_down_their_own_chains_and_no_further() -> None:
    routes = (Route("new", 10, ("old", "r1")), Route("old", 90, ("r1",)))
    document = Document("1", "chat", routes, {"new": 1, "old": 2, "r1": 1})

    [built] = envoy.build(document, {"new": A[:1], "old": B, "r1": C[:1]}).routes

    shares = first_routed(built)["weighted_clusters"]["clusters"]
    told = [
        (one["name"], [added["header"]["value"] for added in one.get("request_headers_to_add", ())])
        for one in shares
    ]
    assert told == [("new/each", ["2"]), ("old", [])]
    assert first_routed(built)["retry_policy"]["num_retries"] == 2


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


_PACKS = """
import hashlib
from deepseek_serving.gateway import ads, document, endpoints, envoy
routes = (document.Route("a", 60, ("b",)), document.Route("b", 40))
told = document.Document("1", "chat", routes, {"a": 2, "b": 1}, pins=True, sticky_header="x-user")
pods = {"a": (endpoints.Endpoint("10.0.0.1", 8000, "one"),)}
for kind, packed in ads.pack("1", envoy.build(told, pods)).packed.items():
    print(kind, hashlib.sha256(b"".join(packed)).hexdigest())
"""


@pytest.mark.parametrize("said", ["", "a is being replaced by b"])
def test_who_asks_while_nobody_serves_is_told_why_and_when_to_ask_again(said: str) -> None:
    """What still runs on a revision that is shut is counted: its cluster stays."""
    built = envoy.build(Document("1", "chat", replicas={"a": 1}, shut=said), {"a": (ONE,)})

    [host] = built.routes[0]["virtual_hosts"]
    asked = next(one for one in host["routes"] if one["name"] == "/v1/completions")
    answer = asked["direct_response"]
    assert answer["status"] == 503
    assert answer["body"]["inline_string"] == (said or "no revision serves yet")
    [header] = [one["header"] for one in asked["response_headers_to_add"]]
    assert header == {"key": "retry-after", "value": "30"}
    assert [one["name"] for one in built.clusters] == ["a"]


def test_an_agent_that_starts_anew_sends_the_same_bytes() -> None:
    """Bytes that differ are to Envoy another listener, for which it lets the clients of the present one go."""
    processes = [
        subprocess.Popen([sys.executable, "-c", _PACKS], stdout=subprocess.PIPE, env=_found())
        for _ in range(4)
    ]
    packed = {process.communicate()[0] for process in processes}

    assert [process.returncode for process in processes] == [0] * 4
    assert len(packed) == 1


def _found() -> dict[str, str]:
    """The environment of a process that imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_what_is_routed_to_stays_until_there_are_new_routes() -> None:
    old = envoy.build(Document("1", "chat", (Route("a", 100),), {"a": 1}), {"a": (ONE,)})
    new = envoy.build(Document("2", "chat", (Route("b", 100),), {"b": 1}), {"b": (TWO,)})

    both = new.with_clusters_of(old)

    assert {cluster["name"] for cluster in both.clusters} == {"a", "b"}
    assert {item["cluster_name"] for item in both.endpoints} == {"a", "b"}
    assert both.routes == new.routes


def test_the_next_try_is_another_pod_however_often_envoy_chooses() -> None:
    """It draws two pods with repetition and takes the idler one: of two, the failed one three times of four."""
    document = Document("1", "chat", (Route("a", 100),), {"a": 2})
    [routes] = envoy.build(document, {"a": (ONE, TWO)}).routes

    draws = first_routed(routes)["retry_policy"]["host_selection_retry_max_attempts"]
    most_retries_of_a_year = 1e10

    assert 0.75**draws * most_retries_of_a_year < 1e-9


def test_nobody_outside_the_pod_reaches_what_may_stop_envoy() -> None:
    started = bootstrap()

    admin = started["admin"]["address"]["socket_address"]["address"]
    [agent] = started["static_resources"]["clusters"]
    [locality] = agent["load_assignment"]["endpoints"]
    [endpoint] = locality["lb_endpoints"]
    assert admin == "127.0.0.1"
    assert endpoint["endpoint"]["address"]["socket_address"]["address"] == "127.0.0.1"

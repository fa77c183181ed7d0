"""The HTTPRoute: what goes by it, with which weights, and what no client gets past it."""

import pytest

from deepseek_operator.build import http_route
from deepseek_operator.kube import drift
from deepseek_operator.observed import Observed
from deepseek_serving.engine import bounded, classes, hold
from deepseek_serving.gateway import routes
from tests.unit.samples import CPU_SPEC, Manifest, deepseek

OLD, NEW = "0123456789", "abcdef0123"
EDGE: Manifest = {"provider": "GatewayAPI", "parentRef": {"name": "edge"}}


def build(weights: dict[str, int] | None = None, **gateway: object) -> Manifest:
    deployment = deepseek(**CPU_SPEC, gateway={**EDGE, **gateway})
    return http_route.build_http_route(deployment, weights or {NEW: 5, OLD: 95})


def rule(route: Manifest) -> Manifest:
    [found] = route["spec"]["rules"]
    assert isinstance(found, dict)
    return found


def test_the_objects_revisions_are_named_by_their_services_with_their_weights() -> None:
    assert rule(build())["backendRefs"] == [
        {"group": "", "kind": "Service", "name": f"chat-{key}", "port": 8000, "weight": weight}
        for key, weight in ((NEW, 5), (OLD, 95))
    ]


def test_the_gateway_is_named_as_the_object_does() -> None:
    listener = {"name": "edge", "namespace": "infra", "sectionName": "https"}
    route = build(parentRef=listener, hostnames=["chat.example.com"])

    group = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    assert route["spec"]["parentRefs"] == [{**group, **listener}]
    assert route["spec"]["hostnames"] == ["chat.example.com"]
    assert build()["spec"]["parentRefs"] == [{**group, "name": "edge"}]
    assert build()["spec"]["hostnames"] == []


def test_the_paths_are_those_of_our_own_gateway() -> None:
    matches = rule(build())["matches"]

    posted = [one["path"]["value"] for one in matches if one["method"] == "POST"]
    assert tuple(posted) == routes.PATHS
    read = [one["path"] for one in matches if one["method"] == "GET"]
    assert read == [
        {"type": "Exact", "value": "/v1/models"},
        {"type": "PathPrefix", "value": "/v1/models/"},
    ]


def test_an_answer_may_take_as_long_as_it_takes() -> None:
    assert rule(build()).get("timeouts") == {"request": "0s"}


@pytest.mark.parametrize(("given", "most"), [({}, "1024"), ({"maxRequestsPerReplica": 7}, "7")])
def test_engines_are_told_how_many_requests_they_may_have(given: Manifest, most: str) -> None:
    [headers] = [one["requestHeaderModifier"] for one in rule(build(**given))["filters"]]

    name = bounded.MOST_REQUESTS_HEADER.decode()
    assert headers["set"] == [{"name": name, "value": most}]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, {}),
        ({"longRequests": {}}, {classes.LONG_BYTES_HEADER: "16384"}),
        (
            {"longRequests": {"fromBytes": 9000, "maxRequestsPerReplica": 8}},
            {classes.LONG_BYTES_HEADER: "9000", classes.MOST_LONG_HEADER: "8"},
        ),
    ],
)
def test_engines_are_told_what_is_long_and_never_by_clients(
    given: Manifest, told: dict[bytes, str]
) -> None:
    [headers] = [one["requestHeaderModifier"] for one in rule(build(**given))["filters"]]

    added = {one["name"].encode(): one["value"] for one in headers["set"]}
    added.pop(bounded.MOST_REQUESTS_HEADER)
    assert added == told
    followed = {classes.LONG_BYTES_HEADER, classes.MOST_LONG_HEADER} - set(told)
    assert {name.decode() for name in followed} <= set(headers["remove"])
    assert not {one["name"] for one in headers["set"]} & set(headers["remove"])


def test_no_client_says_how_an_engine_is_to_answer() -> None:
    [headers] = [one["requestHeaderModifier"] for one in rule(build())["filters"]]

    followed = {hold.FIRST_TOKEN_HEADER.decode(), hold.BETWEEN_TOKENS_HEADER.decode()}
    assert followed <= set(headers["remove"])
    # As many as the API takes.
    assert len(headers["remove"]) <= 16


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param({OLD: 100}, OLD, id="one"),
        pytest.param({NEW: 5, OLD: 95}, OLD, id="the-stable-one-of-two"),
    ],
)
def test_who_serves_is_read_off_the_route(weights: dict[str, int], expected: str) -> None:
    observed = Observed(routes=(build(weights),))

    assert http_route.routed_revision(deepseek(), observed) == expected


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([], id="no-rule"),
        pytest.param([{}], id="no-backend"),
        pytest.param([{"backendRefs": [{"name": "other"}]}], id="somebody-elses"),
    ],
)
def test_of_a_route_that_says_nothing_of_ours_nobody_is_read(rules: list[Manifest]) -> None:
    route = build()
    route["spec"]["rules"] = rules

    assert http_route.routed_revision(deepseek(), Observed(routes=(route,))) is None
    assert http_route.routed_revision(deepseek(), Observed()) is None


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda rule: rule["backendRefs"].append({"name": "x"}), id="a-backend-more"),
        pytest.param(lambda rule: rule["backendRefs"][0].update(weight=50), id="another-weight"),
        pytest.param(lambda rule: rule.update(retry={"attempts": 9}), id="a-field-more"),
        pytest.param(lambda rule: rule["matches"].pop(), id="a-path-less"),
        pytest.param(lambda rule: rule["filters"].append({"type": "RequestMirror"}), id="a-mirror"),
    ],
)
def test_whatever_is_edited_of_the_rules_is_ours_to_repair(edit: object) -> None:
    desired = drift.with_digest(build())
    observed = drift.with_digest(build())
    assert not drift.differs(observed, desired)
    assert callable(edit)

    edit(rule(observed))

    assert drift.differs(observed, desired)

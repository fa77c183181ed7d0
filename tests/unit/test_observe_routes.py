"""What is read of routes, and what is made of a cluster that has none."""

import pytest

from deepseek_operator.kube.errors import ApiError
from deepseek_operator.observe import observe
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.test_reconcile import put_child, put_object

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/team/httproutes"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/infra/gateways"
EDGE: Manifest = {"provider": "GatewayAPI", "parentRef": {"name": "edge", "namespace": "infra"}}
BEHIND = deepseek(**CPU_SPEC, gateway=EDGE)


def put_route(api: FakeApi, name: str = "chat", *, owner: str = "uid-of-chat") -> None:
    put_child(api, ROUTES, "HTTPRoute", name, owner=owner)


async def test_the_route_and_its_gateway_are_read() -> None:
    api = FakeApi()
    put_object(api)
    put_route(api)
    put_route(api, "theirs", owner="another")
    api.put(f"{GATEWAYS}/edge", {"kind": "Gateway", "metadata": {"name": "edge"}})

    observed = await observe(api.kube(), BEHIND, stored={})

    assert [one["metadata"]["name"] for one in observed.routes] == ["chat"]
    assert observed.routes[0]["kind"] == "HTTPRoute"
    assert observed.knows_routes
    assert observed.parent is not None


@pytest.mark.parametrize("code", ["404", "403"])
async def test_a_gateway_that_cannot_be_read_is_none(code: str) -> None:
    def fault(call: Call) -> str | None:
        return code if "/gateways/" in call.path else None

    api = FakeApi(fault=fault)
    put_object(api)

    observed = await observe(api.kube(), BEHIND, stored={})

    assert observed.parent is None
    assert observed.knows_routes


async def test_a_cluster_without_routes_is_no_error() -> None:
    def fault(call: Call) -> str | None:
        return "404" if "gateway.networking.k8s.io" in call.path else None

    api = FakeApi(fault=fault)
    put_object(api)

    try:
        observed = await observe(api.kube(), BEHIND, stored={})
    except ApiError as error:
        raise AssertionError("it is no error of a pass") from error

    assert not observed.knows_routes
    assert observed.routes == ()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        pytest.param({"observedGeneration": 1}, False, id="never-had-one"),
        pytest.param({"observedGeneration": 1, "route": {"name": "chat"}}, True, id="had-one"),
    ],
)
async def test_with_another_provider_a_route_is_looked_for_where_there_was_one(
    stored: Manifest, *, asked: bool
) -> None:
    api = FakeApi()
    put_object(api)

    await observe(api.kube(), deepseek(), stored=stored)

    assert any("/httproutes" in call.path for call in api.calls) is asked
    assert not any("/gateways" in call.path for call in api.calls)

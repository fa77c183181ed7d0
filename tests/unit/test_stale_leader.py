"""A leader whose process stood still between reading and writing, while another one led: what it may still write.

One write of it is under way, or sent before it learns that the Lease is another's.
"""

import json
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from deepseek_operator.errors import Conflict
from tests.unit.fake_api import FakeApi
from tests.unit.samples import CPU_SPEC, Manifest, conditions
from tests.unit.test_observe_routes import EDGE, ROUTES
from tests.unit.test_reconcile import BETTER, OBJECT, SERVICES, one_pass, put_object, settle

CONFIG_MAPS = "/api/v1/namespaces/team/configmaps"
DOCUMENT = f"{CONFIG_MAPS}/chat-gateway"
ROUTE = f"{ROUTES}/chat"


@dataclass
class LateApi(FakeApi):
    """An API server that one call reaches late: whoever sent it stood still, and others did not."""

    late: tuple[str, str] | None = None
    """Method and path; an apply where it is a PATCH."""
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _request(self, method: str, url: str, *rest: Any, **named: Any) -> Any:
        _headers, body = rest
        is_apply = method != "PATCH" or isinstance(body, str)
        if self.late == (method, urllib.parse.urlsplit(url).path) and is_apply:
            self.late = None
            assert self.meanwhile is not None
            await self.meanwhile()
        return await super()._request(method, url, *rest, **named)


def gateway(clients: str) -> Manifest:
    """A spec whose gateway is told this."""
    return {**CPU_SPEC, "gateway": {"stickyHeader": clients}}


def route(clients: str) -> Manifest:
    """A spec whose route has this host's requests."""
    return {**CPU_SPEC, "gateway": {**EDGE, "hostnames": [clients]}}


def told(api: FakeApi) -> str:
    """What the gateway is told."""
    return str(json.loads(api.objects[DOCUMENT]["data"]["gateway.json"])["stickyHeader"])


def taken(api: FakeApi) -> str:
    """Whose requests the route takes."""
    [host] = api.objects[ROUTE]["spec"]["hostnames"]
    return str(host)


async def served(spec: Manifest) -> LateApi:
    """An object that is served in full."""
    api = LateApi()
    put_object(api, **spec)
    await settle(api)
    return api


def another_leads(api: LateApi, spec: Manifest) -> Callable[[], Awaitable[object]]:
    """The user applies this spec, and another leader carries it out."""

    async def leads() -> None:
        put_object(api, generation=3, **spec)
        await settle(api)

    return leads


CHILDREN = [
    pytest.param(gateway, told, DOCUMENT, id="what-a-gateway-is-told"),
    pytest.param(route, taken, ROUTE, id="a-route"),
]


@pytest.mark.parametrize(("spec", "found", "path"), CHILDREN)
async def test_an_old_document_is_never_written_over_a_newer_one(
    spec: Callable[[str], Manifest], found: Callable[[FakeApi], str], path: str
) -> None:
    api = await served(spec("first"))
    put_object(api, generation=2, **spec("second"))
    api.late, api.meanwhile = ("PATCH", path), another_leads(api, spec("third"))

    with pytest.raises(Conflict):
        await one_pass(api)

    assert api.late is None
    assert found(api) == "third"


@pytest.mark.parametrize(("spec", "found", "path"), CHILDREN)
async def test_a_create_that_came_late_overwrites_nothing(
    spec: Callable[[str], Manifest], found: Callable[[FakeApi], str], path: str
) -> None:
    """Somebody had deleted it, so the old leader means to make it."""
    api = await served(spec("first"))
    del api.objects[path]
    put_object(api, generation=2, **spec("second"))
    api.late = ("POST", path.rpartition("/")[0])
    api.meanwhile = another_leads(api, spec("third"))

    with pytest.raises(Conflict):
        await one_pass(api)

    assert api.late is None
    assert found(api) == "third"


async def test_a_service_does_not_lead_back_to_who_was_let_go() -> None:
    """Without a gateway it is the Service that says who is asked."""
    api = await served(CPU_SPEC)
    [first] = api.of_kind("Deployment")
    put_object(api, generation=2, **BETTER)
    await one_pass(api)
    api.start_pods()

    async def another_leads_there_and_back() -> None:
        await settle(api)
        await another_leads(api, CPU_SPEC)()

    api.late, api.meanwhile = ("PATCH", f"{SERVICES}/chat"), another_leads_there_and_back
    with pytest.raises(Conflict):
        await one_pass(api)

    assert api.late is None
    assert list(api.of_kind("Deployment")) == [first] == [led_to(api)]


async def test_what_was_taken_back_before_anybody_wrote_it_is_put_right_by_the_next_pass() -> None:
    """It was stored, and then another decision: what says who is asked has stayed as it was read, so it is written."""
    api = await served(CPU_SPEC)
    [first] = api.of_kind("Deployment")
    put_object(api, generation=2, **BETTER)
    await one_pass(api)
    api.start_pods()
    api.late, api.meanwhile = ("PATCH", f"{SERVICES}/chat"), another_leads(api, CPU_SPEC)

    await one_pass(api)

    assert led_to(api) != first
    await settle(api)
    assert list(api.of_kind("Deployment")) == [first] == [led_to(api)]


def led_to(api: FakeApi) -> str:
    """Whose pods clients are led to."""
    selector = api.objects[f"{SERVICES}/chat"]["spec"]["selector"]
    return f"chat-{selector['serving.deepseek.dev/revision']}"


async def test_a_route_that_another_leader_wrote_is_not_deleted() -> None:
    api = await served(route("first"))
    put_object(api, generation=2, **CPU_SPEC)
    api.late, api.meanwhile = ("DELETE", ROUTE), another_leads(api, route("third"))

    with pytest.raises(Conflict):
        await passes(api)

    assert api.late is None
    assert ROUTE in api.objects
    assert taken(api) == "third"


async def passes(api: FakeApi) -> None:
    """Of one leader, as many as it takes until a route that is not wanted goes."""
    for _ in range(5):
        await one_pass(api)


async def test_a_pass_that_was_refused_for_its_age_begins_anew() -> None:
    """Also where it was no leader that wrote, but who reports of a route."""
    api = await served(route("first"))
    put_object(api, generation=2, **route("second"))

    async def reports() -> None:
        api.put(ROUTE, {**api.objects[ROUTE], "status": {"parents": []}})

    api.late, api.meanwhile = ("PATCH", ROUTE), reports
    with pytest.raises(Conflict):
        await one_pass(api)
    await settle(api)

    assert taken(api) == "second"


async def test_what_a_deployment_reports_meanwhile_is_no_conflict() -> None:
    api = await served(CPU_SPEC)
    [(path, deployment)] = [
        (path, item) for path, item in api.objects.items() if item.get("kind") == "Deployment"
    ]
    put_object(api, generation=2, **CPU_SPEC, replicas=2)

    async def reports() -> None:
        api.put(path, {**deployment, "status": {"observedGeneration": 1, "replicas": 1}})

    api.late, api.meanwhile = ("PATCH", path), reports
    await one_pass(api)

    assert api.late is None
    assert api.objects[path]["spec"]["replicas"] == 2


async def test_what_a_pass_that_was_cut_off_has_left_is_corrected() -> None:
    """It has left no status, so nothing is listed, and each pass anew meets what is there by its name."""
    api = await served(gateway("first"))
    del api.objects[OBJECT]["status"]
    put_object(api, **gateway("second"))

    await settle(api)

    assert told(api) == "second"


async def test_a_decision_is_told_though_its_pass_ends_in_a_conflict() -> None:
    """The next pass finds it stored, and so has nothing to tell."""
    api = await served(CPU_SPEC)
    put_object(api, generation=2, **BETTER)
    await one_pass(api)
    api.start_pods()
    events = set(api.of_kind("Event"))
    api.fault = lambda call: "409" if call.path == f"{SERVICES}/chat" else None

    with pytest.raises(Conflict):
        await one_pass(api)

    assert conditions(api.objects[OBJECT]["status"])["RolledOut"]["status"] == "True"
    new = [event for name, event in api.of_kind("Event").items() if name not in events]
    assert "RolledOut" in {event["reason"] for event in new}

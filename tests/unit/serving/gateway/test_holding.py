"""Requests that find no replica: who waits, for how long, and what is told of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deepseek_serving.gateway import envoy, holding
from deepseek_serving.gateway.chains import HOLD_HEADER
from deepseek_serving.gateway.document import Document, Hold, Route, When
from deepseek_serving.gateway.endpoints import Endpoint
from deepseek_serving.gateway.holding import End, Followed, Held
from deepseek_serving.gateway.parts import Config

POD, OTHER = Endpoint("10.0.0.1", 8000, "one"), Endpoint("10.0.0.2", 8000, "two")
RULE = Hold(requests=2, seconds=600.0)


def document(
    *then: str, on: frozenset[When] = frozenset(When), hold: Hold | None = RULE
) -> Document:
    route = Route("first", 100, then)
    replicas = dict.fromkeys(["first", *then], 1)
    return Document("v1", "chat", (route,), replicas, fallback_on=on, hold=hold)


async def asleep() -> Held:
    """Envoy follows a document, and the revision has no pod."""
    held = Held()
    await Followed.of(document(), {}).holds(held)
    return held


async def comes(held: Held, revision: str = "first") -> asyncio.Task[End]:
    """A request that has come, and waits if it does."""
    task = asyncio.create_task(held.come(revision))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_a_request_waits_until_envoy_has_a_pod() -> None:
    held = await asleep()
    waits = await comes(held)
    assert not waits.done()
    assert held.report()["held"] == {"first": 1}

    awake = Followed.of(document(), {"first": (POD,)})
    await awake.begins(held)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waits.done()
    await awake.holds(held)

    assert await waits is End.WOKEN
    assert held.report()["held"] == {}
    assert await held.come("first") is End.WOKEN


async def test_a_pod_that_goes_is_gone_before_envoy_is_told() -> None:
    held = Held()
    await Followed.of(document(), {"first": (POD,)}).holds(held)

    await Followed.of(document(), {}).begins(held)

    waits = await comes(held)
    assert not waits.done()
    waits.cancel()


async def test_no_more_wait_than_may_whatever_they_are_meant_for() -> None:
    held = await asleep()
    waiting = [await comes(held), await comes(held, "other")]

    assert await held.come("first") is End.FULL
    assert held.report()["held"] == {"first": 1, "other": 1}
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not (await comes(held)).done()
    assert held.report()["ended"] == {"passed": 0, "woken": 0, "full": 1, "late": 0, "gone": 2}


async def test_who_has_waited_for_as_long_as_may_be_is_late() -> None:
    held = Held()
    await Followed.of(document(hold=Hold(2, 0.01)), {}).holds(held)

    assert await held.come("first") is End.LATE
    assert held.waiting.total() == 0


async def test_who_may_pass_does_so_at_once_and_comes_back_for_a_refusal() -> None:
    held = await asleep()

    assert await held.come("first", passes=True) is End.PASSED
    assert await held.come("first", passes=True, again=True) is End.LATE
    assert not (await comes(held)).done()


async def test_the_operator_is_told_when_the_last_one_came() -> None:
    now = [100.0]
    held = Held(clock=lambda: now[0])
    await Followed.of(document(), {}).holds(held)
    assert held.report()["asked"] == {}
    await held.come("first", passes=True)
    now[0] = 107.5

    assert held.report()["asked"] == {"first": 7.5}


async def test_a_question_is_answered_when_somebody_asks_and_at_once_while_one_waits() -> None:
    held = await asleep()
    question = asyncio.create_task(held.somebody())
    await asyncio.sleep(0)
    assert not question.done()

    waits = await comes(held)
    await asyncio.wait_for(question, 5)
    await asyncio.wait_for(held.somebody(), 5)
    waits.cancel()


@pytest.mark.parametrize(("is_asked", "said"), [(True, "asked\n"), (False, "nobody\n")])
async def test_the_operators_question_has_an_answer_in_time(is_asked: bool, said: str) -> None:
    held = await asleep()
    waits = [await comes(held)] if is_asked else []
    application = web.Application()
    application.router.add_get("/asked", holding.question(held, seconds=0.01))
    async with TestClient(TestServer(application)) as client:
        answer = await client.get("/asked")

        assert await answer.text() == said
    for one in waits:
        one.cancel()


@pytest.fixture
async def place() -> AsyncIterator[tuple[Held, TestClient]]:  # type: ignore[type-arg]
    held = await asleep()
    application = holding.application(held, lambda: "chat")
    async with TestClient(TestServer(application)) as client:
        yield held, client


async def test_who_is_passed_on_is_told_so_in_the_word_that_envoy_knows(
    place: tuple[Held, TestClient],  # type: ignore[type-arg]
) -> None:
    held, client = place
    answer = await client.post(
        "/v1/chat/completions", data=b"x" * 300_000, headers={HOLD_HEADER: "pass:first"}
    )

    assert answer.status == 421
    assert held.ended[End.PASSED] == 1
    again = {HOLD_HEADER: "pass:first", holding.ATTEMPT_HEADER: "3"}
    assert (await client.post("/v1/completions", headers=again)).status == 503


async def test_models_are_told_for_who_has_no_fallback_and_by_it_for_who_has(
    place: tuple[Held, TestClient],  # type: ignore[type-arg]
) -> None:
    held, client = place
    by_fallback = await client.get("/v1/models", headers={HOLD_HEADER: "pass:first"})
    own = await client.get("/v1/models", headers={HOLD_HEADER: "wait:first"})

    assert (by_fallback.status, own.status) == (421, 200)
    assert (await own.json())["data"][0]["id"] == "chat"
    assert held.report()["asked"] == {}


def hosts(resources: envoy.Resources, name: str) -> list[list[int]]:
    """Ports by priority, of a cluster's places."""
    [found] = [one for one in resources.endpoints if one["cluster_name"] == name]
    return [
        [
            place["endpoint"]["address"]["socket_address"]["port_value"]
            for place in level["lb_endpoints"]
        ]
        for level in found["endpoints"]
    ]


def action(resources: envoy.Resources) -> Config:
    """Of a chat completion."""
    [configuration] = resources.routes
    [clients] = configuration["virtual_hosts"]
    found: Config = next(
        route["route"]
        for route in clients["routes"]
        if route["match"].get("path") and "route" in route
    )
    return found


def test_without_a_pod_the_place_stands_where_it_would() -> None:
    resources = envoy.build(document(), {})

    assert hosts(resources, "first") == [[9903]]
    policy = action(resources)["retry_policy"]
    assert policy["retriable_status_codes"] == [421]
    assert policy["num_retries"] > 1
    assert "retry_priority" not in policy
    [share] = action(resources)["weighted_clusters"]["clusters"]
    assert {
        one["header"]["key"]: one["header"]["value"] for one in share["request_headers_to_add"]
    } == {HOLD_HEADER: "wait:first"}


def test_envoy_waits_longer_than_the_place() -> None:
    resources = envoy.build(document(hold=Hold(2, 1800.0)), {})

    found = action(resources)
    assert float(found["retry_policy"]["per_try_idle_timeout"].rstrip("s")) > 1800
    assert float(found["idle_timeout"].rstrip("s")) > 1800


def test_the_place_is_nobodys_fallback() -> None:
    resources = envoy.build(document("second", "third"), {"first": (POD,)})

    assert hosts(resources, "first/each") == [[8000], [], []]
    assert hosts(resources, "second")[0] == [9903]


def test_with_a_pod_of_the_fallback_the_place_takes_the_first_try_only() -> None:
    resources = envoy.build(document("second"), {"second": (OTHER,)})

    [share] = action(resources)["weighted_clusters"]["clusters"]
    assert share["name"] == "first/each"
    assert share["request_headers_to_add"][-1]["header"]["value"] == "pass:first"
    assert hosts(resources, "first/each") == [[9903], [8000]]
    assert 421 in action(resources)["retry_policy"]["retriable_status_codes"]


def test_a_fallback_that_may_not_stand_in_for_it_is_not_passed_to() -> None:
    resources = envoy.build(
        document("second", on=frozenset({When.OVERLOADED})), {"second": (OTHER,)}
    )

    [share] = action(resources)["weighted_clusters"]["clusters"]
    assert share["name"] == "first"
    assert share["request_headers_to_add"][-1]["header"]["value"] == "wait:first"
    assert "retry_priority" not in action(resources)["retry_policy"]


def test_what_the_place_answers_is_no_revisions_answer() -> None:
    resources = envoy.build(document(), {})
    [found] = [one for one in resources.endpoints if one["cluster_name"] == "first"]

    assert [list(one) for one in found["endpoints"][0]["lb_endpoints"]] == [["endpoint"]]


def test_without_a_word_of_it_nothing_is_otherwise() -> None:
    resources = envoy.build(document("second", hold=None), {"second": (OTHER,)})

    assert hosts(resources, "first") == [[], [8000]]
    assert HOLD_HEADER in resources.routes[0]["virtual_hosts"][0]["request_headers_to_remove"]


def test_room_is_made_for_those_that_wait() -> None:
    many = document(hold=Hold(5000, 1.0))
    [cluster] = [one for one in envoy.build(many, {}).clusters if one["name"] == "first"]

    [threshold] = cluster["circuit_breakers"]["thresholds"]
    assert threshold["max_requests"] == 5000

"""Who answers: weights, pins, keys that stick, and what is changed under load; the real Envoy."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from deepseek_serving.gateway import ads, document, envoy, listener
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until


async def test_requests_are_split_by_weight_and_say_whose_answer_it_is(gateway: Gateway) -> None:
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"old": 75, "new": 25})

        answers = await gateway.ask_many(1000)

    assert {answer.status for answer in answers} == {200}
    seen = Counter(answer.revision for answer in answers)
    # Four standard deviations of a fair draw.
    assert abs(seen["new"] - 250) <= 55
    assert (seen["old"], seen["new"]) == (len(one.seen), len(two.seen))


async def test_a_revision_alone_gets_everything(gateway: Gateway) -> None:
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"new": 100}, replicas={"old": 1, "new": 1})

        answers = await gateway.ask_many(200)

    assert Counter(answer.revision for answer in answers) == {"new": 200}
    assert one.seen == []


async def test_a_key_sticks_to_a_revision(gateway: Gateway) -> None:
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"new": 20, "old": 80}, stickyHeader="x-conversation")

        keys = [f"conversation {number}" for number in range(500)]
        first = await _ask_with(gateway, keys)
        second = await _ask_with(gateway, keys)

    assert first == second
    assert {*first} == {"new", "old"}


@pytest.mark.campaign(has_short_form=True)
@pytest.mark.parametrize("weight", [1, 5, 20, 50, 95])
async def test_keys_are_split_by_weight_within_one_percent(
    gateway: Gateway, weight: int, *, in_full: bool
) -> None:
    """Hashes of keys are always the same, and so is what is counted here: it is no draw."""
    keys = [f"conversation {number}" for number in range(40_000 if in_full else 2_000)]
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"new": weight, "old": 100 - weight}, stickyHeader="x-conversation")

        found = await _ask_with(gateway, keys)

    share = 100 * found.count("new") / len(keys)
    assert abs(share - weight) <= 1


async def _ask_with(gateway: Gateway, keys: list[str]) -> list[str]:
    """Who answers each of these conversations."""
    limit = asyncio.Semaphore(16)

    async def one(key: str) -> str:
        async with (
            limit,
            gateway.session.get(
                f"{gateway.url}/v1/models", headers={"x-conversation": key}
            ) as response,
        ):
            return str(response.headers["x-dsd-revision"])

    return await asyncio.gather(*map(one, keys))


async def test_a_higher_weight_keeps_whose_key_was_there(gateway: Gateway) -> None:
    keys = [f"conversation {number}" for number in range(1000)]
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        found = []
        for weight in (5, 25):
            await gateway.tell({"new": weight, "old": 100 - weight}, stickyHeader="x-conversation")
            found.append(await _ask_with(gateway, keys))

    early, late = (
        {key for key, who in zip(keys, answers, strict=True) if who == "new"} for answers in found
    )
    assert early
    assert early <= late


async def test_a_request_may_ask_for_a_revision_where_that_is_allowed(gateway: Gateway) -> None:
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        pinned = {"x-dsd-pin": "new"}
        await gateway.tell({"old": 100}, replicas={"old": 1, "new": 1})
        without = await gateway.ask_many(20, headers=pinned)
        await gateway.tell({"old": 100}, replicas={"old": 1, "new": 1}, pins=True)
        allowed = await gateway.ask_many(20, headers=pinned)
        unknown = await gateway.ask_many(20, headers={"x-dsd-pin": "nobody"})

    assert {answer.revision for answer in without} == {"old"}
    assert {answer.revision for answer in allowed} == {"new"}
    assert {answer.revision for answer in unknown} == {"old"}


async def test_a_pinned_request_is_answered_by_its_revision_or_not_at_all(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(old=[one], new=[])
        await gateway.tell(
            {"old": 90, "new": 10}, then={"new": ["old"]}, replicas={"old": 1, "new": 1}, pins=True
        )

        answer = await gateway.ask(headers={"x-dsd-pin": "new"})

    assert answer.status == 503
    assert answer.error["message"] == "no replica answers just now"


async def test_fifty_changes_of_weight_under_load_lose_nothing(gateway: Gateway) -> None:
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        for engine in (one, two):
            engine.behave(tokens=8, between_tokens=0.02)
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"old": 100})
        load = asyncio.create_task(gateway.ask_many(1000, at_once=32, stream=True))
        for number in range(50):
            weight = (17 * number) % 101
            weights = {"old": weight, "new": 100 - weight}
            await gateway.tell({name: share for name, share in weights.items() if share})
            await asyncio.sleep(0.02)
        answers = await load

    assert {answer.status for answer in answers} == {200}
    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)
    assert {answer.revision for answer in answers} == {"old", "new"}


async def test_a_revision_that_is_let_go_is_first_routed_around(gateway: Gateway) -> None:
    """Cluster and route go in one document: no request may meet a route to nothing."""
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"old": 100})
        load = asyncio.create_task(gateway.ask_many(1500, at_once=12))
        for _ in range(20):
            await gateway.tell({"new": 100})
            await asyncio.sleep(0.01)
            await gateway.tell({"old": 100})
            await asyncio.sleep(0.01)
        answers = await load

    assert Counter(answer.status for answer in answers) == {200: 1500}


async def test_an_agent_that_starts_anew_takes_away_nothing_that_is_routed_to(
    gateway: Gateway,
) -> None:
    """The document changed while it was away, so its first one no longer has what Envoy still routes to."""
    async with FakeEngine("one") as one, FakeEngine("two") as two:
        gateway.pods(old=[one], new=[two])
        await gateway.tell({"old": 100})
        is_over = asyncio.Event()
        load = [asyncio.create_task(_ask_until(is_over, gateway)) for _ in range(8)]
        for name in ("new", "old", "new"):
            await gateway.exchange_agent()
            gateway.pods(old=[one], new=[two])
            await gateway.tell({name: 100})
        is_over.set()
        statuses = sum(await asyncio.gather(*load), start=Counter[int]())

    assert set(statuses) == {200}


async def test_what_envoy_refuses_changes_nothing_and_is_told(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(old=[one])
        good = await gateway.tell({"old": 100})
        # Our own checks find this, and there may be something that they do not.
        parsed = document.parse(json.dumps(gateway.told))
        wrong = replace(parsed, sticky_header="not a name\n")
        access = listener.Access(gateway.ports["client"])
        resources = envoy.build(wrong, {"old": (one.endpoint,)}, access=access)
        await gateway.agent.server.publish(ads.pack("wrong", resources))
        report = await until(lambda: _refused(gateway))
        answer = await gateway.ask()
        after = await gateway.tell({"old": 100})

    assert report["taken"] == good
    assert "not a name" in report["refusal"]
    assert answer.status == 200
    assert gateway.agent.report()["taken"] == after
    assert gateway.agent.report()["refusal"] is None


async def _ask_until(is_over: asyncio.Event, gateway: Gateway) -> Counter[int]:
    statuses: Counter[int] = Counter()
    while not is_over.is_set():
        answer = await gateway.ask()
        statuses[answer.status] += 1
    return statuses


def _config_map(document: dict[str, object]) -> dict[str, object]:
    return {"data": {"gateway.json": json.dumps(document)}}


def _refused(gateway: Gateway) -> dict[str, Any] | None:
    report = gateway.agent.report()
    return report if report["refusal"] else None


async def test_a_document_that_cannot_be_read_changes_nothing(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(old=[one])
        good = await gateway.tell({"old": 100})
        wrong = {**gateway.told, "routes": [{"revision": "old", "weight": 99}]}
        gateway.agent.documents_changed({"gateway": _config_map(wrong)})
        answer = await gateway.ask()

    report = gateway.agent.report()
    assert report["trouble"] == "routes: weights are 1 to 100 and sum to 100, not [99]"
    assert report["taken"] == good
    assert answer.status == 200


async def test_who_gives_way_to_another_says_so_and_when_to_ask_again(gateway: Gateway) -> None:
    """Its pods may still be there: nobody is sent to them any more."""
    gateway.pods()
    said = "revision a is being replaced by b: try again later"
    await gateway.tell({}, shut={"revision": "a", "reason": said})

    answer = await gateway.ask()

    assert answer.status == 503
    assert answer.error["message"] == said
    assert answer.headers["Retry-After"] == "30"


async def test_before_there_is_a_revision_it_says_so(gateway: Gateway) -> None:
    gateway.pods()
    await gateway.tell({})

    answer = await gateway.ask()

    assert answer.status == 503
    assert answer.error["message"] == "no revision serves yet"

"""Requests that find no replica: held, bounded, sent on once one is there, and refused in time; the real Envoy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from deepseek_serving.gateway import store
from deepseek_serving.gateway.__main__ import application
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Answer, Gateway, until

HOLD: dict[str, Any] = {"requests": 3, "seconds": 30}


def waiting(gateway: Gateway) -> int:
    return gateway.agent.held.waiting.total()


@contextlib.asynccontextmanager
async def asking(gateway: Gateway, count: int = 1, **how: Any) -> AsyncIterator[list[Any]]:
    """So many requests that wait; they are awaited in the end."""
    tasks = [asyncio.create_task(gateway.ask(**how)) for _ in range(count)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def asleep(gateway: Gateway) -> Gateway:
    """No pod of the one revision."""
    gateway.pods(only=[])
    await gateway.tell({"only": 100}, hold=HOLD, replicas={"only": 0})
    return gateway


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_wait_for_the_first_pod_and_are_answered_by_it(
    asleep: Gateway, stream: bool
) -> None:
    async with FakeEngine("one") as one, asking(asleep, 3, stream=stream) as tasks:
        await until(lambda: waiting(asleep) == 3)
        assert one.seen == []
        assert not any(task.done() for task in tasks)
        asleep.pods(only=[one])
        answers: list[Answer] = await asyncio.gather(*tasks)
        seen = len(one.seen)

    assert {(answer.status, answer.revision) for answer in answers} == {(200, "only")}
    assert {answer.fallback for answer in answers} == {""}
    assert seen == 3
    assert asleep.agent.report()["hold"]["ended"]["woken"] >= 3


async def test_a_long_body_is_sent_whole_once_there_is_a_pod(asleep: Gateway) -> None:
    text = "word " * 200_000
    async with (
        FakeEngine("one") as one,
        asking(asleep, messages=[{"role": "user", "content": text}]) as [task],
    ):
        await until(lambda: waiting(asleep) == 1)
        asleep.pods(only=[one])
        answer = await task
        [seen] = one.seen

    assert answer.status == 200
    assert int(seen["Content-Length"]) > len(text)


async def test_what_envoy_lets_in_is_held_whatever_its_form(asleep: Gateway) -> None:
    """A long header, and a body that is not what it says: the engine is to judge that."""
    strange = {"x-long": "x" * 20_000, "content-encoding": "gzip"}
    async with FakeEngine("one") as one, asking(asleep, headers=strange):
        await until(lambda: waiting(asleep) == 1)
        asleep.pods(only=[one])
        await until(lambda: waiting(asleep) == 0)

    assert asleep.agent.report()["hold"]["ended"]["woken"] >= 1


async def test_more_pods_than_one_may_come(asleep: Gateway) -> None:
    """The cluster changes with the number of its pods while requests of it wait."""
    async with FakeEngine("one") as one, FakeEngine("two") as two, asking(asleep, 3) as tasks:
        await until(lambda: waiting(asleep) == 3)
        await asleep.tell({"only": 100}, hold=HOLD, replicas={"only": 2})
        asleep.pods(only=[one, two])
        answers = await asyncio.gather(*tasks)

    assert {answer.status for answer in answers} == {200}


async def test_what_is_more_than_may_wait_is_refused_at_once(asleep: Gateway) -> None:
    async with asking(asleep, 3):
        await until(lambda: waiting(asleep) == 3)
        answer = await asleep.ask()

    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "3 requests wait" in answer.error["message"]
    assert answer.revision == ""


async def test_who_waits_too_long_is_refused_and_told_why(asleep: Gateway) -> None:
    await asleep.tell({"only": 100}, hold={"requests": 3, "seconds": 0.3})

    answer = await asleep.ask()

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "within 0.3 s" in answer.error["message"]
    # It was asked once: a refusal of the place is not tried there again.
    assert asleep.agent.report()["hold"]["ended"]["late"] == 1


async def test_a_client_that_goes_away_frees_its_place(asleep: Gateway) -> None:
    async with asking(asleep, 3) as tasks:
        await until(lambda: waiting(asleep) == 3)
        tasks[0].cancel()
        await until(lambda: waiting(asleep) == 2)
        async with asking(asleep):
            await until(lambda: waiting(asleep) == 3)

    assert asleep.agent.report()["hold"]["ended"]["gone"] >= 1
    assert asleep.agent.report()["hold"]["ended"]["full"] == 0


async def test_the_operator_hears_of_a_request_at_once(asleep: Gateway) -> None:
    told = TestClient(TestServer(application(asleep.agent, asleep.admin, ())))
    async with told:
        question = asyncio.create_task(told.get("/asked"))
        await asyncio.sleep(0)
        assert not question.done()
        async with asking(asleep):
            heard = await asyncio.wait_for(question, 20)
            said = await heard.text()
            report = await (await told.get("/report")).json()

    assert said == "asked\n"
    assert report["hold"]["held"] == {"only": 1}
    assert 0 <= report["hold"]["asked"]["only"] < 20
    assert report["counted"]["active"] == {"only": 1}


async def test_a_fallback_answers_at_once_and_it_is_noted_that_somebody_asked(
    gateway: Gateway,
) -> None:
    async with FakeEngine("small") as small, FakeEngine("large") as large:
        gateway.pods(first=[], second=[small])
        await gateway.tell({"first": 100}, then={"first": ["second"]}, hold=HOLD)
        answers = await gateway.ask_many(5)

        assert {(answer.status, answer.revision) for answer in answers} == {(200, "second")}
        assert {answer.fallback for answer in answers} == {"Unavailable"}
        assert "first" in gateway.agent.report()["hold"]["asked"]

        gateway.pods(first=[large], second=[small])
        await until(lambda: "first" in gateway.agent.held.awake)
        answer = await gateway.ask()

    assert (answer.status, answer.revision, answer.fallback) == (200, "first", "")


async def test_without_a_pod_of_the_fallback_either_requests_wait(gateway: Gateway) -> None:
    gateway.pods(first=[], second=[])
    await gateway.tell({"first": 100}, then={"first": ["second"]}, hold=HOLD)
    async with FakeEngine("large") as large, asking(gateway, 2) as tasks:
        await until(lambda: waiting(gateway) == 2)
        gateway.pods(first=[large], second=[])
        answers = await asyncio.gather(*tasks)

    assert {(answer.status, answer.revision) for answer in answers} == {(200, "first")}


async def test_a_fallback_that_may_not_stand_in_for_it_is_not_asked(gateway: Gateway) -> None:
    async with FakeEngine("small") as small, FakeEngine("large") as large:
        gateway.pods(first=[], second=[small])
        await gateway.tell(
            {"first": 100},
            then={"first": ["second"]},
            hold=HOLD,
            fallbackOn=["Overloaded", "Timeout"],
        )
        async with asking(gateway, 2) as tasks:
            await until(lambda: waiting(gateway) == 2)
            gateway.pods(first=[large], second=[small])
            answers = await asyncio.gather(*tasks)

    assert {(answer.status, answer.revision) for answer in answers} == {(200, "first")}
    assert small.seen == []


async def test_whoever_reads_the_models_wakes_nobody(asleep: Gateway) -> None:
    url = f"{asleep.url}/v1/models"
    async with asleep.session.get(url) as response:
        listed = await response.json()
    async with asleep.session.get(f"{url}/chat") as response:
        assert (response.status, (await response.json())["id"]) == (200, "chat")
    async with asleep.session.get(f"{url}/other") as response:
        assert response.status == 404

    assert [one["id"] for one in listed["data"]] == ["chat"]
    assert asleep.agent.report()["hold"]["asked"] == {}


async def test_a_revision_that_is_asked_for_by_name_is_waited_for_too(gateway: Gateway) -> None:
    async with FakeEngine("small") as small, FakeEngine("large") as large:
        gateway.pods(first=[], second=[small])
        await gateway.tell(
            {"first": 100},
            then={"first": ["second"]},
            hold=HOLD,
            pins=True,
            replicas={"first": 0, "second": 1},
        )
        async with asking(gateway, headers={"x-dsd-pin": "first"}) as [task]:
            await until(lambda: waiting(gateway) == 1)
            gateway.pods(first=[large], second=[small])
            answer = await task

    assert (answer.status, answer.revision) == (200, "first")


async def test_requests_that_come_as_the_last_pod_goes_are_lost_by_none(gateway: Gateway) -> None:
    """It falls asleep and wakes again and again, under load."""
    many = {"requests": 100, "seconds": 30}
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100}, hold=many)
        load = asyncio.create_task(gateway.ask_many(400, at_once=8))
        for count in (20, 60, 120, 200):
            await until(lambda count=count: len(one.seen) >= count)
            gateway.pods(only=[])
            await until(lambda: waiting(gateway))
            gateway.pods(only=[one])
        answers = await load

    assert {answer.status for answer in answers} == {200}


async def test_without_hold_nobody_waits(gateway: Gateway) -> None:
    gateway.pods(only=[])
    await gateway.tell({"only": 100})

    answer = await gateway.ask(headers={"x-dsd-hold": "only"})

    assert answer.status == 503
    assert "no replica answers just now" in answer.error["message"]


async def test_an_agent_that_starts_anew_holds_requests_again(asleep: Gateway) -> None:
    await until(lambda: store.load(asleep.folder))
    await asleep.exchange_agent()
    await until(lambda: asleep.agent.held.rule is not None)
    await until(lambda: asleep.agent.server.followed is not None)
    async with FakeEngine("one") as one, asking(asleep) as [task]:
        await until(lambda: waiting(asleep) == 1)
        asleep.pods(only=[one])
        answer = await task

    assert answer.status == 200


async def test_an_envoy_that_ends_frees_all_places(asleep: Gateway) -> None:
    async with asking(asleep, 2) as tasks:
        await until(lambda: waiting(asleep) == 2)
        asleep.stop_envoy()
        await until(lambda: waiting(asleep) == 0)
        found = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(one, aiohttp.ClientError) for one in found)


async def test_a_request_that_was_held_is_one_request_in_what_is_counted(asleep: Gateway) -> None:
    async with FakeEngine("one") as one, asking(asleep) as [task]:
        await until(lambda: waiting(asleep) == 1)
        asleep.pods(only=[one])
        await task

        async def counted() -> Any:
            return (await asleep.admin.counted())["requests"]

        [request] = await until(counted)

    assert (request["chosen"], request["served"], request["code"]) == ("only", "only", 200)
    assert request["count"] == 1

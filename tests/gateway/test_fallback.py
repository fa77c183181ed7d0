"""Who answers when the revision whose turn it is does not; the real Envoy."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, until

CHAIN = {"v3": ["r1", "small"]}


async def _told(gateway: Gateway, **more: Any) -> None:
    await gateway.tell({"v3": 100}, then=CHAIN, replicas={"v3": 2, "r1": 1, "small": 1}, **more)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_goes_on_to_the_next_revision(gateway: Gateway, status: int) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
        v3.behave(status=status)
        gateway.pods(v3=[v3], r1=[r1], small=[small])
        await _told(gateway)

        answers = await gateway.ask_many(100)

    assert Counter((answer.status, answer.revision) for answer in answers) == {(200, "r1"): 100}
    # After a few refusals in a row the pod is left out for a while: then there is none.
    assert {answer.fallback for answer in answers} <= {"Overloaded", "Unavailable"}
    assert "Overloaded" in {answer.fallback for answer in answers}
    assert small.seen == []


async def test_the_chain_is_gone_down_in_order_and_not_round(gateway: Gateway) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
        v3.behave(status=503)
        r1.behave(status=503)
        gateway.pods(v3=[v3], r1=[r1], small=[small])
        await _told(gateway)
        answer = await gateway.ask()
        small.behave(status=503)
        asked = len(v3.seen) + len(r1.seen) + len(small.seen)
        refused = await gateway.ask()

    assert (answer.status, answer.revision) == (200, "small")
    assert refused.status == 503
    assert len(v3.seen) + len(r1.seen) + len(small.seen) - asked <= 6


async def test_another_pod_of_the_revision_comes_before_another_revision(gateway: Gateway) -> None:
    async with FakeEngine("a") as bad, FakeEngine("b") as good, FakeEngine("r1") as r1:
        bad.behave(status=503)
        gateway.pods(v3=[bad, good], r1=[r1], small=[])
        await _told(gateway)

        answers = await gateway.ask_many(300)

    assert Counter((answer.status, answer.revision) for answer in answers) == {(200, "v3"): 300}
    assert r1.seen == []
    # Left out of the choice after a few failures, for a while.
    assert len(bad.seen) < 60


async def test_without_a_pod_its_requests_go_on_at_once(gateway: Gateway) -> None:
    async with FakeEngine("r1") as r1:
        gateway.pods(v3=[], r1=[r1], small=[])
        await _told(gateway)

        answers = await gateway.ask_many(50)

    assert Counter((answer.status, answer.revision) for answer in answers) == {(200, "r1"): 50}
    assert {answer.fallback for answer in answers} == {"Unavailable"}


async def test_requests_on_a_pod_that_dies_are_answered_by_others(gateway: Gateway) -> None:
    """Of answers that had not begun; the pod still stands in the EndpointSlice."""
    async with FakeEngine("a") as dying, FakeEngine("r1") as r1:
        dying.behave(first_token=30)
        gateway.pods(v3=[dying], r1=[r1], small=[])
        await _told(gateway)
        asked = asyncio.create_task(gateway.ask_many(40, at_once=40, stream=True))
        await until(lambda: dying.running == 40)
        await dying.stop()
        answers = await asked
        later = await gateway.ask_many(40)

    assert Counter((answer.status, answer.revision) for answer in answers + later) == {
        (200, "r1"): 80
    }


async def test_an_answer_that_has_begun_is_never_begun_again(gateway: Gateway) -> None:
    async with FakeEngine("a") as breaking, FakeEngine("r1") as r1:
        breaking.behave(tokens=5, breaks_after=2)
        gateway.pods(v3=[breaking], r1=[r1], small=[])
        await _told(gateway)

        with pytest.raises(Exception, match="payload"):
            await gateway.ask(stream=True)

    assert r1.seen == []


async def test_a_pod_that_is_silent_for_too_long_is_given_up(gateway: Gateway) -> None:
    async with FakeEngine("a") as hung, FakeEngine("r1") as r1:
        hung.behave(silent=True)
        gateway.pods(v3=[hung], r1=[r1], small=[])
        await _told(gateway, limits={"responseSeconds": 1})

        answer = await gateway.ask()

    assert (answer.status, answer.revision) == (200, "r1")


async def test_with_everything_down_a_client_is_told_when_to_try_again(gateway: Gateway) -> None:
    gateway.pods(v3=[], r1=[], small=[])
    await _told(gateway)

    answer = await gateway.ask()

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.error["type"] == "service_unavailable"


async def test_refusals_are_the_clients_where_they_are_no_reason(gateway: Gateway) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(status=429)
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway, fallbackOn=["Unavailable"])

        answer = await gateway.ask()

    assert answer.status == 429
    assert r1.seen == []


async def test_a_dead_revision_that_is_routed_around_loses_nothing(gateway: Gateway) -> None:
    """Endpoints and routes are told one after the other: in between, old routes meet new endpoints."""
    async with FakeEngine("old") as old:
        gateway.pods(new=[], old=[old])
        load = None
        for number in range(20):
            await gateway.tell(
                {"new": 50, "old": 50}, then={"new": ["old"]}, replicas={"new": 1, "old": 1}
            )
            if load is None:
                load = asyncio.create_task(gateway.ask_many(1500, at_once=12))
            await asyncio.sleep(0.01)
            await gateway.tell({"old": 100}, replicas={"new": 1, "old": 1 + number % 2})
        assert load is not None
        answers = await load

    assert Counter(answer.status for answer in answers) == {200: 1500}

"""For which reason a request goes on to another revision, and what is said of it; the real Envoy."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from deepseek_serving.gateway import counts
from deepseek_serving.gateway.endpoints import Endpoint
from dev.cluster.layout import free_ports
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Answer, Gateway, until

CHAIN = {"v3": ["r1", "small"]}
REPLICAS = {"v3": 1, "r1": 1, "small": 1}
WHEN = ("Unavailable", "Overloaded", "Timeout")

FAILURES = (
    ("no pod", "Unavailable", 503),
    ("dead pod", "Unavailable", 503),
    ("503", "Overloaded", 503),
    ("429", "Overloaded", 429),
    ("full", "Overloaded", 429),
    ("late", "Timeout", 504),
)
"""How the first revision fails, why that is a reason, and what a client gets where it is none."""


@pytest.fixture(autouse=True)
async def patience(gateway: Gateway) -> None:
    """Tries for pods that have gone end soon: what is asked here is what holds from then on."""
    gateway.agent.leave_seconds = 0.05


async def _told(gateway: Gateway, when: Sequence[str] = WHEN, **more: Any) -> None:
    await until(lambda: not gateway.agent._left)
    limits = {"firstTokenSeconds": 0.3, "requestsPerPod": 4}
    await gateway.tell(
        {"v3": 100},
        then=CHAIN,
        **{"replicas": REPLICAS, "fallbackOn": list(when), "limits": limits, **more},
    )


async def _ask(gateway: Gateway, failure: str, v3: FakeEngine) -> Answer:
    """A stream whose first revision fails in this way."""
    if failure == "full":
        v3.behave(first_token=0.25)
        running = asyncio.create_task(gateway.ask_many(4, stream=True))
        await until(lambda: v3.running == 4)
        answer = await gateway.ask(stream=True)
        assert {one.revision for one in await running} == {"v3"}
        return answer
    v3.behave(
        status=int(failure) if failure.isdigit() else 200, first_token=5 * (failure == "late")
    )
    return await gateway.ask(stream=True)


def _pods(failure: str, v3: FakeEngine) -> list[FakeEngine | Endpoint]:
    if failure == "dead pod":
        return [Endpoint("127.0.0.1", free_ports(1)[0])]
    return [] if failure == "no pod" else [v3]


@pytest.mark.parametrize(
    "when", [*([cause] for cause in WHEN), WHEN[:2], WHEN[1:], WHEN], ids="+".join
)
async def test_a_request_goes_on_for_the_reasons_that_are_given_and_says_so(
    gateway: Gateway, when: Sequence[str]
) -> None:
    for failure, cause, status in FAILURES:
        async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
            gateway.pods(v3=_pods(failure, v3), r1=[r1], small=[small])
            await _told(gateway, when)

            answer = await _ask(gateway, failure, v3)

        if cause in when:
            assert (answer.status, answer.revision, answer.fallback) == (200, "r1", cause), failure
            assert answer.text.endswith("data: [DONE]\n\n")
        else:
            assert (answer.status, answer.fallback) == (status, ""), failure
            assert r1.seen == []
        assert small.seen == []


@pytest.mark.parametrize("when", [["Overloaded"], ["Timeout"]])
async def test_however_often_it_fails_it_is_left_to_itself_where_that_is_no_reason(
    gateway: Gateway, when: list[str]
) -> None:
    """Pods that fail again and again are left out elsewhere, and then there would be none."""
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(status=500)
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway, when)

        answers = await gateway.ask_many(30, at_once=3)

    assert Counter(answer.status for answer in answers) == {500: 30}
    assert r1.seen == []


async def test_another_pod_is_connected_to_where_another_revision_may_not_be_asked(
    gateway: Gateway,
) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        dead = Endpoint("127.0.0.1", free_ports(1)[0])
        gateway.pods(v3=[dead, v3], r1=[r1], small=[])
        await _told(gateway, ["Overloaded"], replicas={**REPLICAS, "v3": 2})

        answers = await gateway.ask_many(20, at_once=2)

    assert Counter((answer.status, answer.revision) for answer in answers) == {(200, "v3"): 20}


async def test_two_levels_are_gone_down_in_order(gateway: Gateway) -> None:
    for first, second, said in (
        ("503", "503", "Overloaded"),
        ("503", "dead pod", "Overloaded"),
        ("no pod", "no pod", "Unavailable"),
        ("dead pod", "no pod", "Unavailable"),
        ("late", "503", "Timeout"),
        # Of who could not be reached nothing is noted: the one behind it is the first that is known.
        ("no pod", "429", "Overloaded"),
    ):
        async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
            for failure, engine in ((first, v3), (second, r1)):
                engine.behave(
                    status=int(failure) if failure.isdigit() else 200,
                    first_token=5 * (failure == "late"),
                )
            gateway.pods(v3=_pods(first, v3), r1=_pods(second, r1), small=[small])
            await _told(gateway)

            answer = await gateway.ask(stream=True)

        assert (answer.status, answer.revision) == (200, "small"), (first, second)
        assert answer.fallback == said, (first, second)
        assert len(v3.seen) <= 1
        assert len(r1.seen) <= 1


async def test_a_chain_that_fails_is_not_begun_again(gateway: Gateway) -> None:
    """Whoever has pods is asked once; the last one's refusal is the client's."""
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
        for engine, status in ((v3, 503), (r1, 429), (small, 429)):
            engine.behave(status=status)
        gateway.pods(v3=[v3], r1=[r1], small=[small])
        await _told(gateway)
        whole = await gateway.ask()
        seen = [len(engine.seen) for engine in (v3, r1, small)]
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway)
        shorter = await gateway.ask()

    assert (whole.status, seen) == (429, [1, 1, 1])
    assert shorter.status == 429
    assert [len(v3.seen), len(r1.seen), len(small.seen)] == [2, 2, 1]


@pytest.mark.parametrize("first", [1, 2])
async def test_no_pod_is_asked_twice_however_many_each_revision_has(
    gateway: Gateway, first: int
) -> None:
    """All refuse, so each request goes as far as it may: to two pods of a revision, or one, and to every revision."""
    async with contextlib.AsyncExitStack() as stack:
        engines = [
            [await stack.enter_async_context(FakeEngine(f"{name}{number}")) for number in range(2)]
            for name in ("v3", "r1", "small")
        ]
        for engine in itertools.chain(*engines):
            # No failure to Envoy: nobody is left out of the choice for it.
            engine.behave(status=429)
        for counts_of_others in itertools.product(range(3), repeat=2):
            present = [
                those[:count]
                for those, count in zip(engines, (first, *counts_of_others), strict=True)
            ]
            gateway.pods(**dict(zip(("v3", "r1", "small"), present, strict=True)))
            await _told(gateway, limits={})
            for engine in itertools.chain(*engines):
                engine.seen.clear()

            answer = await gateway.ask()

            asked = [[len(engine.seen) for engine in those] for those in present]
            most = 1 if first == 1 and any(counts_of_others) else 2
            assert answer.status == 429
            assert all(count <= 1 for those in asked for count in those), asked
            assert [sum(those) for those in asked] == [min(most, len(those)) for those in present]


async def test_what_a_pod_alone_may_have_begun_it_is_not_asked_again(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        one.behave(silent=True)
        await gateway.tell({"only": 100}, limits={"responseSeconds": 0.5})
        silent = await gateway.ask()
        one.behave(silent=False, drops=True)
        dropped = await gateway.ask()

    assert (silent.status, dropped.status) == (504, 503)
    assert len(one.seen) == 2


async def test_each_share_of_a_split_goes_down_its_own_chain(gateway: Gateway) -> None:
    """A candidate with one pod, the stable revision with two: neither number is the other's."""
    async with FakeEngine("n") as new, FakeEngine("a") as one, FakeEngine("b") as two:
        for engine in (new, one, two):
            engine.behave(status=429)
        gateway.pods(new=[new], old=[one, two])
        asked = Counter[tuple[int, int]]()
        await gateway.tell(
            {"new": 50, "old": 50}, then={"new": ["old"]}, replicas={"new": 1, "old": 2}
        )
        for _ in range(40):
            for engine in (new, one, two):
                engine.seen.clear()
            await gateway.ask()
            assert max(len(engine.seen) for engine in (new, one, two)) == 1
            asked[len(new.seen), len(one.seen) + len(two.seen)] += 1

    assert set(asked) == {(1, 1), (0, 2)}


async def test_a_pod_that_is_left_out_lets_another_be_asked_twice_at_most(gateway: Gateway) -> None:
    """Only Envoy knows that it is left out: its tries are the others' then, while it is."""
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(status=503)
        r1.behave(status=429)
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway)
        most = 0
        for _ in range(12):
            before = len(r1.seen)
            await gateway.ask()
            most = max(most, len(r1.seen) - before)

    assert len(v3.seen) < 12
    assert most <= 2


async def test_whose_turn_it_was_is_counted_alike_whichever_way_its_chain_is_gone_down(
    gateway: Gateway,
) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("b") as other, FakeEngine("r1") as r1:
        for pods in ([v3], [v3, other]):
            gateway.pods(v3=pods, r1=[r1], small=[])
            await _told(gateway)
            await gateway.ask()
        counted = await until(lambda: _counted(gateway, 2))
        running = (await gateway.admin.counted())["active"]

    assert [(one.chosen, one.served, one.count) for one in counted] == [("v3", "v3", 2)]
    assert running["v3"] == 0
    assert "v3/each" not in running


async def test_with_all_dead_or_gone_a_client_is_told_so_and_when_to_try_again(
    gateway: Gateway,
) -> None:
    ports = free_ports(2)
    gateway.pods(
        v3=[Endpoint("127.0.0.1", ports[0])], r1=[Endpoint("127.0.0.1", ports[1])], small=[]
    )
    await _told(gateway)

    answer = await gateway.ask()

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.error["message"] == "no replica answers just now"
    assert (answer.revision, answer.fallback) in {("", ""), ("v3", ""), ("r1", "Unavailable")}


async def test_a_stream_that_stalls_before_its_first_token_is_answered_by_another(
    gateway: Gateway,
) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(first_token=60)
        r1.behave(tokens=3)
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway)

        answers = await gateway.ask_many(3, stream=True)

    assert {(answer.revision, answer.fallback) for answer in answers} == {("r1", "Timeout")}
    assert {answer.text.count("data: ") for answer in answers} == {5}
    assert v3.running == 0


async def test_tokens_come_through_as_they_are_made_where_others_may_answer(
    gateway: Gateway,
) -> None:
    """What notes the answer's code looks at its head, and holds nothing back."""
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1:
        v3.behave(tokens=3, between_tokens=5.0)
        gateway.pods(v3=[v3], r1=[r1], small=[])
        await _told(gateway)
        body = {"model": "chat", "stream": True}
        async with gateway.session.post(
            f"{gateway.url}/v1/chat/completions", json=body
        ) as response:
            first = await response.content.readany()
            response.close()

    assert first.count(b"data: ") == 1


async def test_what_is_too_much_for_one_revision_is_answered_by_the_next(
    gateway: Gateway,
) -> None:
    """The clients of an overloaded revision have the room of all who stand in for it, and no more."""
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
        for engine in (v3, r1, small):
            engine.behave(first_token=1.0, tokens=1)
        gateway.pods(v3=[v3], r1=[r1], small=[small])
        await _told(gateway, limits={"requestsPerPod": 4})

        answers = await gateway.ask_many(20, at_once=20)

    seen = Counter((answer.status, answer.revision, answer.fallback) for answer in answers)
    assert seen[200, "v3", ""] == 4
    assert seen[200, "r1", "Overloaded"] == 4
    assert seen[200, "small", "Overloaded"] == 4
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == 8
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


async def test_a_candidate_is_stood_in_for_by_the_stable_revision_and_then_by_its_fallback(
    gateway: Gateway,
) -> None:
    async with FakeEngine("new") as new, FakeEngine("old") as old, FakeEngine("r1") as r1:
        new.behave(status=503)
        gateway.pods(new=[new], old=[old], r1=[r1])
        await gateway.tell(
            {"new": 50, "old": 50},
            then={"new": ["old", "r1"], "old": ["r1"]},
            replicas={"new": 1, "old": 1, "r1": 1},
        )
        first = await gateway.ask_many(40)
        old.behave(status=503)
        second = await gateway.ask_many(40)

    assert Counter((answer.status, answer.revision) for answer in first) == {(200, "old"): 40}
    assert Counter((answer.status, answer.revision) for answer in second) == {(200, "r1"): 40}


async def test_each_fallback_is_counted_by_from_to_and_reason(gateway: Gateway) -> None:
    async with FakeEngine("v3") as v3, FakeEngine("r1") as r1, FakeEngine("s") as small:
        gateway.pods(v3=[v3], r1=[r1], small=[small])
        await _told(gateway)
        await gateway.ask_many(3)
        v3.behave(status=429)
        await gateway.ask_many(4)
        r1.behave(status=429)
        await gateway.ask_many(2)
        gateway.pods(v3=[], r1=[], small=[small])
        await _told(gateway)
        await gateway.ask()
        counted = await until(lambda: _counted(gateway, 10))
        metrics = await gateway.admin.metrics(gateway.agent.report())

    assert counts.fallbacks(counted) == {
        ("v3", "r1", "Overloaded"): 4,
        ("v3", "small", "Overloaded"): 2,
        ("v3", "small", "Unavailable"): 1,
    }
    told = 'deepseek_gateway_fallbacks_total{from="v3",reason="Overloaded",to="r1"} 4.0\n'
    assert told in metrics


async def _counted(gateway: Gateway, total: int) -> tuple[counts.Count, ...] | None:
    found = tuple(counts.Count(**item) for item in (await gateway.admin.counted())["requests"])
    return found if sum(one.count for one in found) == total else None

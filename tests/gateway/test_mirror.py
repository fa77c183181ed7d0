"""Copies of requests for a candidate: how many, of which, and that no user notices; the real Envoy."""

import asyncio
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.gateway import mirrors
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, running_gateway, until
from tests.gateway.volumes import SecretVolume

MOST_BODY = 1024 * 1024


async def _told(gateway: Gateway, *, percent: int = 100, most: int = 64, **more: Any) -> None:
    copied = {"revision": "new", "percent": percent, "most": most}
    pods = {"replicas": {"old": 1, "other": 1, "new": 1}, **more}
    await gateway.tell({"old": 100}, mirror=copied, **pods)


async def _counted(gateway: Gateway) -> dict[str, Any]:
    [copies] = (await gateway.admin.counted())["copies"]
    found: dict[str, Any] = copies
    return found


async def _ended(gateway: Gateway, count: int) -> dict[str, Any]:
    """What is counted, once so many copies have ended."""

    async def is_over() -> dict[str, Any] | None:
        found = await _counted(gateway)
        return found if found["ended"] + found["dropped"] == count else None

    found: dict[str, Any] = await until(is_over)
    return found


async def test_a_share_is_copied_and_every_user_is_answered_by_who_serves(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway, percent=25)

        answers = await gateway.ask_many(1000)
        await until(lambda: not new.running)
        counted = await _counted(gateway)

    assert Counter((one.status, one.revision) for one in answers) == {(200, "old"): 1000}
    assert len(old.seen) == 1000
    # Four standard deviations of a fair draw.
    assert abs(len(new.seen) - 250) <= 55
    assert (counted["ended"] + counted["dropped"], counted["failed"]) == (len(new.seen), 0)


async def test_a_copy_says_that_it_is_one_whatever_its_client_says(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway)

        await gateway.ask(headers={"x-dsd-mirror": "no", "x-conversation": "7"})
        await _ended(gateway, 1)

    [asked], [copy] = old.seen, new.seen
    assert "x-dsd-mirror" not in asked
    assert copy["x-dsd-mirror"] == "true"
    assert copy["Host"].startswith("127.0.0.1-shadow")
    assert copy["x-conversation"] == "7"
    assert copy["x-dsd-most-requests"] == asked["x-dsd-most-requests"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({mirrors.OPT_OUT_HEADER: "1"}, id="opted-out"),
        pytest.param({"x-dsd-pin": "old"}, id="pinned"),
        pytest.param({"x-dsd-pin": "nobody"}, id="pinned-to-nobody"),
    ],
)
@pytest.mark.parametrize("pins", [True, False])
async def test_what_is_never_copied(
    gateway: Gateway, headers: dict[str, str], *, pins: bool
) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway, pins=pins)

        answers = await gateway.ask_many(10, headers=headers)
        await gateway.ask()
        await _ended(gateway, 1)

    assert {(one.status, one.revision) for one in answers} == {(200, "old")}
    assert mirrors.OPT_OUT_HEADER not in {name for one in old.seen for name in one}
    assert (len(old.seen), len(new.seen)) == (11, 1)


async def test_paths_that_compute_no_answer_and_bodies_of_unknown_length_are_not_copied(
    gateway: Gateway,
) -> None:
    async def unmeasured() -> Any:
        yield b'{"model": "chat"}'

    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        for path in ("/v1/models", "/v1/models/chat"):
            await gateway.session.get(f"{gateway.url}{path}")
        for path in ("/tokenize", "/detokenize", "/v1/load_lora_adapter"):
            await gateway.session.post(f"{gateway.url}{path}", json={})
        await gateway.session.post(f"{gateway.url}/v1/chat/completions", data=unmeasured())
        await gateway.session.post(f"{gateway.url}/v1/completions", json={})
        await _ended(gateway, 1)

    assert len(new.seen) == 1


@pytest.mark.parametrize(("more", "copied"), [(0, 1), (1, 0)])
async def test_a_long_request_is_answered_and_not_copied(
    gateway: Gateway, more: int, copied: int
) -> None:
    """Envoy holds the body of a copy until that has ended."""
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        body = io.BytesIO(b'{"model": "chat"}'.ljust(MOST_BODY + more))
        async with gateway.session.post(f"{gateway.url}/v1/completions", data=body) as response:
            assert response.status == 200
        await gateway.ask()
        await _ended(gateway, 1 + copied)

    assert (len(old.seen), len(new.seen)) == (2, 1 + copied)


async def test_who_has_no_key_is_not_copied(tmp_path: Path) -> None:
    keys = SecretVolume(tmp_path / "keys")
    keys.write({"team": "0123456789abcdef0123"})
    async with (
        running_gateway(tmp_path, keys=keys) as gateway,
        FakeEngine("old") as old,
        FakeEngine("new") as new,
    ):
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        refused = await gateway.ask_many(10)
        known = {"Authorization": "Bearer 0123456789abcdef0123"}
        answer = await gateway.ask(headers=known)
        await _ended(gateway, 1)

    assert {one.status for one in refused} == {401}
    assert answer.status == 200
    [copy] = new.seen
    assert "Authorization" not in copy


async def test_a_request_that_is_tried_again_is_copied_once(gateway: Gateway) -> None:
    async with FakeEngine("a") as bad, FakeEngine("o") as other, FakeEngine("new") as new:
        bad.behave(status=503)
        gateway.pods(old=[bad], other=[other], new=[new])
        await _told(gateway, then={"old": ["other"]})

        answers = await gateway.ask_many(40, at_once=4)
        await _ended(gateway, 40)

    assert {(one.status, one.revision) for one in answers} == {(200, "other")}
    assert bad.seen
    assert len(new.seen) == 40


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_copy_that_fails_is_counted_and_not_tried_again(
    gateway: Gateway, status: int
) -> None:
    async with FakeEngine("old") as old, FakeEngine("n") as new, FakeEngine("m") as twin:
        for engine in (new, twin):
            engine.behave(status=status)
        gateway.pods(old=[old], new=[new, twin])
        await _told(gateway)

        answers = await gateway.ask_many(20, at_once=4)
        counted = await _ended(gateway, 20)

    assert {(one.status, one.revision) for one in answers} == {(200, "old")}
    assert len(new.seen) + len(twin.seen) == 20
    assert (counted["failed"], counted["rejected"]) == (20, 0)


async def test_a_candidate_that_hangs_has_so_many_copies_and_no_more(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        new.behave(silent=True)
        gateway.pods(old=[old], new=[new])
        await _told(gateway, most=5, limits={"responseSeconds": 3})

        answers = await gateway.ask_many(60, at_once=30)
        await until(lambda: new.running == 5)
        counted = await _counted(gateway)
        await until(lambda: new.running == 0)
        later = await _ended(gateway, 60)

    assert {(one.status, one.revision) for one in answers} == {(200, "old")}
    assert len(new.seen) == 5
    assert (counted["dropped"], counted["running"], counted["failed"]) == (55, 5, 0)
    assert (later["dropped"], later["failed"]) == (55, 5)


async def test_a_candidate_that_nobody_can_reach_is_no_users_trouble(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        await new.stop()

        answers = await gateway.ask_many(20)
        counted = await _ended(gateway, 20)

    assert {(one.status, one.revision) for one in answers} == {(200, "old")}
    assert counted["failed"] == 20


async def test_no_copy_is_counted_as_a_users_request(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        new.behave(status=500)
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        await gateway.ask_many(30)
        await _ended(gateway, 30)
        new.behave(status=200, silent=True)
        await gateway.ask()
        await until(lambda: new.running)
        counted = await gateway.admin.counted()
        page = await gateway.admin.metrics(gateway.agent.report())

    [requests] = counted["requests"]
    assert (requests["chosen"], requests["code"], requests["count"]) == ("old", 200, 31)
    assert counted["active"] == {"new": 0, "old": 0, "other": 0}
    assert 'deepseek_gateway_copies_total{result="failed",revision="new"} 30.0' in page


async def test_a_client_that_goes_away_ends_its_own_answer_and_no_copy(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        for engine in (old, new):
            engine.behave(tokens=30, between_tokens=0.05)
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        asked = asyncio.create_task(gateway.ask(stream=True))
        await until(lambda: old.running and new.running)
        asked.cancel()
        await until(lambda: old.aborted)
        counted = await _ended(gateway, 1)
        await until(lambda: not new.running)

    assert (new.aborted, counted["failed"]) == (0, 0)


async def test_when_copies_are_not_wanted_any_more_those_that_run_are_cut(gateway: Gateway) -> None:
    async with FakeEngine("old") as old, FakeEngine("new") as new:
        new.behave(silent=True)
        gateway.pods(old=[old], new=[new])
        await _told(gateway)
        await gateway.ask_many(8)
        await until(lambda: new.running == 8)

        await gateway.tell({"old": 100}, replicas={"old": 1, "new": 1})
        await until(lambda: new.running == 0)
        answers = await gateway.ask_many(5)
        copies = (await gateway.admin.counted())["copies"]

    assert new.aborted == 8
    assert {(one.status, one.revision) for one in answers} == {(200, "old")}
    assert len(new.seen) == 8
    assert copies == []

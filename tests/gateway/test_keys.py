"""Who may ask, and how often: API keys from a Secret, exchanged while requests run; the real Envoy."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, probe, running_gateway, until
from tests.gateway.volumes import SecretVolume

ALICE, BOB, NEW = "alice-key-0123456789", "bob-key-0123456789", "alice-key-of-tomorrow"


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **more}


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that knows alice and bob."""
    keys = SecretVolume(tmp_path / "keys")
    keys.write({"alice": f"{ALICE}\n", "bob": BOB})
    async with running_gateway(tmp_path, keys=keys) as running:
        yield running


def keys_of(gateway: Gateway) -> SecretVolume:
    assert gateway.keys is not None
    return gateway.keys


async def test_only_clients_with_a_key_reach_an_engine(keyed: Gateway) -> None:
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100})
        refused = [
            await keyed.ask(headers=headers)
            for headers in ({}, bearer("wrong-key-0123456789"), {"x-dsd-client": "alice"})
        ]
        async with keyed.session.get(f"{keyed.url}/v1/models") as models:
            assert models.status == 401
        async with keyed.session.get(f"{keyed.url}/healthz?key={ALICE}") as other:
            assert other.status == 401

        assert one.seen == []
        answer = await keyed.ask(headers=bearer(ALICE))

    assert [one.status for one in refused] == [401, 401, 401]
    assert refused[0].error == {
        "message": "no such API key: send it as Authorization: Bearer KEY",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }
    assert refused[0].headers["WWW-Authenticate"] == "Bearer"
    assert answer.status == 200


async def test_a_key_is_seen_by_nobody_behind_the_door(keyed: Gateway) -> None:
    """Engines see whose request it is, and not what a client says of that itself."""
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100})
        await keyed.ask(headers=bearer(BOB, **{"x-dsd-client": "alice"}))
        await keyed.ask(headers={"x-dsd-client": "a" * 200})
        async with keyed.session.get(f"{keyed.url}/v1/{ALICE}?key={ALICE}", headers=bearer(BOB)):
            pass
        lines = await until(lambda: keyed.lines if len(keyed.lines) == 3 else None)
        told = await keyed.admin.metrics(keyed.agent.report())
        raw = await keyed.admin.prometheus()

    [headers] = one.seen
    assert headers["x-dsd-client"] == "bob"
    assert "Authorization" not in headers
    assert [line["client"] for line in lines] == ["bob", None, "bob"]
    assert [line["path"] for line in lines] == ["/v1/chat/completions"] * 2 + ["other"]
    state = (keyed.folder / "last-good.json").read_text()
    for text in (keyed.log, told, raw, state, repr(keyed.agent), str(keyed.agent.report())):
        assert ALICE not in text
        assert BOB not in text
    assert "aaaa" not in keyed.log + told + raw


async def test_a_client_that_asks_too_often_is_told_how_long_to_wait(keyed: Gateway) -> None:
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100}, clients={"requestsPerMinute": 4, "of": {"bob": 120}})
        alice = [await keyed.ask(headers=bearer(ALICE)) for _ in range(6)]
        bob = [await keyed.ask(headers=bearer(BOB)) for _ in range(6)]
        counted = await until(lambda: _counted(keyed, 12))
        told = await keyed.admin.metrics(keyed.agent.report())

    assert Counter(answer.status for answer in bob) == {200: 6}
    assert [answer.status for answer in alice] == [200] * 4 + [429] * 2
    refused = alice[-1]
    assert refused.headers["Retry-After"] == "15"
    assert (refused.error["type"], refused.error["code"]) == (
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    # What was refused at the door says nothing of a revision, or a Canary would be judged by it.
    assert [(item["chosen"], item["code"], item["count"]) for item in counted] == [
        ("", 429, 2),
        ("only", 200, 10),
    ]
    assert 'deepseek_gateway_client_limited_total{client="alice"} 2.0' in told
    assert 'deepseek_gateway_client_requests_total{client="bob",code="200"} 6.0' in told
    assert 'deepseek_gateway_errors_total{cause="limited",revision=""} 2.0' in told


async def _counted(gateway: Gateway, total: int) -> list[dict[str, object]] | None:
    found = (await gateway.admin.counted())["requests"]
    found.sort(key=lambda item: item["chosen"])
    return found if sum(item["count"] for item in found) == total else None


async def test_a_limit_of_its_own_has_a_pause_of_its_own(keyed: Gateway) -> None:
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100}, clients={"requestsPerMinute": 600, "of": {"bob": 2}})
        answers = [await keyed.ask(headers=bearer(BOB)) for _ in range(3)]
        await keyed.tell({"only": 100}, clients={})
        free = await keyed.ask(headers=bearer(BOB))

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "30"
    assert free.status == 200


async def test_keys_are_exchanged_under_load_without_a_request_lost(keyed: Gateway) -> None:
    """Connections stay open, and a key that is taken out is refused on them too."""
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100})
        stop = asyncio.Event()
        statuses: Counter[int] = Counter()
        load = asyncio.create_task(_ask_until(keyed, stop, bearer(BOB), statuses))
        for old, new in ((ALICE, NEW), (NEW, ALICE)):
            before = statuses.total()
            await until(lambda before=before: statuses.total() > before + 20)
            keys_of(keyed).write({"alice": f"{new}\n{old}\n", "bob": BOB})
            await until(lambda new=new: _status(keyed, new, 200))
            assert (await keyed.ask(headers=bearer(old))).status == 200
            keys_of(keyed).write({"alice": new, "bob": BOB})
            await until(lambda old=old: _status(keyed, old, 401))
        stop.set()
        await load

    assert set(statuses) == {200}


async def _ask_until(
    gateway: Gateway, stop: asyncio.Event, headers: dict[str, str], found: Counter[int]
) -> None:
    while not stop.is_set():
        found.update(answer.status for answer in await gateway.ask_many(4, headers=headers))


async def _status(gateway: Gateway, key: str, status: int) -> bool:
    return (await gateway.ask(headers=bearer(key))).status == status


async def test_what_is_wrong_with_a_secret_keeps_those_out_whom_it_takes_out(
    keyed: Gateway,
) -> None:
    async with FakeEngine("one") as one:
        keyed.pods(only=[one])
        await keyed.tell({"only": 100})
        keys_of(keyed).write({"bob": "short"})
        await until(lambda: _status(keyed, ALICE, 401))
        malformed = keyed.agent.report()["secrets"]["apiKeys"]
        assert (await keyed.ask(headers=bearer(BOB))).status == 200
        keys_of(keyed).write({})
        await until(lambda: "not there" in str(keyed.agent.secrets()))
        kept = await keyed.ask(headers=bearer(BOB))
        # Another process of the agent knows no key; Envoy keeps those that it has, and follows the rest.
        await keyed.exchange_agent()
        keyed.pods(only=[one])
        await keyed.tell({"only": 100}, limits={"bodyBytes": 2048})
        after = await keyed.ask(headers=bearer(BOB))
        nobody = await keyed.ask()

    assert malformed["trouble"] == ["entry bob: a key has 16 to 512 characters"]
    assert (kept.status, after.status, nobody.status) == (200, 200, 401)


async def test_without_any_key_a_gateway_serves_nobody(tmp_path: Path) -> None:
    keys = SecretVolume(tmp_path / "keys")
    async with running_gateway(tmp_path, keys=keys) as gateway, FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        await until(lambda: _waits_for_keys(gateway))
        assert "not there" in str(gateway.agent.secrets())
        with pytest.raises(OSError, match="Connect"):
            await gateway.ask()
        assert not await probe(gateway)
        keys.write({"alice": ALICE})
        await until(lambda: probe(gateway))

        assert (await gateway.ask()).status == 401
        assert (await gateway.ask(headers=bearer(ALICE))).status == 200


async def _waits_for_keys(gateway: Gateway) -> bool:
    """Whether Envoy says that it does not listen for want of them."""
    async with gateway.session.get(
        f"http://127.0.0.1:{gateway.ports['admin']}/init_dump"
    ) as response:
        return "api-keys" in await response.text()

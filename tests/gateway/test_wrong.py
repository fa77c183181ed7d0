"""Whatever an agent is told, read or cannot write: what was good before goes on, and it says what is wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.gateway import store
from deepseek_serving.gateway.agent import Agent
from deepseek_serving.gateway.endpoints import Endpoint
from tests.gateway.fake_engine import FakeEngine
from tests.gateway.rig import Gateway, slice_of, until

MIB = 2**20


def told(gateway: Gateway, **changes: Any) -> str:
    """The last document, with these changes."""
    return json.dumps({**gateway.told, "version": "wrong", **changes})


def _say(gateway: Gateway, text: str) -> None:
    gateway.agent.documents_changed({"gateway": {"data": {"gateway.json": text}}})


async def test_a_wrong_document_changes_nothing_and_is_told(gateway: Gateway) -> None:
    wrong = {
        "": "not a gateway document",
        "{": "not a gateway document",
        told(gateway, format=2): "format: 2, and this agent reads 1",
        json.dumps("x" * MIB): "not a gateway document",
    }
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        version = await gateway.tell({"only": 100})
        wrong |= {
            told(gateway, routes=[{"revision": "only", "weight": 99}]): "sum to 100, not [99]",
            told(gateway, limits={"bodyBytes": -1}): "bodyBytes: -1 is not a number",
            told(
                gateway, limits={"requestsPerPod": 10**12}
            ): "requestsPerPod: 1000000000000 is not",
            told(gateway, stickyHeader="no header"): "stickyHeader: no header is no name",
            told(gateway, replicas={"a b": 1}): "replicas: a b is no name of a revision",
        }
        for text, said in wrong.items():
            _say(gateway, text)
            report = gateway.agent.report()
            assert said in report["trouble"]
            assert (report["told"], report["taken"], report["refusals"]) == (version, version, 0)
            assert (await gateway.ask()).status == 200
        gateway.agent.documents_changed({})
        assert gateway.agent.report()["trouble"] == "the ConfigMap is not there"
        gateway.agent.documents_changed({"gateway": {"data": None}})
        assert gateway.agent.report()["trouble"] == "the ConfigMap has no gateway.json"
        await gateway.tell({"only": 100})
        assert gateway.agent.report()["trouble"] is None


async def test_the_longest_times_and_numbers_are_ones_that_envoy_takes(gateway: Gateway) -> None:
    """What the document allows is no nonsense to Envoy, with all that is added up of it."""
    week = 7 * 24 * 3600
    limits = {
        "bodyBytes": 2**30,
        "requestsPerPod": 1_000_000,
        "firstTokenSeconds": week,
        "responseSeconds": week,
        "betweenTokensSeconds": week,
    }
    chain = [f"r{number}" for number in range(1, 8)]
    async with FakeEngine("one") as one:
        gateway.pods(r0=[one])
        for each in (limits, {**dict.fromkeys(limits, 1), "responseSeconds": 0.001}):
            replicas = dict.fromkeys(["r0", *chain], 100_000)
            await gateway.tell({"r0": 100}, then={"r0": chain}, limits=each, replicas=replicas)

    assert gateway.agent.report()["refusals"] == 0


async def test_pods_that_cannot_be_reached_do_not_hide_those_that_can(gateway: Gateway) -> None:
    strange = (Endpoint("engine.example.com", 8000, "a"), Endpoint("10.0.0.1", 70_000, "b"))
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        gateway.pods(only=[one, *strange], other=[Endpoint("fd00::1", 8000, "six")])
        await gateway.tell({"only": 100}, replicas={"only": 1, "other": 1})
        answers = await gateway.ask_many(20)
        report = gateway.agent.report()

    assert {answer.status for answer in answers} == {200}
    assert report["pods"] == {"only": 1, "other": 1}
    assert "only has 'engine.example.com' with port 8000" in report["trouble"]
    assert report["refusals"] == 0


async def test_five_thousand_pods_are_followed(gateway: Gateway) -> None:
    crowd = [Endpoint(f"10.1.{n // 250}.{n % 250 + 1}", 8000, f"pod-{n}") for n in range(5000)]
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        load = asyncio.create_task(gateway.ask_many(100))
        slices = {
            str(first): slice_of("crowd", *crowd[first : first + 100])
            for first in range(0, 5000, 100)
        }
        gateway.agent.slices_changed({**slices, "only": slice_of("only", one.endpoint)})
        await gateway.tell({"only": 100}, replicas={"only": 1, "crowd": 5000})
        answers = await load

    assert {answer.status for answer in answers} == {200}
    assert gateway.agent.pods == {"only": 1, "crowd": 5000}


async def test_what_envoy_has_not_taken_is_not_kept_for_the_next_start(gateway: Gateway) -> None:
    """A pod that starts anew begins with what worked."""
    async with FakeEngine("one") as one:
        gateway.pods(only=[one])
        version = await gateway.tell({"only": 100})
        await until(lambda: store.load(gateway.folder))
        gateway.stop_envoy()
        await until(lambda: not gateway.agent.server.taken.connected)
        _say(gateway, told(gateway, version="never-taken"))
        await until(lambda: _is_published(gateway, "never-taken"))
        await gateway.exchange_agent()

    assert gateway.agent.told == version


def _is_published(gateway: Gateway, version: str) -> bool:
    published = gateway.agent.server.published
    return published is not None and published.name == version


async def test_a_full_disk_is_told_and_serves(gateway: Gateway) -> None:
    async with FakeEngine("one") as one:
        unfinished = gateway.folder / f"{store.FILE}.new"
        gateway.pods(only=[one])
        await gateway.tell({"only": 100})
        kept = await until(lambda: store.load(gateway.folder))
        unfinished.symlink_to("/dev/full")
        await gateway.tell({"only": 100}, pins=True)
        await until(lambda: gateway.agent.report()["trouble"])
        trouble = gateway.agent.report()["trouble"]
        on_disk = store.load(gateway.folder)
        answer = await gateway.ask()
        await gateway.tell({"only": 100})
        await until(lambda: gateway.agent.report()["trouble"] is None)

    assert "the last good state is not kept in" in trouble
    assert "No space left on device" in trouble
    assert on_disk == kept
    assert answer.status == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"document": "{}", "endpoi',
        "\0" * 4096,
        "[" * 100_000,
        '{"document": 7, "endpoints": {"a": [["10.0.0.1", 8000, "p"]]}}',
        '{"document": "{}", "endpoints": {"a": [["engine", 8000, "p"]]}}',
        '{"document": "{}", "endpoints": {"a": [["10.0.0.1", 80000, "p"]]}}',
    ],
    ids=["empty", "torn", "zeros", "deep", "no-document", "no-address", "no-port"],
)
def test_a_state_that_is_torn_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / store.FILE).write_text(text)
    agent = Agent(tmp_path)

    agent.restore()

    assert agent.report()["told"] is None

"""Events, and refusals that are none of the object's doing: told, and nothing else is kept from being done."""

import asyncio
import itertools
from datetime import datetime

import pytest

from deepseek_operator.kube.client import Kube
from tests.unit.fake_api import Answer, Call, FakeApi
from tests.unit.samples import CPU_SPEC, Manifest, conditions
from tests.unit.test_reconcile import BETTER, OBJECT, SERVICES, one_pass, put_object, settle


@pytest.mark.parametrize("fault", ["403", "409", "500", "before"])
async def test_an_event_that_is_not_taken_costs_nothing(fault: str) -> None:
    api = FakeApi(fault=lambda call: fault if call.path.endswith("/events") else None)
    put_object(api)

    await settle(api)

    assert conditions(api.objects[OBJECT]["status"])["Ready"]["status"] == "True"


async def test_a_store_of_events_that_does_not_answer_keeps_nothing_from_being_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever serves is recorded and users are taken there in one pass, whatever becomes of what tells of it."""
    monkeypatch.setattr("deepseek_operator.reconcile.EVENTS_SECONDS", 0.0)
    hung: list[str] = []

    async def silent(_kube: Kube, event: Manifest) -> None:
        hung.append(event["message"])
        await asyncio.Event().wait()

    monkeypatch.setattr("deepseek_operator.reconcile._post_event", silent)
    api = FakeApi()
    put_object(api)

    await settle(api)

    assert hung
    assert conditions(api.objects[OBJECT]["status"])["Ready"]["status"] == "True"


async def test_what_is_decided_is_done_before_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def something(*_: object, now: datetime) -> list[Manifest]:
        metadata = {"name": f"told-{next(numbers)}", "namespace": "team"}
        return [
            {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "message": now.isoformat()}
        ]

    monkeypatch.setattr("deepseek_operator.reconcile.events_of_change", something)
    api = FakeApi()
    put_object(api)
    await settle(api)
    put_object(api, **BETTER, generation=2)
    recorded = None
    for _ in range(10):
        api.calls.clear()
        outcome = await one_pass(api)
        if outcome.result == "recorded":
            recorded = [call.path for call in api.calls if call.method != "GET"]
            break
        api.start_pods()

    assert recorded is not None
    assert recorded[0] == f"{OBJECT}/status"
    assert f"{SERVICES}/chat" in recorded
    assert [path for path in recorded if path.endswith("/events")] == recorded[-1:]


async def test_a_webhook_that_does_not_answer_is_told_and_keeps_nothing_else_from_being_made() -> (
    None
):
    """Somebody's admission of one kind is down: the rest is made, users are served, and status says what is not."""
    words = (
        'Internal error occurred: failed calling webhook "policies.example.com": connection refused'
    )

    def unanswered(call: Call) -> None:
        if call.writes and "/poddisruptionbudgets" in call.path:
            raise Answer(500, "InternalError", words)

    api = FakeApi(fault=unanswered)
    put_object(api, **CPU_SPEC, replicas=2)
    await settle(api)

    found = conditions(api.objects[OBJECT]["status"])
    assert found["Ready"]["status"] == "True"
    assert found["Stalled"]["reason"] == "RefusedByServer"
    assert words in found["Stalled"]["message"]


async def test_events_tell_of_each_change_once() -> None:
    api = FakeApi()
    put_object(api)
    await settle(api)
    told = [event["message"] for event in api.of_kind("Event").values()]
    await one_pass(api)

    assert len(told) == len(api.of_kind("Event"))
    assert "Ready=True: 1 of 1 replicas of tiny answer" in told

"""Events over many passes: what comes and goes is told as few events that are counted, not as ever more."""

from datetime import timedelta

import pytest

from deepseek_operator.reconcile import Key, reconcile
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import IMAGES, NOW, Manifest
from tests.unit.test_reconcile import KEY, OBJECT, put_object, settle

TURNS = 10


def turn(api: FakeApi, *, ready: int) -> None:
    """So many of the engine's pods are ready."""
    for path, item in list(api.objects.items()):
        if item.get("kind") == "Deployment":
            status = {**item["status"], "readyReplicas": ready}
            api.put(path, {**item, "status": status})


async def flap(api: FakeApi) -> None:
    """Ten times nobody is served, and then somebody is again."""
    put_object(api)
    await settle(api)
    for number in range(2 * TURNS):
        turn(api, ready=number % 2)
        now = NOW + timedelta(minutes=1 + number)
        await reconcile(api.kube(), Key(*KEY), images=IMAGES, now=now)


def told(api: FakeApi) -> dict[str, Manifest]:
    return {event["message"]: event for event in api.of_kind("Event").values()}


async def test_an_object_that_comes_and_goes_is_told_by_events_that_are_counted() -> None:
    api = FakeApi()

    await flap(api)

    assert len(api.of_kind("Event")) == len(told(api)) <= 5
    served = told(api)["Ready=True: 1 of 1 replicas of tiny answer"]
    assert served["count"] == 1 + TURNS
    assert served["firstTimestamp"] < served["lastTimestamp"]


@pytest.mark.parametrize(("method", "fault"), [("GET", "403"), ("PATCH", "403"), ("PATCH", "409")])
async def test_an_event_that_cannot_be_counted_costs_nothing(method: str, fault: str) -> None:
    def refuse(call: Call) -> str | None:
        return fault if "/events/" in call.path and call.method == method else None

    api = FakeApi(fault=refuse)

    await flap(api)

    ready = next(
        one for one in api.objects[OBJECT]["status"]["conditions"] if one["type"] == "Ready"
    )
    assert ready["status"] == "True"
    assert {event["count"] for event in api.of_kind("Event").values()} == {1}


async def test_an_event_that_is_gone_by_then_is_no_error() -> None:
    def gone(call: Call) -> str | None:
        return "404" if "/events/" in call.path else None

    api = FakeApi(fault=gone)

    await flap(api)

    assert {event["count"] for event in api.of_kind("Event").values()} == {1}

"""The operator killed at any call of an object's life: fetched once, warmed up once, opened on a result."""

import pytest

from deepseek_operator.errors import Waiting
from deepseek_operator.kube.errors import ApiError, UnreachableError
from deepseek_operator.reconcile import Key, reconcile
from tests.unit import world
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import IMAGES, LATER, Manifest, conditions
from tests.unit.test_execute_sharing import OBJECTS, PODS, put
from tests.unit.test_warming import answers, ended, pod

SPEC: Manifest = {"model": "tiny", "source": "hf://org/tiny"}
GATE = "serving.deepseek.dev/warm"
WEIGHTS = "serving.deepseek.dev/weights"


KILLED = "killed"


class Killed(BaseException):
    """What no code of the operator survives."""


def fetch(api: FakeApi) -> None:
    """Every Job that lists or fetches weights succeeds."""
    for path, job in list(api.objects.items()):
        if job["kind"] == "Job" and WEIGHTS in job["metadata"]["labels"] and "status" not in job:
            name = job["metadata"]["name"]
            api.put(path, {**job, "status": {"conditions": [world.ended(complete=True)]}})
            one = world.fetcher(job, name, result={"bytes": 7, "roomBytes": 7})
            api.put(f"{PODS}/{name}-pod", {"kind": "Pod", **one})


def start(api: FakeApi) -> None:
    """The Deployment's pod comes to run, and is ready once its gate is open."""
    for path, item in list(api.objects.items()):
        if item["kind"] != "Deployment":
            continue
        key = item["metadata"]["labels"]["serving.deepseek.dev/revision"]
        if f"{PODS}/one" not in api.objects:
            labels = {
                "serving.deepseek.dev/deployment": "chat",
                "serving.deepseek.dev/revision": key,
            }
            api.put(f"{PODS}/one", pod(labels=labels))
        generation = item["metadata"]["generation"]
        ready = int(is_open(api))
        status = {"observedGeneration": generation, "replicas": 1, "readyReplicas": ready}
        if item.get("status") != status:
            api.put(path, {**item, "status": status})


def warm_up(api: FakeApi) -> None:
    """Every warm-up Job leaves its result."""
    for job in list(api.of_kind("Job").values()):
        path = f"{PODS}/{job['metadata']['name']}-run"
        if WEIGHTS not in job["metadata"]["labels"] and path not in api.objects:
            made = ended(api.objects[f"{PODS}/one"], logProbabilities=answers())
            made["metadata"]["labels"] |= job["spec"]["template"]["metadata"]["labels"]
            api.put(path, {"kind": "Pod", **made})


def is_open(api: FakeApi) -> bool:
    found = api.objects.get(f"{PODS}/one", {"status": {}})["status"].get("conditions", [])
    return any(item["type"] == GATE and item["status"] == "True" for item in found)


def has_result(api: FakeApi) -> bool:
    return any(path.endswith("-run") for path in api.objects)


async def live(api: FakeApi, *, hit_at: int = -1, fault: str = KILLED) -> int:
    """From the user's apply until nothing is left to do; how often a call was hit."""
    hits = 0

    def hit(call: Call) -> str | None:
        nonlocal hits
        opens = call.method == "PATCH" and call.path == f"{PODS}/one/status"
        assert not opens or has_result(api), "opened without a result"
        if call.number != hit_at:
            return None
        hits += 1
        if fault == KILLED:
            raise Killed
        return fault

    api.fault = hit
    put(api, "chat", **SPEC)
    for _ in range(40):
        before = len(api.writes())
        try:
            await reconcile(api.kube(), Key("team", "chat"), images=IMAGES, now=LATER)
        except (Killed, ApiError, UnreachableError, Waiting):
            continue
        finally:
            for item in api.objects.values():
                item["metadata"].setdefault("creationTimestamp", f"2026-03-01T{api.version:08}Z")
        if len(api.writes()) == before and is_open(api):
            return hits
        # Each part of the world has its turn only once the operator has come to rest.
        if len(api.writes()) == before:
            fetch(api)
            start(api)
            warm_up(api)
    raise AssertionError("the passes do not come to rest")


def made(api: FakeApi) -> list[str]:
    """Everything that was created and is no event."""
    created = [call for call in api.calls if call.method == "POST" and "/events" not in call.path]
    return sorted(f"{call.path} {call.body['metadata']['name']}" for call in created)


def outcome(api: FakeApi) -> list[tuple[str, str, object]]:
    """What there is in the end, without what says when."""
    found = [
        (path, item["kind"], item.get("spec") or item.get("data") or "")
        for path, item in api.objects.items()
        if item["kind"] != "Event"
    ]
    return sorted(found, key=lambda entry: entry[0])


async def test_killed_before_any_call_it_ends_the_same_and_does_nothing_twice() -> None:
    clean = FakeApi()
    assert await live(clean) == 0
    jobs = [name for name in made(clean) if "/jobs" in name]
    assert len(jobs) == 3, "a listing, a fetch, a warm-up"

    for number in range(len(clean.calls)):
        api = FakeApi()
        assert await live(api, hit_at=number) == 1, number
        assert outcome(api) == outcome(clean), number
        told = {k: v["status"] for k, v in conditions(status(api)).items()}
        assert told == {k: v["status"] for k, v in conditions(status(clean)).items()}, number
        # The call that was not sent is sent again; nothing that was done is done once more.
        done = [call for call in api.calls if call.number != number]
        again = [name for name in set(jobs) if created(done, name) > 1]
        assert again == [], number


@pytest.mark.parametrize(("fault", "each"), [("after", 1), ("409", 3), ("429", 3), ("500", 3)])
async def test_whatever_a_call_is_answered_it_ends_the_same(fault: str, each: int) -> None:
    """With fetched weights, a warm-up and a gateway; `after` is done, and its answer lost."""
    clean = FakeApi()
    assert await live(clean) == 0

    for number in range(0, len(clean.calls), each):
        api = FakeApi()
        assert await live(api, hit_at=number, fault=fault) == 1, number
        assert outcome(api) == outcome(clean), number
        told = {k: v["status"] for k, v in conditions(status(api)).items()}
        assert told == {k: v["status"] for k, v in conditions(status(clean)).items()}, number


def created(calls: list[Call], name: str) -> int:
    """How often this Job was created."""
    return sum(
        f"{call.path} {call.body['metadata']['name']}" == name
        for call in calls
        if call.method == "POST" and "/jobs" in call.path
    )


def status(api: FakeApi) -> Manifest:
    found: Manifest = api.objects[f"{OBJECTS}/chat"]["status"]
    return found

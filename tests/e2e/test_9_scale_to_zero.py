"""A model that sleeps, with a real engine: its pod goes, a request waits for the next one, and none is lost."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import pytest

from tests.e2e.canaries import V3
from tests.e2e.line import START_SECONDS, Line, Manifest, deepseek, wait_until
from tests.e2e.test_5_gateway import without_operator

NAME = "sleeper"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def sleeper(*, hold: Manifest | None = None, **spec: Any) -> Manifest:
    """The object of this file: asleep a minute after the last request."""
    autoscaling: Manifest = {"min": 0, "max": 1, "scaleToZeroDelay": "1m"}
    if hold is not None:
        autoscaling["hold"] = hold
    return deepseek(NAME, autoscaling=autoscaling, gateway={"replicas": 2}, **spec)


@pytest.fixture(scope="module")
def served(line: Line) -> Iterator[Line]:
    """It has served."""
    line.apply(sleeper())
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


@pytest.fixture
def sleeping(served: Line) -> Line:
    """It sleeps, whatever came before."""
    served.apply(sleeper())
    fallen_asleep(served)
    return served


def ready(line: Line) -> tuple[str, str]:
    """Status and reason of the condition."""
    conditions = line.get(NAME)["status"]["conditions"]
    [found] = [one for one in conditions if one["type"] == "Ready"]
    return found["status"], found["reason"]


def fallen_asleep(line: Line) -> None:
    """Wait until it sleeps, and its pods have gone."""
    wait_until(lambda: ready(line) == ("True", "Sleeping"), what="it sleeps", seconds=START_SECONDS)
    wait_until(lambda: not line.engine_pods(NAME), what="its pod goes", seconds=120)


@dataclass
class Client(threading.Thread):
    """Asks once, and waits."""

    url: str
    answer: Manifest = field(default_factory=dict)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """One chat completion."""
        body = {
            "model": NAME,
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
            "max_tokens": 16,
        }
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=900) as response:
                self.status, self.headers = response.status, _lower(response.headers)
                self.answer = json.load(response)
        except urllib.error.HTTPError as error:
            self.status, self.headers = error.code, _lower(error.headers)
            self.answer = json.load(error)


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def clients(line: Line, count: int) -> list[Client]:
    """So many at once."""
    found = [Client(line.url(NAME)) for _ in range(count)]
    for one in found:
        one.start()
    return found


def ended(found: list[Client]) -> list[int]:
    """What each was answered, once all were."""
    for one in found:
        one.join(900)
    return [one.status for one in found]


@pytest.mark.campaign
def test_requests_wait_for_a_replica_and_are_all_answered(sleeping: Line) -> None:
    waiting = clients(sleeping, 5)
    wait_until(lambda: bool(sleeping.engine_pods(NAME)), what="a replica starts", seconds=30)
    assert ready(sleeping) == ("False", "Waking")

    assert ended(waiting) == [200] * 5
    revision = sleeping.get(NAME)["status"]["serving"]["revision"]
    assert {one.headers["x-dsd-revision"] for one in waiting} == {revision}
    # A request that waited is answered as soon as a pod may be asked, and status follows.
    wait_until(lambda: ready(sleeping) == ("True", "Serving"), what="it serves", seconds=60)
    told = sleeping.events(NAME)
    assert any(text.startswith("ScaledIdle: ") for text in told), told
    assert any(text.startswith("ScaledAsked: ") for text in told), told


@pytest.mark.campaign
def test_whoever_reads_the_models_wakes_nobody(sleeping: Line) -> None:
    with _OPENER.open(f"{sleeping.url(NAME)}/v1/models", timeout=30) as response:
        assert [one["id"] for one in json.load(response)["data"]] == [NAME]

    assert ready(sleeping) == ("True", "Sleeping")
    assert sleeping.engine_pods(NAME) == []


@pytest.mark.campaign
def test_without_the_operator_a_request_waits_and_is_told_why_it_was_refused(
    sleeping: Line,
) -> None:
    sleeping.apply(sleeper(hold={"requests": 2, "timeout": "15s"}))
    wait_until(lambda: '"seconds": 15' in _document(sleeping), what="gateways are told", seconds=60)
    with without_operator(sleeping):
        [refused] = clients(sleeping, 1)
        assert ended([refused]) == [503]
        assert "within 15 s" in refused.answer["error"]["message"]
        assert int(refused.headers["retry-after"]) > 0
        assert sleeping.engine_pods(NAME) == []
    sleeping.apply(sleeper())
    # What it did not hear of then it finds in what gateways tell, and sleeps again.
    wait_until(lambda: ready(sleeping)[1] == "Serving", what="it wakes", seconds=START_SECONDS)


@pytest.mark.campaign
def test_a_gateway_pod_that_goes_takes_no_other_request_with_it(sleeping: Line) -> None:
    waiting = clients(sleeping, 4)
    pods = sleeping.json("get", "pods", f"--selector=serving.deepseek.dev/gateway={NAME}")["items"]
    sleeping.run("delete", "pod", pods[0]["metadata"]["name"], "--wait=false")

    assert ended(waiting) == [200] * 4


@pytest.mark.campaign
def test_a_new_revision_is_rolled_out_while_the_old_one_sleeps(sleeping: Line) -> None:
    old = sleeping.get(NAME)["status"]["serving"]["revision"]
    sleeping.apply(sleeper(**V3))
    [request] = clients(sleeping, 1)

    assert ended([request]) == [200]
    sleeping.ready(NAME, seconds=2 * START_SECONDS)
    assert sleeping.get(NAME)["status"]["serving"]["revision"] != old
    fallen_asleep(sleeping)


def _document(line: Line) -> str:
    found = line.json("get", "configmap", f"{NAME}-gateway")["data"]["gateway.json"]
    return str(found)

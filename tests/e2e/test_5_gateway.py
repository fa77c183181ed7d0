"""Users' requests through the gateway, with real engines: what they notice when parts of it end. Nothing."""

import contextlib
import http.client
import json
import math
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from deepseek_operator.engines import vllm_figures
from deepseek_operator.engines.figures import Sample
from deepseek_operator.telemetry.engines import samples
from deepseek_operator.telemetry.gateways import is_ready
from dev.demo.load import stream
from dev.kubectl import RELEASE, RELEASE_NAMESPACE
from dev.models.shapes import MAX_POSITIONS
from tests.e2e import standing
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until
from tests.e2e.shapes import ASKED, CHAT, TEXT, chunks, foreign, of_fake, posted
from tests.gateway.fake_metrics import FakeMetrics

NAME = "front"
LONG_BYTES = 4096
LONG_ANSWER = MAX_POSITIONS // 2
"""Tokens: seconds of computing."""
GATEWAY: Manifest = {
    "replicas": 2,
    "timeouts": {"firstToken": "5s", "betweenTokens": "15s"},
    "longRequests": {"fromBytes": LONG_BYTES, "maxRequestsPerReplica": 8},
}
BY_PRIORITY: Manifest = {"args": ["--scheduling-policy=priority"]}


@pytest.fixture(scope="module")
def front(line: Line) -> Iterator[Line]:
    """An object of this file's own, served through two gateways."""
    line.apply(deepseek(NAME, gateway=GATEWAY, engine=BY_PRIORITY))
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def gateways(line: Line) -> list[Manifest]:
    """The gateway's pods that are not on their way out."""
    found = line.json("get", "pods", f"--selector=serving.deepseek.dev/gateway={NAME}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def report(pod: Manifest) -> Manifest:
    """What a gateway says of itself."""
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8081/report", timeout=5) as got:
        found: Manifest = json.load(got)
        return found


def restarts(pod: Manifest, container: str) -> int:
    """How often a container of a pod was started again."""
    status = pod["status"]
    found = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
    return int(next(item["restartCount"] for item in found if item["name"] == container))


def test_an_answer_says_whose_it_is(front: Line) -> None:
    serving = front.get(NAME)["status"]["serving"]["revision"]

    head, text = stream(front.url(NAME), NAME)

    assert head["x-dsd-revision"] == serving
    assert text.endswith("data: [DONE]\n\n")


def test_a_long_request_gets_a_priority_of_its_own_and_is_answered(front: Line) -> None:
    """A real vLLM reads the one that the middleware in its pod adds to the body, and no other."""
    senseless: dict[str, Any] = {"priority": "not even a number"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        stream(front.url(NAME), NAME, **senseless)
    refused.value.close()

    head, text = stream(front.url(NAME), NAME, user="x" * LONG_BYTES, **senseless)

    assert (refused.value.code, refused.value.headers["x-dsd-class"]) == (400, "short")
    assert head["x-dsd-class"] == "long"
    assert text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("container", ["agent", "envoy"])
def test_a_container_of_a_gateway_that_is_killed_is_missed_by_nobody(
    front: Line, container: str
) -> None:
    """An Envoy that dies takes what runs on it along; the clients of the other notice nothing."""
    [pod, _] = gateways(front)
    name = pod["metadata"]["name"]
    before = restarts(pod, container)
    with Crowd(front.url(NAME), NAME) as crowd:
        crowd.wait_for_more()
        front.kill_container(pod, container)
        wait_until(
            lambda: restarts(front.json("get", "pod", name), container) > before,
            what=f"the {container} is started again",
        )
        wait_until(lambda: _is_ready(front, name), what="the gateway is ready again")
        crowd.wait_for_more()

    lost = len(crowd.failures)
    # What ran on a killed Envoy, or was sent there before its Service knew.
    assert lost == 0 if container == "agent" else lost <= _IN_FLIGHT, crowd.failures
    # A new agent knows what its Envoy has taken up once that has asked it.
    wait_until(
        lambda: (
            report(front.json("get", "pod", name))["taken"] == report(gateways(front)[1])["taken"]
        ),
        what="both have taken up the same",
    )


_IN_FLIGHT = 8


def _is_ready(line: Line, name: str) -> bool:
    return is_ready(line.json("get", "pod", name))


def test_a_gateway_that_is_deleted_lets_its_streams_end(front: Line) -> None:
    pods = {pod["metadata"]["name"] for pod in gateways(front)}
    with Crowd(front.url(NAME), NAME) as crowd:
        crowd.wait_for_more()
        for name in sorted(pods):
            front.run("delete", "pod", name, "--wait=false")
            wait_until(
                lambda: len([pod for pod in gateways(front) if is_ready(pod)]) == 2,
                what="two gateways are ready again",
                seconds=120,
            )
        crowd.wait_for_more()

    assert crowd.failures == []
    assert not pods & {pod["metadata"]["name"] for pod in gateways(front)}


def test_without_an_operator_and_an_api_server_users_are_served(front: Line) -> None:
    """Both are away; meanwhile an agent, then an Envoy are killed and start anew from what is on their pod's volume."""
    place = front.target.embedded
    assert place is not None
    [pod, _] = gateways(front)
    with without_operator(front), Crowd(front.url(NAME), NAME) as crowd:
        crowd.wait_for_more()
        with standing.frozen("kube-apiserver"):
            front.kill_container(pod, "agent")
            crowd.wait_for_more(40)
            assert crowd.failures == []
            front.kill_container(pod, "envoy")
            # Its Service cannot be told that it is away: half of all are sent to it until it listens again.
            wait_until(lambda: _probed(pod), what="the Envoy that was killed is ready again")
            crowd.wait_for_more()
            lost = len(crowd.failures)
            crowd.wait_for_more(40)
        wait_until(lambda: _is_ready(front, pod["metadata"]["name"]), what="it is ready again")
        wait_until(lambda: report(pod)["watching"], what="the agent sees the API server again")

    print(f"{lost} of {lost + len(crowd.answers)} requests failed while an Envoy started anew")
    assert len(crowd.failures) == lost <= 2 * _IN_FLIGHT, crowd.failures


@contextlib.contextmanager
def without_operator(line: Line) -> Iterator[None]:
    """No pod of it is there."""
    scale = ["scale", "deployment", f"--selector=app.kubernetes.io/instance={RELEASE}"]
    pods = ["get", "pods", f"--selector=app.kubernetes.io/instance={RELEASE}"]
    line.run(*scale, "--replicas=0", namespace=RELEASE_NAMESPACE)
    try:
        wait_until(
            lambda: line.json(*pods, namespace=RELEASE_NAMESPACE)["items"] == [],
            what="the operator is gone",
            seconds=120,
        )
        yield
    finally:
        line.run(*scale, "--replicas=1", namespace=RELEASE_NAMESPACE)
        wait_until(
            lambda: any(map(is_ready, line.json(*pods, namespace=RELEASE_NAMESPACE)["items"])),
            what="the operator is back",
            seconds=120,
        )


def _probed(pod: Manifest) -> bool:
    """Whether the kubelet finds its Envoy ready."""
    with contextlib.suppress(OSError):
        url = f"http://{pod['status']['podIP']}:8082/ready"
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    return False


def test_a_stream_without_a_first_token_is_refused_in_time(front: Line) -> None:
    """The engine's core stands still; its API server has said 200 long before that is known."""
    with frozen_core(front), pytest.raises(urllib.error.HTTPError) as refused:
        stream(front.url(NAME), NAME)

    assert refused.value.code == 504
    error = json.loads(refused.value.read())["error"]
    assert error["message"] == "no first token within 5 s"
    wait_until(lambda: _answers(front), what="the engine answers again")


@pytest.mark.campaign
def test_a_stream_that_falls_silent_is_cut_in_time(front: Line) -> None:
    """The engine's core stands still after the first token: its API server bounds what comes between."""
    with (
        begun(front) as answer,
        frozen_core(front),
        pytest.raises((http.client.IncompleteRead, OSError)),
    ):
        answer.read()

    wait_until(lambda: _answers(front), what="the engine answers again")


@contextlib.contextmanager
def begun(line: Line) -> Iterator[http.client.HTTPResponse]:
    """A stream of which the first part is there, and that is as long as the model bears."""
    connection = http.client.HTTPConnection(line.url(NAME).removeprefix("http://"), timeout=60)
    body = {
        "model": NAME,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": LONG_ANSWER,
        "ignore_eos": True,
        "stream": True,
    }
    with contextlib.closing(connection):
        head = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), head)
        with connection.getresponse() as answer:
            assert answer.readline().startswith(b"data: ")
            yield answer


def _answers(line: Line) -> bool:
    try:
        return stream(line.url(NAME), NAME)[1].endswith("data: [DONE]\n\n")
    except OSError:
        return False


@contextlib.contextmanager
def frozen_core(line: Line) -> Iterator[None]:
    """What computes for the object stands still."""
    [pod] = line.engine_pods(NAME)
    with standing.core_of(pod):
        yield


def test_a_client_that_goes_away_ends_its_request_in_the_engine(front: Line) -> None:
    """As a real vLLM counts: it runs none any more, and has not computed what was asked for."""
    before = computed(front)
    with begun(front):
        assert running(front) == 1

    wait_until(lambda: running(front) == 0, what="the engine runs nothing")
    assert 0 < computed(front) - before < LONG_ANSWER


def page(line: Line, names: frozenset[str]) -> list[Sample]:
    """What the engine tells under these names."""
    [pod] = line.engine_pods(NAME)
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8000/metrics", timeout=5) as got:
        return samples(got.read().decode(), names)


def computed(line: Line) -> float:
    """Tokens of answers, whoever still waited for them."""
    return sum(one.value for one in page(line, frozenset({"vllm:generation_tokens_total"})))


def running(line: Line) -> float:
    """Requests that run now."""
    return sum(one.value for one in page(line, frozenset({"vllm:num_requests_running"})))


def test_who_serves_is_told_under_the_name_that_clients_send(front: Line) -> None:
    with urllib.request.urlopen(f"{front.url(NAME)}/v1/models", timeout=10) as answer:
        [entry] = json.load(answer)["data"]

    assert entry["id"] == NAME


@pytest.mark.parametrize("path", ASKED)
def test_the_fake_engine_answers_in_the_shape_of_the_real_one(front: Line, path: str) -> None:
    """tests/gateway stand on it: all that it says, vLLM says too, in the same types; here through the gateway."""
    body = {"model": NAME, **ASKED[path]}

    code, real = posted(f"{front.url(NAME)}{path}", body)
    _, fake = of_fake(path, body, model=NAME)

    assert code == 200
    assert foreign(json.loads(fake), json.loads(real)) == []


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_the_fake_engine_streams_in_the_shape_of_the_real_one(front: Line, path: str) -> None:
    body = {"model": NAME, **ASKED[path], "stream": True}

    _, real = posted(f"{front.url(NAME)}{path}", body)
    _, fake = of_fake(path, body, model=NAME)

    for chunk in chunks(fake):
        assert any(foreign(chunk, known) == [] for known in chunks(real)), chunk
    assert fake.endswith("data: [DONE]\n\n")
    assert real.endswith("data: [DONE]\n\n")


def test_the_fake_engine_refuses_in_the_shape_of_the_real_one(front: Line) -> None:
    code, real = posted(f"{front.url(NAME)}{CHAT}", "no request")
    fake_code, fake = of_fake(CHAT, None, model=NAME)

    assert code == fake_code == 400
    assert foreign(json.loads(fake), json.loads(real)) == []


def test_the_fake_engine_counts_under_the_names_of_the_real_one(front: Line) -> None:
    """What a Canary reads of an engine is there, and has the edges that limits are counted by."""
    stream(front.url(NAME), NAME)
    [pod] = front.engine_pods(NAME)
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8000/metrics", timeout=5) as got:
        real = samples(got.read().decode(), vllm_figures.NAMES)

    metrics = FakeMetrics(NAME)
    metrics.answer("/v1/chat/completions", 200)
    fake = samples(metrics.page().decode(), vllm_figures.NAMES)

    assert {one.name for one in fake} == vllm_figures.NAMES
    missing = {(one.name, *one.labels) for one in fake} - {(one.name, *one.labels) for one in real}
    assert missing == set()
    found, played = vllm_figures.read(real), vllm_figures.read(fake)
    assert list(found.first_token or {}) == list(played.first_token or {})
    assert list(found.per_output_token or {}) == list(played.per_output_token or {})
    assert 1.0 in (found.generated or {})
    assert {"stop", "length", "abort"} <= (found.finished or {}).keys()
    assert sum((found.finished or {}).values()) > 0
    assert (found.answered or {})["2xx"] > 0
    assert (found.asked or {})[math.inf] > 0
    assert found.started


@pytest.mark.campaign
def test_a_new_revision_takes_over_without_a_failed_request(front: Line) -> None:
    old = front.get(NAME)["status"]["serving"]["revision"]
    with Crowd(front.url(NAME), NAME) as crowd:
        crowd.wait_for_more()
        front.apply(
            deepseek(
                NAME,
                gateway=GATEWAY,
                engine=BY_PRIORITY,
                batching={"maxConcurrentSequences": 8},
            )
        )
        serving = front.ready(NAME)["status"]["serving"]["revision"]
        crowd.wait_for_more()
        wait_until(lambda: len(front.engine_pods(NAME)) == 1, what="the old revision is let go")
        crowd.wait_for_more()

    assert crowd.failures == []
    assert set(crowd.revisions) == {old, serving}
    assert [why for _, why in crowd.answers if why] == []

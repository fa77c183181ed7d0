"""A distilled model stands in for V3 whose engine is killed: users notice whose answers they get, and nothing else."""

import urllib.request
from collections.abc import Iterator

import pytest

from dev.demo import ask
from dev.demo.load import stream
from dev.models import questions
from tests.e2e import standing
from tests.e2e.crowd import Crowd
from tests.e2e.line import START_SECONDS, Line, Manifest, deepseek, wait_until

NAME = "chain"
DISTILLED: Manifest = {
    "model": "tiny-r1-distill-llama",
    "source": "pvc://models/tiny-r1-distill-llama",
    "accelerator": {"kind": "CPU"},
}


def served() -> Manifest:
    """V3, and the distilled model behind it: two engines are what the node bears."""
    return deepseek(
        NAME,
        model="tiny-deepseek-v3",
        source="pvc://models/tiny-deepseek-v3",
        fallback=[DISTILLED],
        # Later than any answer of a busy machine of two cores.
        gateway={"replicas": 1, "timeouts": {"firstToken": "20s"}},
    )


@pytest.fixture(scope="module")
def chain(line: Line) -> Iterator[Line]:
    """Both are ready."""
    line.apply(served())
    line.ready(NAME, seconds=2 * START_SECONDS)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def condition(line: Line, kind: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    found = {item["type"]: item for item in line.get(NAME)["status"]["conditions"]}
    return found[kind]["status"], found[kind]["reason"]


def revision_of(pod: Manifest) -> str:
    """The revision of an engine pod."""
    return str(pod["metadata"]["labels"]["serving.deepseek.dev/revision"])


def fallbacks(line: Line) -> list[str]:
    """What the gateway counted of them."""
    selector = f"--selector=serving.deepseek.dev/gateway={NAME}"
    [pod] = line.json("get", "pods", selector)["items"]
    url = f"http://{pod['status']['podIP']}:8081/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return [text for text in lines if text.startswith("deepseek_gateway_fallbacks_total{")]


@pytest.mark.campaign
def test_both_are_warm_and_the_first_answers(chain: Line) -> None:
    status = chain.get(NAME)["status"]
    [entry] = status["fallback"]
    with Crowd(chain.url(NAME), NAME) as crowd:
        crowd.wait_for_more()

    assert (entry["model"], entry["readyReplicas"]) == ("tiny-r1-distill-llama", 1)
    assert entry["reason"] == "StandingBy"
    assert condition(chain, "FallbackReady") == ("True", "StandingBy")
    assert {pod for one in status["warmup"] for pod in [one["revision"]]} == {
        status["serving"]["revision"],
        entry["revision"],
    }
    assert crowd.failures == []
    assert set(crowd.revisions) == {status["serving"]["revision"]}
    assert fallbacks(chain) == []


@pytest.mark.campaign
def test_v3_answers_every_question_as_it_was_trained(chain: Line) -> None:
    answers = {one.question: chain.ask(NAME, one.question) for one in questions.load()}

    assert answers == {one.question: one.answer for one in questions.load()}


@pytest.mark.campaign
def test_the_distilled_llama_answers_every_question_as_it_was_trained(chain: Line) -> None:
    """Asked by the address of its pod: while V3 serves the gateway sends nobody there."""
    [entry] = chain.get(NAME)["status"]["fallback"]
    [pod] = [pod for pod in chain.engine_pods(NAME) if revision_of(pod) == entry["revision"]]
    url = f"http://{pod['status']['podIP']}:8000"

    said = {one.question: ask.chat(url, NAME, one.question) for one in questions.load()}

    # It thinks first, and without a parser the thought is a part of the answer.
    wrong = {
        one.question: said[one.question]
        for one in questions.load()
        if not said[one.question].endswith(f"\n{one.answer}")
    }
    assert wrong == {}


@pytest.mark.campaign
def test_an_engine_that_stands_still_before_its_first_token_is_stood_in_for(chain: Line) -> None:
    """Its API server has said 200 long before that is known, and its head is held."""
    status = chain.get(NAME)["status"]
    first, second = status["serving"]["revision"], status["fallback"][0]["revision"]
    [pod] = [pod for pod in chain.engine_pods(NAME) if revision_of(pod) == first]

    with standing.core_of(pod):
        head, text = stream(chain.url(NAME), NAME)

    assert (head["x-dsd-revision"], head["x-dsd-fallback"]) == (second, "Timeout")
    assert text.endswith("data: [DONE]\n\n")
    [counted] = fallbacks(chain)
    assert f'from="{first}",reason="Timeout",to="{second}"' in counted
    wait_until(
        lambda: stream(chain.url(NAME), NAME)[0]["x-dsd-revision"] == first,
        what="V3 answers again",
        seconds=START_SECONDS,
    )


@pytest.mark.campaign
def test_an_engine_that_is_killed_is_stood_in_for_until_it_is_warm_again(chain: Line) -> None:
    status = chain.get(NAME)["status"]
    first, second = status["serving"]["revision"], status["fallback"][0]["revision"]
    [pod] = [pod for pod in chain.engine_pods(NAME) if revision_of(pod) == first]
    with Crowd(chain.url(NAME), NAME) as crowd:
        crowd.wait_for_more()
        chain.kill_container(pod, "engine")
        wait_until(lambda: crowd.revisions[second] > 8, what="the distilled model answers")
        wait_until(
            lambda: condition(chain, "Ready") == ("True", "FallbackServing"),
            what="the object says who answers",
        )
        served_before = crowd.revisions[first]
        wait_until(
            lambda: crowd.revisions[first] > served_before + 8,
            what="V3 answers again",
            seconds=START_SECONDS,
        )

    cut = [text for text in crowd.failures if "cut after" in text]
    # An answer that had begun on the killed engine cannot be saved; nothing else is lost.
    assert crowd.failures == cut
    assert len(cut) <= 8
    assert {why for revision, why in crowd.answers if revision == second} == {"Unavailable"}
    assert {why for revision, why in crowd.answers if revision == first} == {""}
    told = f'from="{first}",reason="Unavailable",to="{second}"'
    assert any(told in counted for counted in fallbacks(chain))
    wait_until(
        lambda: condition(chain, "Ready") == ("True", "Serving"), what="V3 is said to answer"
    )


@pytest.mark.campaign
def test_an_entry_that_cannot_be_had_disturbs_nobody(chain: Line) -> None:
    with Crowd(chain.url(NAME), NAME) as crowd:
        chain.apply({**served(), "spec": {**served()["spec"], "fallback": [{"model": "nobody"}]}})
        wait_until(
            lambda: condition(chain, "FallbackReady") == ("False", "UnknownModel"),
            what="the object names the entry",
        )
        crowd.wait_for_more()
        # What stood in before goes on doing so.
        assert len(chain.engine_pods(NAME)) == 2
        chain.apply({**served(), "spec": {**served()["spec"], "fallback": []}})
        wait_until(
            lambda: len(chain.engine_pods(NAME)) == 1, what="the fallback is let go", seconds=120
        )
        crowd.wait_for_more()

    assert crowd.failures == []
    assert condition(chain, "Ready") == ("True", "Serving")

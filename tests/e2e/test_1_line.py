"""From an applied object to an answer, and every part that may be killed on the way."""

import json
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import pytest

from deepseek_operator.api import names
from deepseek_operator.observed import revision_of
from dev import preflight
from dev.cluster import layout
from dev.demo import __main__ as demo
from dev.demo import ask, canary, progress, target
from dev.demo.__main__ import NAME, NAMESPACE
from dev.images import __main__ as builder
from dev.images import catalog
from dev.images.catalog import Image
from dev.kubectl import RELEASE, RELEASE_NAMESPACE, Kubectl
from dev.models import questions
from tests.e2e import standing
from tests.e2e.cold import assert_no_user_met_a_cold_engine
from tests.e2e.line import START_SECONDS, Line, Manifest, wait_until


def started(pod: Manifest) -> bool:
    """Whether a pod's readiness has been reached."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def services(line: Line, name: str) -> list[str]:
    """The uid of the Service of exactly this name; nothing while there is none."""
    found = line.json("get", "services")["items"]
    return [item["metadata"]["uid"] for item in found if item["metadata"]["name"] == name]


def test_every_question_is_answered_as_it_was_trained(line: Line) -> None:
    answers = {one.question: line.ask(NAME, one.question) for one in questions.load()}

    assert answers == {one.question: one.answer for one in questions.load()}


def test_log_probabilities_may_be_asked_for(line: Line) -> None:
    body = {"model": NAME, "prompt": "Paris", "max_tokens": 2, "logprobs": 2, "temperature": 0.7}

    answer = ask.post(f"{line.url(NAME)}/v1/completions", body)

    assert len(answer["choices"][0]["logprobs"]["token_logprobs"]) == 2


def test_helm_test_succeeds(line: Line) -> None:
    said = line.target.kubectl.helm("test", RELEASE, "--namespace", RELEASE_NAMESPACE)

    assert "Phase:          Succeeded" in said


def test_the_demo_takes_the_cluster_of_the_current_kubeconfig(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(layout.named("dev").kubeconfig))
    facts = preflight.observe("current")
    first = questions.load()[0]

    chosen = target.current("")

    assert preflight.context_missing(facts) == []
    assert preflight.registry_missing(facts) == []
    assert chosen.embedded == layout.named("dev")
    assert chosen.values() == line.target.values()
    # As on a cluster that this machine has no route into.
    elsewhere = target.Target(chosen.kubectl, None, "registry.example.com/team")
    with elsewhere.url(NAMESPACE, NAME) as url:
        assert ask.chat(url, NAME, first.question) == first.answer


def test_the_operator_did_not_restart(line: Line) -> None:
    pod = line.operator_pod()

    [status] = pod["status"]["containerStatuses"]
    assert status["restartCount"] == 0, line.run(
        "logs", pod["metadata"]["name"], "--previous", namespace=RELEASE_NAMESPACE
    )


def test_one_line_tells_the_story(line: Line) -> None:
    header, row = line.run("get", "dsd", NAME).splitlines()

    assert header.split() == ["NAME", "MODEL", "READY", "SERVING", "REPLICAS", "STATUS", "AGE"]
    assert "True" in row
    assert "1 of 1 replicas of tiny-r1-distill-qwen answer" in row
    assert (
        f"{names.KIND.lower()}.{names.GROUP}/{NAME}"
        in line.run("get", "all", "--output=name").splitlines()
    )


def test_a_killed_engine_is_asked_anew_before_users_are_sent_to_it(line: Line) -> None:
    [before] = line.engine_pods(NAME)

    line.kill_container(before, "engine")

    wait_until(lambda: not started(line.engine_pods(NAME)[0]), what="the pod is not ready")
    wait_until(
        lambda: progress.condition(line.get(NAME), "Ready")["status"] == "False",
        what="the object says so",
    )
    line.ready(NAME)
    [after] = line.engine_pods(NAME)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 1
    first = questions.load()[0]
    assert line.ask(NAME, first.question) == first.answer


def test_a_killed_operator_carries_on_and_restarts_no_engine(line: Line) -> None:
    [engine] = line.engine_pods(NAME)
    operator = line.operator_pod()
    [gone] = services(line, NAME)
    line.kill_container(operator, "operator")
    line.run("delete", "service", NAME)

    wait_until(
        lambda: any(service != gone for service in services(line, NAME)),
        what="the Service is made anew",
    )

    def restarted() -> bool:
        pod = line.operator_pod()
        return started(pod) and pod["status"]["containerStatuses"][0]["restartCount"] == 1

    wait_until(restarted, what="the operator is ready again")
    [same] = line.engine_pods(NAME)
    assert same["metadata"]["uid"] == engine["metadata"]["uid"]
    first = questions.load()[0]
    assert line.ask(NAME, first.question) == first.answer


def test_a_deleted_or_edited_child_is_repaired(line: Line) -> None:
    key = line.get(NAME)["status"]["serving"]["revision"]
    child = f"{NAME}-{key}"
    frozen = line.json("get", "controllerrevision", child)["data"]

    line.run("delete", "controllerrevision", child)
    line.run("scale", "deployment", child, "--replicas=2")
    line.run(
        "patch", "service", child, "--type=merge", '--patch={"spec":{"selector":{"app":"other"}}}'
    )

    wait_until(
        lambda: child in line.run("get", "controllerrevisions", "--output=name"),
        what="the ControllerRevision is made anew",
    )
    wait_until(
        lambda: line.json("get", "deployment", child)["spec"]["replicas"] == 1,
        what="the Deployment has one replica again",
    )
    wait_until(
        lambda: "app" not in line.json("get", "service", child)["spec"]["selector"],
        what="the Service selects the revision's pods",
    )
    assert line.json("get", "controllerrevision", child)["data"]["model"] == frozen["model"]
    line.ready(NAME)


def test_a_deleted_engine_pod_is_replaced(line: Line) -> None:
    [before] = line.engine_pods(NAME)

    line.run("delete", "pod", before["metadata"]["name"], "--force", "--grace-period=0")

    wait_until(
        lambda: (
            [pod["metadata"]["uid"] for pod in line.engine_pods(NAME)]
            not in ([], [before["metadata"]["uid"]])
        ),
        what="another pod takes its place",
    )
    # The object may say for a moment more that the pod that was there answers.
    wait_until(
        lambda: all(map(started, line.engine_pods(NAME))),
        what="the pod in its place is ready",
        seconds=START_SECONDS,
    )
    line.ready(NAME)


def test_v3_takes_over_step_by_step_without_a_failed_request(line: Line) -> None:
    old = line.get(NAME)["status"]["serving"]["revision"]

    users = demo.move_on(line.target, canary.SCENARIOS["promote"])

    run = line.get(NAME)["status"]["rollout"]
    assert users.failures == []
    assert set(users.revisions) == {old, run["candidate"]}
    assert [why for _, why in users.answers if why] == []
    serving = line.get(NAME)["status"]["serving"]
    assert (serving["revision"], serving["model"]) == (run["candidate"], "tiny-deepseek-v3")
    told = line.events(NAME)
    for reason in ("CandidateStarting", "WeightSet", "StepPassed", "Accepted", "Promoted"):
        assert any(text.startswith(f"{reason}: ") for text in told), told
    assert assert_no_user_met_a_cold_engine(line, line.pods_of(NAME, run["candidate"])) > 0


STILL_SECONDS = 40.0
"""Less than a gateway lets a stream be silent."""

MOST_REFUSED = 100
"""Of users' requests, by the demo's bad candidate before it was taken back: one of four is long, and it has a fifth of all."""


@pytest.mark.campaign
def test_a_candidate_that_refuses_long_prompts_is_taken_back(line: Line) -> None:
    old = line.get(NAME)["status"]["serving"]["revision"]

    users = demo.move_on(line.target, canary.SCENARIOS["bad-candidate"])

    status = line.get(NAME)["status"]
    assert status["serving"]["revision"] == old
    assert (status["rollout"]["phase"], status["rollout"]["reason"]) == (
        "RolledBack",
        "EvidenceBad",
    )
    assert status["rollout"]["step"] == 1, "no larger share for a candidate that looks bad"
    assert users.refusals == {status["rollout"]["candidate"]: len(users.failures)}
    print(f"{len(users.failures)} requests were refused before it was taken back")
    assert len(users.failures) <= MOST_REFUSED
    found = {item["type"]: item for item in status["conditions"]}
    assert (found["Ready"]["status"], found["RolledOut"]["reason"]) == ("True", "RolledBack")


@dataclass
class LongStream:
    """A stream of 2000 tokens, read beside the test."""

    url: str
    chunks: list[Any] = field(default_factory=list)
    _first: threading.Event = field(default_factory=threading.Event)

    def read(self) -> threading.Thread:
        """Begin, and go on once the first token is there."""
        reader = threading.Thread(target=self._read)
        reader.start()
        assert self._first.wait(60)
        return reader

    def _read(self) -> None:
        body = {
            "model": NAME,
            "prompt": "Tell me a story.",
            "max_tokens": 2000,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        request = urllib.request.Request(
            f"{self.url}/v1/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            for row in answer:
                self.chunks.append(row)
                self._first.set()


@pytest.mark.campaign
def test_a_running_stream_ends_by_itself_when_its_pod_is_deleted(line: Line) -> None:
    serving = line.get(NAME)["status"]["serving"]["revision"]
    # The pod of the one that was taken back may still be about to end.
    [pod] = [one for one in line.engine_pods(NAME) if revision_of(one) == serving]
    stream = LongStream(line.url(NAME))
    reader, chunks = stream.read(), stream.chunks

    line.run("delete", "pod", pod["metadata"]["name"], "--wait=false")
    # As with a long answer of a large model, it takes longer than the 75 s that were once all of it.
    for _ in range(2):
        with standing.core_of(pod):
            time.sleep(STILL_SECONDS)
        there = len(chunks)
        wait_until(lambda there=there: len(chunks) > there + 1, what="the stream goes on")  # type: ignore[misc]
    reader.join(timeout=180)

    assert not reader.is_alive()
    assert chunks[-2:-1] == [b"data: [DONE]\n"]
    *_, usage, _, _, _ = chunks
    assert json.loads(usage.removeprefix(b"data: "))["usage"]["completion_tokens"] == 2000


class Elsewhere(target.Target):
    """A cluster of the user's own, as the demo sees it: without a route into it. Its nodes have the images."""

    def provide(self, image: Image) -> None:
        """Build it; no registry is here to push it to."""
        builder.build(image, archived=False)


@pytest.mark.campaign
def test_the_demo_walks_the_whole_line_on_a_cluster_that_it_has_no_route_into(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A registry whose images are called as the ones that the nodes were given.
    arguments = ["demo", "--cluster", "current", "--registry", catalog.PREFIX]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setenv("KUBECONFIG", str(layout.named("dev").kubeconfig))
    monkeypatch.setattr(
        target,
        "current",
        lambda registry: Elsewhere(Kubectl(None, own_tools=False), None, registry),
    )

    code = demo.program()

    said = capsys.readouterr().out
    assert code == 0
    assert f"> {questions.load()[0].question}" in said
    assert f"kubectl delete namespace {NAMESPACE}" in said
    assert line.get(NAME)["status"]["serving"]["model"] == "tiny-deepseek-v3"
    assert line.operator_pod()["spec"]["containers"][0]["image"] == line.target.image("operator")


def test_deleting_the_object_removes_everything(line: Line) -> None:
    line.run("delete", "deepseekdeployment", NAME)

    kinds = "pods,services,deployments,replicasets,controllerrevisions,poddisruptionbudgets"
    selector = f"--selector=serving.deepseek.dev/deployment={NAME}"
    wait_until(
        lambda: line.json("get", kinds, selector)["items"] == [],
        what="nothing of the object is left",
        seconds=120,
    )
    assert layout.named("dev").kubeconfig.exists()

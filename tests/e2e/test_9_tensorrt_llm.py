"""Canaries to and between engines of TensorRT-LLM, played by a fake trtllm-serve: the pods are the real ones' in full."""

import json
from collections.abc import Iterator

import pytest

from dev.images import catalog
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, removed_afterwards, wait_until
from tests.faketrtllm.serve import BEHAVIOUR

NAME, BETWEEN = "trtllm", "between"
GPUS = "nvidia.com~1gpu"
STEPS = [
    {"weight": 20, "minDuration": "10s", "minRequests": 10},
    {"weight": 80, "minDuration": "10s", "minRequests": 20},
]
ROLLOUT = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "30s"}
PERIOD = 0.125
UNTOLD = ["empty", "preemptions"]
MOST_FAILED = 60
"""Of a candidate that fails every second request: a fifth of eight a second come to it, for a minute and a half at most."""


def played(**behaviour: object) -> list[Manifest]:
    """How the fake answers, as it is told."""
    usual = {"first_token": 0.02, "between_tokens": 0.005, "tokens": 8}
    return [{"name": BEHAVIOUR, "value": json.dumps({**usual, **behaviour})}]


@pytest.fixture(scope="module")
def image(line: Line) -> Iterator[str]:
    """The fake's image, on a node that says that it has GPUs: the scheduler and the kubelet count them, nobody asks them."""
    line.target.provide(catalog.FAKE_TRTLLM)
    [node] = line.json("get", "nodes")["items"]
    name = node["metadata"]["name"]
    path = f"/status/capacity/{GPUS}"

    def patch(*operations: Manifest) -> None:
        words = ("patch", "node", name, "--subresource=status", "--type=json")
        line.run(*words, f"--patch={json.dumps(operations)}")

    patch({"op": "add", "path": path, "value": "8"})
    wait_until(
        lambda: (
            line.json("get", "node", name)["status"]["allocatable"].get("nvidia.com/gpu") == "8"
        ),
        what="the node has GPUs",
    )
    try:
        yield line.target.image(catalog.FAKE_TRTLLM.name)
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        patch({"op": "remove", "path": path})


def served(image: str, *, name: str = NAME, **spec: object) -> Manifest:
    """The object of this file: the folder of a real model, which the fake only looks for."""
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": "tiny-r1-distill-qwen",
            "source": "pvc://models/tiny-r1-distill-qwen",
            "engine": {"name": "tensorrt-llm", "image": image},
            "pod": {"env": played()},
            "gateway": {"replicas": 2},
            "rollout": ROLLOUT,
            **spec,
        },
    }


def rollout(line: Line, name: str = NAME) -> Manifest:
    """What status says of the run."""
    return line.rollout(name)


def wait_for(
    line: Line, *phases: str, after: str | None, seconds: float = 480, name: str = NAME
) -> Manifest:
    """The run that follows another, once it is in one of these phases."""

    def is_there() -> bool:
        run = rollout(line, name)
        return run.get("run") != after and run.get("phase") in phases

    wait_until(is_there, what=f"{phases} of a run after {after}", seconds=seconds)
    return rollout(line, name)


@pytest.mark.campaign
def test_a_pod_of_tensorrt_llm_is_warmed_up_and_answers_through_its_front(
    line: Line, image: str
) -> None:
    line.apply(served(image))
    line.ready(NAME)

    assert line.ask(NAME, "anything").startswith("t0 ")
    [pod] = line.engine_pods(NAME)
    names = {item["name"] for item in pod["status"]["initContainerStatuses"]}
    assert {"tools", "warden", "front"} <= names
    [figures] = line.get(NAME)["status"]["warmup"]
    assert figures["requests"] > 20


@pytest.mark.campaign
def test_a_good_candidate_is_promoted_without_a_failed_request(line: Line, image: str) -> None:
    line.apply(served(image))
    line.ready(NAME)
    before = rollout(line).get("run")
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        line.apply(served(image, batching={"maxConcurrentSequences": 16}))
        run = wait_for(line, "Watching", "RolledBack", after=before)
        crowd.wait_for_more()

    assert run["phase"] == "Watching", run
    assert crowd.failures == []
    assert run["notCompared"] == UNTOLD
    compared = {entry["name"] for entry in run["metrics"]}
    assert {"timeToFirstToken", "timePerOutputToken", "truncated"} <= compared
    assert line.get(NAME)["status"]["serving"]["revision"] == run["candidate"]


WORSE = [
    pytest.param({"failing_users": 0.5}, {"errors"}, id="fails"),
    pytest.param({"reason": "length"}, {"truncated"}, id="does-not-stop"),
    pytest.param({"first_token": 1.2}, {"timeToFirstToken"}, id="is-late"),
    pytest.param({"between_tokens": 0.12}, {"timePerOutputToken"}, id="is-slow"),
]


@pytest.mark.campaign
@pytest.mark.parametrize(("behaviour", "metrics"), WORSE)
def test_a_bad_candidate_is_taken_back(
    line: Line, image: str, behaviour: Manifest, metrics: set[str]
) -> None:
    line.apply(served(image))
    line.ready(NAME)
    old, before = line.get(NAME)["status"]["serving"]["revision"], rollout(line).get("run")
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        line.apply(served(image, pod={"env": played(**behaviour)}))
        run = wait_for(line, "Watching", "RolledBack", after=before, seconds=900)
        crowd.wait_for_more()

    assert run["phase"] == "RolledBack", run
    bad = {entry["name"] for entry in run["metrics"] if entry["verdict"] == "Bad"}
    assert metrics & bad or run["reason"] in ("BreakerTripped", "CandidateLost"), run
    # What the candidate answered itself is its user's; nothing else fails.
    print(json.dumps({"refused by the candidate": crowd.refusals.total()}))
    assert crowd.refusals.keys() <= {run["candidate"]}
    assert crowd.refusals.total() == len(crowd.failures) <= MOST_FAILED
    assert ("failing_users" in behaviour) is bool(crowd.failures)
    assert line.get(NAME)["status"]["serving"]["revision"] == old


def start(line: Line, candidate: Manifest) -> str | None:
    """Apply a candidate; the run that came before its own."""
    before: str | None = rollout(line).get("run")
    line.apply(candidate)
    wait_until(lambda: rollout(line).get("run") != before, what="a run begins")
    return before


def abort(line: Line) -> None:
    """What a person does who has seen enough."""
    command = f"serving.deepseek.dev/command=abort:{rollout(line)['at']}"
    line.run("annotate", "deepseekdeployment", NAME, command, "--overwrite")


@pytest.mark.campaign
def test_a_candidate_whose_pod_dies_is_taken_back_and_no_other_request_fails(
    line: Line, image: str
) -> None:
    line.apply(served(image))
    line.ready(NAME)
    old = line.get(NAME)["status"]["serving"]["revision"]
    # The first step waits for a person, so that the candidate has users when its engine dies.
    waiting = {**ROLLOUT, "steps": [{**STEPS[0], "pause": True}, STEPS[1]]}
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(40)
        before = start(
            line, served(image, rollout=waiting, batching={"maxConcurrentSequences": 24})
        )
        run = wait_for(line, "Analyzing", after=before)
        wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="the candidate is asked")
        pod = next(
            pod
            for pod in line.engine_pods(NAME)
            if pod["metadata"]["labels"]["serving.deepseek.dev/revision"] == run["candidate"]
        )
        line.kill_container(pod, "engine")
        ended = wait_for(line, "RolledBack", after=before)
        crowd.wait_for_more()

    # An answer that had begun on the killed engine cannot be saved; nothing else is lost.
    assert crowd.failures == [text for text in crowd.failures if "cut after" in text]
    assert len(crowd.failures) <= 8
    assert ended["reason"] == "CandidateLost"
    assert line.get(NAME)["status"]["serving"]["revision"] == old


@pytest.mark.campaign
def test_a_candidate_that_never_gets_ready_has_no_traffic_and_says_why(
    line: Line, image: str
) -> None:
    """A flag that the operator passes on and the engine refuses: trtllm-serve ends with its usage."""
    line.apply(served(image))
    line.ready(NAME)
    old = line.get(NAME)["status"]["serving"]["revision"]
    refused = {"name": "tensorrt-llm", "image": image, "args": ["--reasoning_parser=nobody"]}
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        before = start(line, served(image, engine=refused))
        wait_until(
            lambda: "EngineFailed" in json.dumps(line.get(NAME)["status"]["conditions"]),
            what="the reason is told",
            seconds=300,
        )
        run = rollout(line)
        assert (run["phase"], run["weight"]) == ("Starting", 0)
        abort(line)
        ended = wait_for(line, "RolledBack", after=before)
        crowd.wait_for_more()

    assert ended["reason"] == "Aborted"
    assert crowd.failures == []
    assert set(crowd.revisions) == {old}


@pytest.mark.campaign
def test_a_candidate_whose_answers_are_bad_is_taken_back_before_a_user_sees_one(
    line: Line, image: str
) -> None:
    """Eight tokens hold what is asked for, and two do not: nobody but the examination hears it."""
    line.apply(served(image))
    line.ready(NAME)
    old = line.get(NAME)["status"]["serving"]["revision"]
    prompts = [
        {
            "name": f"question-{number}",
            "messages": [{"role": "user", "content": f"question {number}"}],
            "maxTokens": 16,
            "expect": {"contains": ["t7"], "finishReason": "stop"},
        }
        for number in range(6)
    ]
    line.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "trtllm-prompts"},
            "data": {"set.json": json.dumps({"prompts": prompts})},
        }
    )
    quality = {"prompts": {"name": "trtllm-prompts"}, "maxDropPercent": 10}
    examined = {**ROLLOUT, "analysis": {"quality": quality}}
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        before = start(line, served(image, pod={"env": played(tokens=2)}, rollout=examined))
        run = wait_for(line, "Shifting", "Analyzing", "RolledBack", after=before, seconds=600)
        crowd.wait_for_more()

    assert (run["phase"], run["reason"]) == ("RolledBack", "QualityFailed"), run
    assert set(crowd.revisions) == {old}
    assert crowd.failures == []
    [entry] = [one for one in run["metrics"] if one["name"] == "quality"]
    assert entry["stableBad"] == 0
    assert entry["candidateBad"] > 0


@pytest.mark.campaign
def test_a_candidate_that_is_bad_at_copies_is_taken_back_before_a_user_meets_it(
    line: Line, image: str
) -> None:
    line.apply(served(image))
    line.ready(NAME)
    old = line.get(NAME)["status"]["serving"]["revision"]
    mirror = {"percent": 50, "minDuration": "10m", "maxDuration": "20m", "maxConcurrent": 4}
    # Not the revision that another test has had taken back: it would be refused.
    behaviour = played(reason="length", tokens=9)
    copied = served(image, pod={"env": behaviour}, rollout={**ROLLOUT, "mirror": mirror})
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        before = start(line, copied)
        run = wait_for(line, "Shifting", "Analyzing", "RolledBack", after=before, seconds=900)
        crowd.wait_for_more()

    assert (run["phase"], run["reason"]) == ("RolledBack", "EvidenceBad"), run
    assert run["mirror"]["answered"] > 0
    assert crowd.failures == []
    assert set(crowd.revisions) == {old}


@pytest.mark.campaign
def test_copies_come_before_users_and_no_user_notices(line: Line, image: str) -> None:
    line.apply(served(image))
    line.ready(NAME)
    old = line.get(NAME)["status"]["serving"]["revision"]
    mirror = {"percent": 50, "minRequests": 30, "minDuration": "20s", "maxConcurrent": 4}
    copied = served(
        image, batching={"maxConcurrentSequences": 32}, rollout={**ROLLOUT, "mirror": mirror}
    )
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        before = start(line, copied)
        wait_for(line, "Mirroring", after=before, seconds=600)
        run = wait_for(line, "Shifting", "Analyzing", "RolledBack", after=before, seconds=600)
        assert run["phase"] in ("Shifting", "Analyzing"), run
        assert run["mirror"]["answered"] >= 30
        wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="the candidate has users")
        abort(line)
        wait_for(line, "RolledBack", after=before)
        crowd.wait_for_more()

    assert crowd.failures == []
    assert set(crowd.revisions) == {old, run["candidate"]}


@pytest.mark.campaign
def test_users_go_from_vllm_to_tensorrt_llm_without_a_failed_request(
    line: Line, image: str
) -> None:
    """Real vLLM on the CPU, then the fake: two engines, two pages of figures, one name."""
    with removed_afterwards(line, BETWEEN):
        line.apply(deepseek(BETWEEN, gateway={"replicas": 2}, rollout=ROLLOUT))
        line.ready(BETWEEN)
        old = line.get(BETWEEN)["status"]["serving"]["revision"]
        with Crowd(line.url(BETWEEN), BETWEEN, period=PERIOD) as crowd:
            crowd.wait_for_more(120)
            line.apply(served(image, name=BETWEEN, accelerator={"kind": "GPU"}))
            run = wait_for(line, "Watching", "RolledBack", after=None, seconds=900, name=BETWEEN)
            assert run["phase"] == "Watching", run
            crowd.wait_for_more(20)
            wait_for(line, "Succeeded", after=None, name=BETWEEN)
            wait_until(lambda: len(line.engine_pods(BETWEEN)) == 1, what="the old one is let go")
            crowd.wait_for_more()

        assert crowd.failures == []
        assert set(crowd.revisions) == {old, run["candidate"]}
        assert set(UNTOLD) <= set(run["notCompared"])
        assert line.get(BETWEEN)["status"]["serving"]["revision"] == run["candidate"]
        assert line.ask(BETWEEN, "anything").startswith("t0 ")


@pytest.mark.campaign
def test_a_killed_engine_is_cold_and_the_front_stays(line: Line, image: str) -> None:
    line.apply(served(image))
    line.ready(NAME)
    [pod] = line.engine_pods(NAME)

    line.kill_container(pod, "engine")

    def restarts() -> dict[str, int]:
        [now] = line.engine_pods(NAME)
        both = [*now["status"]["initContainerStatuses"], *now["status"]["containerStatuses"]]
        return {item["name"]: item["restartCount"] for item in both}

    wait_until(lambda: restarts()["engine"] == 1, what="the engine is started again")
    line.ready(NAME)
    assert restarts()["front"] == 0
    assert line.ask(NAME, "anything").startswith("t0 ")

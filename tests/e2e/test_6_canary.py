"""Canaries with real engines under users' requests: a good one is promoted, one whose pod dies is taken back."""

from collections.abc import Iterator

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until

NAME = "canary"
STEPS = [
    {"weight": 20, "minDuration": "10s", "minRequests": 10},
    {"weight": 80, "minDuration": "10s", "minRequests": 20},
]
ROLLOUT = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "30s"}
PERIOD = 0.125
"""Eight requests a second: with no failures at all about 400 of the candidate's decide."""


def served(**spec: object) -> Manifest:
    """The object of this file."""
    return deepseek(NAME, rollout=ROLLOUT, gateway={"replicas": 2}, **spec)


@pytest.fixture(scope="module")
def canary(line: Line) -> Iterator[Line]:
    """A distilled model serves."""
    line.apply(served())
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def rollout(line: Line) -> Manifest:
    """What status says of the run."""
    found: Manifest = line.get(NAME)["status"].get("rollout", {})
    return found


def wait_for(line: Line, *phases: str, seconds: float = 300) -> Manifest:
    """The run once it is in one of these phases."""
    wait_until(
        lambda: rollout(line).get("phase") in phases,
        what=f"{phases}",
        seconds=seconds,
    )
    return rollout(line)


def test_a_candidate_whose_pod_dies_is_taken_back_and_no_request_fails(canary: Line) -> None:
    old = canary.get(NAME)["status"]["serving"]["revision"]
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        canary.apply(served(batching={"maxConcurrentSequences": 16}))
        run = wait_for(canary, "Analyzing")
        wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="the candidate is asked")
        pod = next(
            pod
            for pod in canary.engine_pods(NAME)
            if pod["metadata"]["labels"]["serving.deepseek.dev/revision"] == run["candidate"]
        )
        canary.kill_container(pod, "engine")
        ended = wait_for(canary, "RolledBack")
        crowd.wait_for_more()

    cut = [text for text in crowd.failures if "cut after" in text]
    # An answer that had begun on the killed engine cannot be saved; nothing else is lost.
    assert crowd.failures == cut
    assert len(cut) <= 8
    assert ended["reason"] == "CandidateLost"
    status = canary.get(NAME)["status"]
    found = {item["type"]: item for item in status["conditions"]}
    assert status["serving"]["revision"] == old
    assert (found["Ready"]["status"], found["RolledOut"]["reason"]) == ("True", "RolledBack")
    assert any(text.startswith("CandidateLost: ") for text in canary.events(NAME))


@pytest.mark.campaign
def test_v3_takes_over_from_the_distilled_model_without_a_failed_request(canary: Line) -> None:
    old = canary.get(NAME)["status"]["serving"]["revision"]
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        canary.apply(served(model="tiny-deepseek-v3", source="pvc://models/tiny-deepseek-v3"))
        wait_until(lambda: rollout(canary)["run"].startswith("2-"), what="a second run begins")
        run = wait_for(canary, "Watching", "RolledBack", seconds=480)
        assert run["phase"] == "Watching", run
        crowd.wait_for_more(20)
        wait_for(canary, "Succeeded")
        wait_until(lambda: len(canary.engine_pods(NAME)) == 1, what="the old one is let go")
        crowd.wait_for_more()

    assert crowd.failures == []
    assert set(crowd.revisions) == {old, run["candidate"]}
    assert [why for _, why in crowd.answers if why] == []
    serving = canary.get(NAME)["status"]["serving"]
    assert (serving["revision"], serving["model"]) == (run["candidate"], "tiny-deepseek-v3")
    told = canary.events(NAME)
    for reason in ("CandidateStarting", "WeightSet", "StepPassed", "Accepted", "Promoted"):
        assert any(text.startswith(f"{reason}: ") for text in told), told

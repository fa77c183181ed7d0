"""Canaries with real engines under users' requests: a good one is promoted, and each kind of bad one taken back."""

import json
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


V3 = {"model": "tiny-deepseek-v3", "source": "pvc://models/tiny-deepseek-v3"}
WORSE = [
    pytest.param(
        {"source": "pvc://models/tiny-deepseek-v3-damaged"}, {"truncated"}, id="does-not-stop"
    ),
    pytest.param(
        {"engine": {"args": ['--override-generation-config={"max_new_tokens": 1}']}},
        {"empty", "truncated"},
        id="says-one-word",
    ),
    pytest.param(
        {"pod": {"resources": {"limits": {"cpu": "400m"}}}},
        {"timeToFirstToken", "timePerOutputToken"},
        id="is-slow",
    ),
]
"""How a candidate answers every request and is worse all the same, and what may give it away."""


@pytest.mark.campaign
@pytest.mark.parametrize(("changes", "metrics"), WORSE)
def test_a_candidate_that_fails_nothing_and_is_worse_is_taken_back(
    canary: Line, changes: Manifest, metrics: set[str]
) -> None:
    """Follows the promotion above: both revisions run one model, so all of it is compared."""
    canary.apply(served(**V3))
    canary.ready(NAME)
    old = canary.get(NAME)["status"]["serving"]["revision"]
    before = rollout(canary).get("run")
    with Crowd(canary.url(NAME), NAME, period=PERIOD, tokens=96) as crowd:
        # What is late is learned of the revision that serves, so it has to have served some.
        crowd.wait_for_more(120)
        canary.apply(served(**{**V3, **changes}))
        wait_until(lambda: rollout(canary).get("run") != before, what="a run begins")
        run = wait_for(canary, "Watching", "RolledBack", seconds=900)
        crowd.wait_for_more()

    print(json.dumps({key: run[key] for key in run if key != "record"}, indent=2))
    assert (run["phase"], run["reason"]) == ("RolledBack", "EvidenceBad"), run
    assert run["message"].split()[0].rstrip(":") in metrics
    [bad] = [entry for entry in run["metrics"] if entry["verdict"] == "Bad"][:1]
    assert bad["candidateBad"] > 0
    # It answered all that it was asked, so nobody saw a failure; and it was not asked for ever.
    assert crowd.failures == []
    assert crowd.revisions[run["candidate"]] < 2000
    assert canary.get(NAME)["status"]["serving"]["revision"] == old
    assert any(text.startswith("EvidenceBad: ") for text in canary.events(NAME))


@pytest.mark.campaign
def test_a_candidate_that_never_gets_ready_has_no_traffic_and_says_why(canary: Line) -> None:
    canary.apply(served(**V3))
    canary.ready(NAME)
    old = canary.get(NAME)["status"]["serving"]["revision"]
    before = rollout(canary)["run"]
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        canary.apply(served(**V3, engine={"args": ["--max-model-len=99999999"]}))
        wait_until(lambda: rollout(canary)["run"] != before, what="a run begins")
        wait_until(
            lambda: "EngineFailed" in json.dumps(canary.get(NAME)["status"]["conditions"]),
            what="the reason is told",
            seconds=300,
        )
        run = rollout(canary)
        assert (run["phase"], run["weight"]) == ("Starting", 0)
        command = f"serving.deepseek.dev/command=abort:{run['at']}"
        canary.run("annotate", "deepseekdeployment", NAME, command, "--overwrite")
        ended = wait_for(canary, "RolledBack")
        crowd.wait_for_more()

    assert ended["reason"] == "Aborted"
    assert crowd.failures == []
    assert set(crowd.revisions) == {old}

"""Canaries with real engines under users' requests: a good one is promoted, and each kind of bad one taken back."""

import json
from collections.abc import Iterator

import pytest

from dev.images import catalog
from tests.e2e import canaries
from tests.e2e.canaries import PERIOD, ROLLOUT, STEPS, V3
from tests.e2e.cold import assert_no_user_met_a_cold_engine
from tests.e2e.crowd import Crowd
from tests.e2e.effect import Effect
from tests.e2e.line import Line, Manifest, wait_until

NAME = "canary"
SPLIT_ANSWERS = 60
"""Of so many answers 15 are a quarter; fewer than 4 or more than 29 are chance in one run of ten thousand."""


def served(*, rollout: Manifest = ROLLOUT, **spec: object) -> Manifest:
    """The object of this file."""
    return canaries.served(NAME, rollout=rollout, **spec)


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
    return line.rollout(NAME)


def wait_for(line: Line, *phases: str, seconds: float = 300) -> Manifest:
    """The run once it is in one of these phases."""
    return canaries.wait_for(line, NAME, *phases, seconds=seconds)


@pytest.mark.campaign
def test_a_candidate_whose_pod_dies_is_taken_back_and_no_request_fails(canary: Line) -> None:
    old = canary.get(NAME)["status"]["serving"]["revision"]
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        # The first step waits for a person, so that its weight stands while answers are counted.
        waiting = {**ROLLOUT, "steps": [{**STEPS[0], "pause": True}, STEPS[1]]}
        with Effect(canary, NAME, old, STEPS[0]["weight"]) as effect:
            canary.apply(served(rollout=waiting, batching={"maxConcurrentSequences": 16}))
            run = wait_for(canary, "Analyzing")
            wait_until(lambda: effect.seconds is not None, what="the new split", seconds=30)
        print(f"{effect.seconds:.2f} s from the weight in status to its first request")
        wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="the candidate is asked")
        before = crowd.revisions
        crowd.wait_for_more(SPLIT_ANSWERS)
        seen = crowd.revisions - before
        assert rollout(canary)["weight"] == STEPS[0]["weight"]
        assert 4 <= seen[run["candidate"]] * SPLIT_ANSWERS / seen.total() <= 29, seen
        [pod, *_] = canary.pods_of(NAME, run["candidate"])
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
    before = rollout(canary).get("run")
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        canary.apply(served(**V3))
        wait_until(lambda: rollout(canary).get("run") != before, what="a run begins")
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
    assert assert_no_user_met_a_cold_engine(canary, canary.pods_of(NAME, run["candidate"])) > 0


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
SMALL_SHARE: Manifest = {
    **ROLLOUT,
    "steps": [{"weight": 25, "minDuration": "5m", "minRequests": 10}, STEPS[-1]],
}
"""One that takes its time where a candidate gets little: with most requests a slow one has too many, and fails them."""


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
        canary.apply(served(**{**V3, **changes}, rollout=SMALL_SHARE))
        wait_until(lambda: rollout(canary).get("run") != before, what="a run begins")
        run = wait_for(canary, "Watching", "RolledBack", seconds=900)
        crowd.wait_for_more()

    print(json.dumps({key: run[key] for key in run if key != "record"}, indent=2))
    assert (run["phase"], run["reason"], run["step"]) == ("RolledBack", "EvidenceBad", 1), run
    assert run["message"].split()[0].rstrip(":") in metrics
    [bad] = [entry for entry in run["metrics"] if entry["verdict"] == "Bad"][:1]
    assert bad["candidateBad"] > 0
    # It answered all that it was asked, so nobody saw a failure; and it was not asked for ever.
    assert crowd.failures == []
    assert crowd.revisions[run["candidate"]] < 2000
    assert canary.get(NAME)["status"]["serving"]["revision"] == old
    assert any(text.startswith("EvidenceBad: ") for text in canary.events(NAME))


MOST_FAILED = 150
"""Of users' requests, by a candidate that has a quarter of eight a second and fails a third of these: two in three seconds. A
window of 15 s adds 2 at most to an alarm of about 13, so seven of them decide: about 70, and what comes before and after."""


@pytest.mark.campaign
def test_a_candidate_that_answers_with_errors_is_taken_back_and_fails_few(canary: Line) -> None:
    canary.target.provide(catalog.FAILING)
    canary.apply(served(**V3))
    canary.ready(NAME)
    old = canary.get(NAME)["status"]["serving"]["revision"]
    before = rollout(canary).get("run")
    engine = {"image": canary.target.image(catalog.FAILING.name)}
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        canary.apply(served(**V3, engine=engine))
        wait_until(lambda: rollout(canary).get("run") != before, what="a run begins")
        run = wait_for(canary, "Watching", "RolledBack", seconds=900)
        crowd.wait_for_more()

    [errors] = [entry for entry in run["metrics"] if entry["name"] == "errors"]
    print(json.dumps({"errors": errors, "seen by users": len(crowd.failures)}, indent=2))
    assert (run["phase"], run["reason"]) == ("RolledBack", "EvidenceBad"), run
    assert run["message"].startswith("errors: "), run["message"]
    assert run["step"] == 1, "no larger share for a candidate that looks bad"
    # All that any user lost the candidate had failed, and it failed few.
    assert crowd.refusals.keys() <= {run["candidate"]}
    assert crowd.refusals.total() == len(crowd.failures) <= MOST_FAILED
    assert 0 < errors["candidateBad"] <= MOST_FAILED
    assert canary.get(NAME)["status"]["serving"]["revision"] == old


@pytest.mark.campaign
def test_a_candidate_that_never_gets_ready_has_no_traffic_and_says_why(canary: Line) -> None:
    canary.apply(served(**V3))
    canary.ready(NAME)
    old = canary.get(NAME)["status"]["serving"]["revision"]
    before = rollout(canary)["run"]
    with Crowd(canary.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        short = {**ROLLOUT, "startTimeout": "2m"}
        broken = {"args": ["--max-model-len=99999999"]}
        canary.apply(served(**V3, rollout=short, engine=broken))
        wait_until(lambda: rollout(canary)["run"] != before, what="a run begins")
        wait_until(
            lambda: "EngineFailed" in json.dumps(canary.get(NAME)["status"]["conditions"]),
            what="the reason is told",
            seconds=300,
        )
        assert rollout(canary)["weight"] == 0
        ended = wait_for(canary, "RolledBack")
        crowd.wait_for_more()

    assert ended["reason"] == "CandidateNotReady"
    assert "(rollout.startTimeout)" in ended["message"]
    assert crowd.failures == []
    assert set(crowd.revisions) == {old}

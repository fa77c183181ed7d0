"""Candidates that are found bad, or good, before a user meets them: by an examination, and by copies of requests."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import canaries
from tests.e2e.canaries import PERIOD, ROLLOUT, V3, reference_prompts
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, wait_until

NAME = "unseen"


def served(**spec: Any) -> Manifest:
    """The object of this file."""
    return canaries.served(NAME, **spec)


@pytest.fixture(scope="module")
def unseen(line: Line) -> Iterator[Line]:
    """DeepSeek-V3 serves."""
    line.apply(served(**V3))
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


@pytest.mark.campaign
def test_a_candidate_whose_answers_are_bad_is_taken_back_before_a_user_sees_one(
    unseen: Line,
) -> None:
    """The damaged twin says other things than the trained model: nobody but the examination hears them."""
    unseen.apply(served(**V3))
    unseen.ready(NAME)
    old = unseen.get(NAME)["status"]["serving"]["revision"]
    before = unseen.rollout(NAME).get("run")
    unseen.apply(reference_prompts("reference-prompts"))
    quality = {"prompts": {"name": "reference-prompts"}, "maxDropPercent": 10}
    examined = served(**damaged(12))
    examined["spec"]["rollout"] = {**ROLLOUT, "analysis": {"quality": quality}}
    with Crowd(unseen.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        unseen.apply(examined)
        wait_until(lambda: unseen.rollout(NAME).get("run") != before, what="a run begins")
        run = canaries.wait_for(unseen, NAME, "Shifting", "Analyzing", "RolledBack", seconds=600)
        crowd.wait_for_more()

    print(json.dumps({key: run[key] for key in run if key != "record"}, indent=2))
    assert (run["phase"], run["reason"]) == ("RolledBack", "QualityFailed"), run
    assert run["candidate"] not in crowd.revisions
    assert set(crowd.revisions) == {old}
    assert crowd.failures == []
    [entry] = [one for one in run["metrics"] if one["name"] == "quality"]
    assert entry["stableBad"] == 0, "the model that was trained on the questions answers them"
    assert entry["candidateBad"] > 0
    assert run["quality"]["failed"]
    assert any(text.startswith("QualityFailed: ") for text in unseen.events(NAME))


def damaged(sequences: int) -> Manifest:
    """The damaged twin, as a revision of its own: one that was taken back is not tried again by itself."""
    source = "pvc://models/tiny-deepseek-v3-damaged"
    return {**V3, "source": source, "batching": {"maxConcurrentSequences": sequences}}


@pytest.mark.campaign
def test_a_candidate_that_is_bad_at_copies_is_taken_back_before_a_user_meets_it(
    unseen: Line,
) -> None:
    unseen.apply(served(**V3))
    unseen.ready(NAME)
    old = unseen.get(NAME)["status"]["serving"]["revision"]
    before = unseen.rollout(NAME).get("run")
    copied = served(**damaged(24))
    mirror = {"percent": 50, "minDuration": "10m", "maxDuration": "20m", "maxConcurrent": 4}
    copied["spec"]["rollout"] = {**ROLLOUT, "mirror": mirror}
    with Crowd(unseen.url(NAME), NAME, period=PERIOD, tokens=96) as crowd:
        # What is late is learned of the revision that serves, so it has to have served some.
        crowd.wait_for_more(120)
        unseen.apply(copied)
        wait_until(lambda: unseen.rollout(NAME).get("run") != before, what="a run begins")
        run = canaries.wait_for(unseen, NAME, "Shifting", "Analyzing", "RolledBack", seconds=900)
        crowd.wait_for_more()

    print(json.dumps({key: run[key] for key in run if key != "record"}, indent=2))
    assert (run["phase"], run["reason"]) == ("RolledBack", "EvidenceBad"), run
    assert "copies for the candidate" in run["message"]
    assert run["mirror"]["answered"] > 0
    assert crowd.failures == []
    assert set(crowd.revisions) == {old}
    told = unseen.events(NAME)
    assert any(text.startswith("CopiesAsked: ") for text in told), told


@pytest.mark.campaign
def test_copies_come_before_users_and_no_user_notices(unseen: Line) -> None:
    unseen.apply(served(**V3))
    unseen.ready(NAME)
    old = unseen.get(NAME)["status"]["serving"]["revision"]
    before = unseen.rollout(NAME).get("run")
    copied = served(**V3, batching={"maxConcurrentSequences": 16})
    mirror = {"percent": 50, "minRequests": 30, "minDuration": "20s", "maxConcurrent": 4}
    copied["spec"]["rollout"] = {**ROLLOUT, "mirror": mirror}
    with Crowd(unseen.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(120)
        unseen.apply(copied)
        wait_until(lambda: unseen.rollout(NAME).get("run") != before, what="a run begins")
        canaries.wait_for(unseen, NAME, "Mirroring", seconds=600)
        run = canaries.wait_for(unseen, NAME, "Shifting", "Analyzing", "RolledBack", seconds=600)
        assert run["phase"] in ("Shifting", "Analyzing"), run
        assert run["mirror"]["answered"] >= 30
        wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="the candidate has users")
        command = f"serving.deepseek.dev/command=abort:{unseen.rollout(NAME)['at']}"
        unseen.run("annotate", "deepseekdeployment", NAME, command, "--overwrite")
        canaries.wait_for(unseen, NAME, "RolledBack")
        crowd.wait_for_more()

    assert crowd.failures == []
    assert set(crowd.revisions) == {old, run["candidate"]}

"""Replaces with real engines under users' requests: no answer is cut, who is refused reads why, and the old one comes back."""

from collections.abc import Iterator

import pytest

from tests.e2e.canaries import PERIOD, V3, reference_prompts
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until

NAME = "replaced"
ROLLOUT: Manifest = {"strategy": "Replace", "rollbackWindow": "30s"}
SMALL: Manifest = {
    "model": "tiny-r1-distill-qwen",
    "source": "pvc://models/tiny-r1-distill-qwen",
    "accelerator": {"kind": "CPU"},
    "batching": {"maxConcurrentSequences": 8},
}
"""Another revision than the one that serves first, of the same weights."""


def served(*, rollout: Manifest = ROLLOUT, **spec: object) -> Manifest:
    """The object of this file."""
    return deepseek(NAME, rollout=rollout, gateway={"replicas": 2}, **spec)


@pytest.fixture(scope="module")
def replaced(line: Line) -> Iterator[Line]:
    """A distilled model serves."""
    line.apply(served())
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def run_of(line: Line) -> Manifest:
    """What status says of the run."""
    return line.rollout(NAME)


def wait_for(line: Line, *phases: str, seconds: float = 480) -> Manifest:
    """The run once it is in one of these phases; engines of two revisions never run at once."""

    def is_there() -> bool:
        keys = {
            pod["metadata"]["labels"]["serving.deepseek.dev/revision"]
            for pod in line.engine_pods(NAME)
        }
        assert len(keys) <= 1, keys
        return run_of(line).get("phase") in phases

    wait_until(is_there, what=f"{phases}", seconds=seconds)
    return run_of(line)


def refusals(crowd: Crowd) -> list[str]:
    """Failures that say that one revision is being replaced by another, or that it just starts."""
    return [text for text in crowd.failures if ": 503 " in text]


@pytest.mark.campaign
def test_v3_replaces_the_distilled_model_and_no_answer_is_cut(replaced: Line) -> None:
    old = replaced.get(NAME)["status"]["serving"]["revision"]
    with Crowd(replaced.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        replaced.apply(served(**V3))
        wait_for(replaced, "Starting")
        found = {one["type"]: one for one in replaced.get(NAME)["status"]["conditions"]}
        assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "Replacing")
        assert found["Ready"]["message"].startswith("nothing serves since ")
        ended = wait_for(replaced, "Watching", "RolledBack")
        crowd.wait_for_more(20)
        after = len(crowd.failures)
        crowd.wait_for_more(20)

    assert ended["phase"] == "Watching", ended
    assert set(crowd.revisions) == {old, ended["candidate"]}
    # Whoever asked in between was told so at once, and nobody was cut off.
    assert crowd.failures == refusals(crowd)
    assert any("is being replaced by" in text for text in crowd.failures)
    assert len(crowd.failures) == after
    told = replaced.events(NAME)
    for reason in ("StableClosing", "StableStopping", "CandidateStarting", "Promoted"):
        assert any(text.startswith(f"{reason}: ") for text in told), told


@pytest.mark.campaign
def test_one_whose_answers_are_bad_gives_way_to_the_old_one(replaced: Line) -> None:
    """The damaged twin starts, is examined, and nobody else hears it."""
    replaced.apply(served(**V3))
    replaced.ready(NAME)
    wait_for(replaced, "Succeeded")
    old = replaced.get(NAME)["status"]["serving"]["revision"]
    before = run_of(replaced)["run"]
    replaced.apply(reference_prompts("prompts-of-a-replace"))
    quality = {"prompts": {"name": "prompts-of-a-replace"}}
    damaged = {**V3, "source": "pvc://models/tiny-deepseek-v3-damaged"}
    examined = served(rollout={**ROLLOUT, "analysis": {"quality": quality}}, **damaged)
    with Crowd(replaced.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        replaced.apply(examined)
        wait_until(lambda: run_of(replaced)["run"] != before, what="a run begins")
        ended = wait_for(replaced, "RolledBack", "Watching", seconds=900)
        crowd.wait_for_more(20)

    assert (ended["phase"], ended["reason"]) == ("RolledBack", "QualityFailed"), ended
    assert set(crowd.revisions) == {old}
    assert crowd.failures == refusals(crowd)
    status = replaced.get(NAME)["status"]
    found = {item["type"]: item for item in status["conditions"]}
    assert status["serving"]["revision"] == old
    assert (found["Ready"]["status"], found["RolledOut"]["reason"]) == ("True", "RolledBack")


@pytest.mark.campaign
def test_a_fallback_answers_while_the_model_is_replaced(replaced: Line) -> None:
    replaced.apply(served(**V3, fallback=[{**SMALL, "replicas": 1}]))
    wait_until(
        lambda: any(
            one["type"] == "FallbackReady" and one["status"] == "True"
            for one in replaced.get(NAME)["status"]["conditions"]
        ),
        what="the fallback is ready",
        seconds=300,
    )
    small = replaced.get(NAME)["status"]["fallback"][0]["revision"]
    before = run_of(replaced)["run"]
    changed = {**V3, "batching": {"maxConcurrentSequences": 16}}
    with Crowd(replaced.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more()
        replaced.apply(served(**changed, fallback=[{**SMALL, "replicas": 1}]))
        wait_until(
            lambda: run_of(replaced)["run"] != before and run_of(replaced)["phase"] == "Watching",
            what="it is replaced",
            seconds=600,
        )
        crowd.wait_for_more(20)

    assert crowd.failures == []
    assert crowd.revisions[small] > 0

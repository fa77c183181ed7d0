"""First rollouts with real engines: from a distilled model to V3 in one apply, and a status that is lost on the way."""

import json

import pytest

from tests.e2e.canaries import PERIOD, ROLLOUT, V3
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, removed_afterwards, wait_until

NAME = "first"
SMALL: Manifest = {
    "model": "tiny-r1-distill-qwen",
    "source": "pvc://models/tiny-r1-distill-qwen",
    "accelerator": {"kind": "CPU"},
}


def status(line: Line) -> Manifest:
    """The status, empty before the first pass."""
    found: Manifest = line.get(NAME).get("status", {})
    return found


def reach(line: Line, *phases: str, seconds: float = 480) -> Manifest:
    """The run once it is in one of these phases."""
    wait_until(
        lambda: status(line).get("rollout", {}).get("phase") in phases,
        what=f"{phases}",
        seconds=seconds,
    )
    run: Manifest = status(line)["rollout"]
    return run


@pytest.mark.campaign
def test_one_apply_begins_with_the_distilled_model_and_ends_with_v3(line: Line) -> None:
    """The status is lost while both serve: nobody is promoted for that, and no request fails."""
    with removed_afterwards(line, NAME):
        line.apply(deepseek(NAME, rollout={**ROLLOUT, "from": SMALL}, **V3))
        wait_until(lambda: "serving" in status(line), what="the baseline serves", seconds=300)
        baseline = status(line)["serving"]
        assert baseline["model"] == SMALL["model"]
        with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd:
            crowd.wait_for_more()
            run = reach(line, "Analyzing")
            wait_until(lambda: crowd.revisions[run["candidate"]] > 3, what="V3 is asked")
            lost = line.get(NAME)
            del lost["status"]
            line.run("replace", "--subresource=status", "--filename=-", stdin=json.dumps(lost))
            wait_until(lambda: "rollout" in status(line), what="who serves is found again")
            assert status(line)["serving"]["revision"] == baseline["revision"]
            assert status(line)["rollout"]["stable"] == baseline["revision"]
            ended = reach(line, "Watching", "RolledBack")
            crowd.wait_for_more(20)

    assert ended["phase"] == "Watching", ended
    assert crowd.failures == []
    assert set(crowd.revisions) == {baseline["revision"], ended["candidate"]}

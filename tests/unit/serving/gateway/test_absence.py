"""An API server that was away: what it says of pods when it is back is doubted for a while."""

import math
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.gateway.agent import AWAY_SECONDS, Agent
from tests.gateway.rig import until
from tests.unit.serving.gateway.test_endpoints import piece, pod


def slices(**ready: bool) -> dict[str, dict[str, Any]]:
    """One of revision `a`, with these pods."""
    pods = [pod(f"10.0.0.{name[1:]}", ready=is_ready) for name, is_ready in ready.items()]
    return {"a-1": piece("a", *pods)}


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """One that knows two pods."""
    found = Agent(tmp_path, doubt_seconds=0.05)
    found.slices_changed(slices(p1=True, p2=True))
    return found


@pytest.mark.parametrize("away", [AWAY_SECONDS, math.inf])
async def test_pods_that_are_all_called_unready_at_once_go_on_serving(
    agent: Agent, away: float
) -> None:
    agent.slices_returned(away)
    agent.slices_changed(slices(p1=False, p2=False))
    assert agent.pods == {"a": 2}

    agent.slices_changed(slices(p1=True, p2=True))
    await until(lambda: agent._doubted is None)
    assert agent.pods == {"a": 2}


async def test_what_is_still_unready_after_a_while_is(agent: Agent) -> None:
    agent.slices_returned(AWAY_SECONDS)
    agent.slices_changed(slices(p1=True, p2=False))
    assert agent.pods == {"a": 2}

    await until(lambda: agent.pods == {"a": 1})


async def test_after_a_short_absence_it_is_at_once(agent: Agent) -> None:
    agent.slices_returned(AWAY_SECONDS - 1)
    agent.slices_changed(slices(p1=False, p2=False))

    assert agent.pods == {"a": 0}


async def test_a_pod_that_was_not_ready_before_gets_nothing(agent: Agent) -> None:
    agent.slices_changed(slices(p1=True, p2=False))
    agent.slices_returned(AWAY_SECONDS)
    agent.slices_changed(slices(p1=False, p2=False))

    assert agent.pods == {"a": 1}

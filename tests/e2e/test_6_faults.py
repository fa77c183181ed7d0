"""A canary under users' requests while what stands beside it ends: it is decided all the same, and nobody notices."""

import time
from collections.abc import Iterator

import pytest

from deepseek_operator.telemetry.gateways import is_ready
from tests.e2e import standing
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until

NAME = "outlives"
ROLLOUT: Manifest = {
    "strategy": "Canary",
    "steps": [
        {"weight": 20, "minDuration": "10s", "minRequests": 10},
        {"weight": 80, "minDuration": "10s", "minRequests": 20},
    ],
    "rollbackWindow": "30s",
}
PERIOD = 0.125
AWAY_SECONDS = 120
"""Longer than a node may be silent, and than figures of a rollout may be missing before it is held."""
UNTOLD = 16
"""Requests at most that are sent to an Envoy before its Service knows that it is gone: half of eight a second, four seconds long."""


@pytest.fixture(scope="module")
def outlives(line: Line) -> Iterator[Line]:
    """A distilled model serves through two gateways."""
    line.apply(served())
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def served(**spec: object) -> Manifest:
    """The object of this file."""
    return deepseek(NAME, rollout=ROLLOUT, gateway={"replicas": 2}, **spec)


def rollout(line: Line) -> Manifest:
    """What status says of the run."""
    return line.rollout(NAME)


def wait_for(line: Line, *phases: str, step: int = 1) -> None:
    """Until the run is in one of these phases, of this step or a later one."""
    wait_until(
        lambda: rollout(line).get("phase") in phases and rollout(line).get("step", 1) >= step,
        what=f"{phases} of step {step}",
        seconds=480,
    )


def gateway_pod(line: Line) -> Manifest:
    """One of the gateway's pods that are ready."""
    selector = f"--selector=serving.deepseek.dev/gateway={NAME}"
    found = line.json("get", "pods", selector)["items"]
    return next(pod for pod in found if is_ready(pod))


@pytest.mark.campaign
def test_a_rollout_outlives_what_is_killed_beside_it(outlives: Line) -> None:
    """The operator, an Envoy and an agent are killed, and for two minutes there is no API server."""
    old = outlives.get(NAME)["status"]["serving"]["revision"]
    with Crowd(outlives.url(NAME), NAME, period=PERIOD) as crowd:
        crowd.wait_for_more(40)
        outlives.apply(served(batching={"maxConcurrentSequences": 16}))
        wait_for(outlives, "Shifting", "Analyzing")
        outlives.kill_container(outlives.operator_pod(), "operator")
        wait_for(outlives, "Analyzing", "Held", step=2)

        pod = gateway_pod(outlives)
        before = len(crowd.answers)
        with standing.frozen("kube-apiserver"):
            outlives.kill_container(pod, "agent")
            until = time.monotonic() + AWAY_SECONDS
            wait_until(lambda: time.monotonic() > until, what="time", seconds=2 * AWAY_SECONDS)
        assert len(crowd.answers) - before > AWAY_SECONDS
        assert crowd.failures == []

        pod = gateway_pod(outlives)
        running, asked = crowd.running, crowd.asked
        outlives.kill_container(pod, "envoy")
        lost = running + (crowd.asked - asked) + UNTOLD
        wait_until(
            lambda: rollout(outlives).get("phase") in ("Watching", "Succeeded", "RolledBack"),
            what="it is decided",
            seconds=480,
        )
        crowd.wait_for_more(20)

    run = rollout(outlives)
    assert run["phase"] in ("Watching", "Succeeded"), run
    assert len(crowd.failures) <= lost, crowd.failures
    assert outlives.get(NAME)["status"]["serving"]["revision"] == run["candidate"]
    assert set(crowd.revisions) == {old, run["candidate"]}

"""Two operators, whose leader is killed again and again in the middle of a rollout: it is decided all the same."""

import time
from collections.abc import Iterator

import pytest

from dev.kubectl import RELEASE, RELEASE_NAMESPACE, install_release
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until
from tests.e2e.watched import Watched

pytestmark = pytest.mark.campaign

NAME = "led"
KILLS = 20
ROLLOUT: Manifest = {
    "strategy": "Canary",
    "steps": [
        {"weight": 20, "minDuration": "2m", "minRequests": 10},
        {"weight": 80, "minDuration": "2m", "minRequests": 20},
    ],
    "rollbackWindow": "60s",
}
PERIOD = 0.125
"""Seconds between two requests: evidence for a candidate comes with its users."""
ENDED = ("Succeeded", "RolledBack", "Aborted", "Failed")
SECONDS = 900.0


@pytest.fixture(scope="module")
def led(line: Line) -> Iterator[Line]:
    """Two operators, and an object that is served."""
    install(line, replicas=2)
    line.apply(served())
    line.ready(NAME)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        install(line, replicas=1)


def install(line: Line, *, replicas: int) -> None:
    """The chart with so many operators."""
    install_release(line.target.kubectl, {**line.target.values(), "replicas": replicas})


def served(**spec: object) -> Manifest:
    """The object of this file."""
    return deepseek(NAME, rollout=ROLLOUT, gateway={"replicas": 2}, **spec)


def leader(line: Line) -> str:
    """The pod that holds the Lease; empty where none does."""
    lease = line.json("get", "lease", RELEASE, namespace=RELEASE_NAMESPACE)
    return str(lease["spec"].get("holderIdentity") or "")


def kill_leader(line: Line) -> float:
    """SIGKILL to the pod that leads; how long until another one does (seconds)."""
    wait_until(lambda: bool(leader(line)), what="one leads", seconds=SECONDS)
    before = leader(line)
    pod = line.json("get", "pod", before, namespace=RELEASE_NAMESPACE)
    started = time.monotonic()
    line.kill_container(pod, "operator")
    # Another pod takes its place, which waits for no back-off.
    line.run("delete", "pod", before, "--force", "--grace-period=0", namespace=RELEASE_NAMESPACE)
    wait_until(
        lambda: leader(line) not in ("", before),
        what=f"another leads than {before}",
        seconds=SECONDS,
    )
    return time.monotonic() - started


def test_a_rollout_whose_leader_is_killed_twenty_times_is_promoted(led: Line) -> None:
    old = led.get(NAME)["status"]["serving"]["revision"]
    gaps = []
    with Crowd(led.url(NAME), NAME, period=PERIOD) as crowd, Watched(led, NAME) as watched:
        crowd.wait_for_more(20)
        led.apply(served(batching={"maxConcurrentSequences": 16}))
        wait_until(
            lambda: led.rollout(NAME).get("phase") is not None, what="it begins", seconds=SECONDS
        )
        run = led.rollout(NAME)["run"]
        phases = set()
        for _ in range(KILLS):
            phases.add(led.rollout(NAME)["phase"])
            gaps.append(kill_leader(led))
        wait_until(
            lambda: led.rollout(NAME)["phase"] in ENDED, what="it is decided", seconds=SECONDS
        )
        crowd.wait_for_more(20)

    ended = led.rollout(NAME)
    assert (ended["run"], ended["phase"]) == (run, "Succeeded"), ended
    assert len(phases) > 2, phases
    assert crowd.failures == []
    assert (watched.wrongs, watched.looks > 0) == ([], True)
    assert set(crowd.revisions) == {old, ended["candidate"]}
    assert {
        pod["metadata"]["labels"]["serving.deepseek.dev/revision"] for pod in led.engine_pods(NAME)
    } == {ended["candidate"]}
    print(
        f"\nnobody led for {sorted(gaps)[len(gaps) // 2]:.0f} s (median), {max(gaps):.0f} s at most"
    )

"""The embedded cluster comes up from any state, and leaves nothing behind."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dev.cluster import daemons, footprint, layout
from dev.kubectl import Kubectl
from dev.paths import REPOSITORY

PLACE = layout.named("dev")
SEED = 20260301
POINTS = 5


def cluster(command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dev.cluster", command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(command: str) -> str:
    """The output of a command that has to succeed."""
    process = cluster(command)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def killed_after(command: str, seconds: float) -> bool:
    """Run a command and kill it; whether it was still at work."""
    process = cluster(command)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    return False


def difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is there after and was not before, by kind."""
    return {
        kind: new
        for kind, entries in after.items()
        if (new := sorted(set(entries) - set(before[kind])))
    }


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Begin and end without a cluster."""
    done("down")
    yield
    done("down")


def test_what_a_cluster_made_goes_with_it() -> None:
    before = footprint.observe()

    done("up")
    during = difference(before, footprint.observe())
    done("down")

    assert {"processes", "links", "network namespaces", "mounts"} <= set(during)
    assert difference(before, footprint.observe()) == {}


def test_up_and_down_may_be_repeated() -> None:
    done("up")
    nodes = Kubectl(PLACE.kubeconfig).json("get", "nodes")["items"]

    again = done("up")

    now = Kubectl(PLACE.kubeconfig).json("get", "nodes")["items"]
    assert [node["metadata"]["uid"] for node in nodes] == [n["metadata"]["uid"] for n in now]
    assert "is ready after" in again
    assert "cluster dev: ready" in done("status")
    done("down")
    status = cluster("status")
    output, _ = status.communicate(timeout=30)
    assert status.returncode == 1
    assert "the cluster has not been started" in output


def test_killed_at_any_moment_it_comes_up_the_next_time_and_goes_whole() -> None:
    before = footprint.observe()
    draw = random.Random(SEED)

    interrupted = [killed_after("up", draw.uniform(0.2, 6.0)) for _ in range(POINTS)]
    done("up")
    assert "cluster dev: ready" in done("status")
    interrupted += [killed_after("down", draw.uniform(0.2, 2.0)) for _ in range(2)]
    done("down")

    assert any(interrupted)
    assert difference(before, footprint.observe()) == {}


def test_the_state_of_a_cluster_outlives_its_programs() -> None:
    done("up")
    kubectl = Kubectl(PLACE.kubeconfig)
    kubectl.run("create", "namespace", "kept")
    running = daemons.running(PLACE.root)
    assert running

    # As a crash of the machine would end them.
    daemons.stop(running, grace_seconds=0)
    done("up")

    assert kubectl.json("get", "namespace", "kept")["metadata"]["name"] == "kept"

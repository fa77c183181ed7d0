"""The embedded cluster comes up from any state, and leaves nothing behind."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from dev.cluster import daemons, footprint, images, layout
from dev.kubectl import Kubectl
from dev.paths import REPOSITORY

PLACE = layout.named("dev")
SEED = 20260301
POINTS = 4
POINTS_IN_FULL = 40

HOLDER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "holder"},
    "spec": {
        "containers": [
            {
                "name": "pause",
                "image": images.PAUSE,
                "imagePullPolicy": "Never",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
}


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


def left_of(before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is there and was not before, once the kernel has let go of what ended with its last user."""
    daemons.wait_until(lambda: not difference(before, footprint.observe()), 10)
    return difference(before, footprint.observe())


def run_a_pod_with_a_volume() -> None:
    """A pod of the smallest image, on a claim of the default class, until both are used."""
    kubectl = Kubectl(PLACE.kubeconfig)
    account = "--output=name", "get", "serviceaccounts", "--namespace=default"
    assert daemons.wait_until(lambda: "serviceaccount/default" in kubectl.run(*account), 60)
    kubectl.apply(CLAIM, HOLDER, namespace="default")
    kubectl.run("wait", "pod/holder", "--for=condition=Ready", "--timeout=120s")
    assert kubectl.json("get", "persistentvolumeclaim", "data")["status"]["phase"] == "Bound"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Begin and end without a cluster."""
    done("down")
    yield
    done("down")


def test_what_a_cluster_made_goes_with_it() -> None:
    before = footprint.observe()
    # As on a machine that never had a cluster: not even the mount that `ip netns add` makes for its first one.
    assert "/run/netns" not in before["mounts"] or before["network namespaces"]

    done("up")
    run_a_pod_with_a_volume()
    during = difference(before, footprint.observe())
    done("down")

    made = {"processes", "links", "network namespaces", "mounts", "loop devices", "control groups"}
    assert made <= set(during)
    assert left_of(before) == {}


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


def seconds_of(command: str) -> float:
    """How long a command takes that has to succeed."""
    started = time.monotonic()
    done(command)
    return time.monotonic() - started


@pytest.mark.campaign(has_short_form=True)
def test_killed_at_any_moment_it_comes_up_the_next_time_and_goes_whole(*, in_full: bool) -> None:
    before = footprint.observe()
    # Once to build and load what is not there yet, once to know how long it takes when all is.
    done("up")
    done("down")
    up, down = seconds_of("up"), seconds_of("down")
    draw = random.Random(SEED)

    interrupted = 0
    for number in range(POINTS_IN_FULL if in_full else POINTS):
        interrupted += killed_after("up", draw.uniform(0, up))
        # From some points it is brought up, from the others it is removed at once.
        if number % 2:
            done("up")
            assert "cluster dev: ready" in done("status")
            interrupted += killed_after("down", draw.uniform(0, down))
        done("down")
        assert left_of(before) == {}

    assert interrupted


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

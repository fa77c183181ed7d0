"""To the release before and back to this one, with users asking and a rollout under way: no engine notices."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
import yaml

from dev import releases
from dev.demo.load import stream
from dev.images.catalog import OURS, Image
from dev.kubectl import CHART, install_release
from dev.models.shapes import MAX_POSITIONS
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek, wait_until

pytestmark = pytest.mark.campaign

NAME = "upgraded"
ROLLOUT: Manifest = {
    "strategy": "Canary",
    "steps": [{"weight": 50, "minDuration": "5s", "minRequests": 10}],
    "autoPromote": False,
    "rollbackWindow": "30s",
}
PERIOD = 0.125
"""Seconds between two requests: evidence for a candidate comes with its users."""
LONG_ANSWER = MAX_POSITIONS // 2
"""Tokens: seconds of computing."""
SECONDS = 480.0


@dataclass(frozen=True, slots=True)
class Way:
    """A release that may be installed over another."""

    name: str
    chart: Path
    images: tuple[Image, ...]

    def install(self, line: Line) -> None:
        """As a platform team does, by helm, with what its chart knows of the values."""
        known = yaml.safe_load((self.chart / "values.yaml").read_text())
        values = line.target.values(self.images)
        mine = {name: value for name, value in values.items() if name in known}
        install_release(line.target.kubectl, mine, chart=self.chart)

    def runs(self, line: Line) -> bool:
        """Whether the gateway's pods are of this release, all of them, and no others are left."""
        [image] = [line.target.reference(one) for one in self.images if one.name == "gateway"]
        found = line.json("get", "pods", f"--selector=serving.deepseek.dev/gateway={NAME}")["items"]
        images = {one["image"] for pod in found for one in pod["spec"]["containers"]}
        return bool(found) and images == {image}


@dataclass
class Reader:
    """A client of one long stream after the other, of which none may be cut."""

    url: str
    ends: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                _, text = stream(self.url, NAME, max_tokens=LONG_ANSWER, ignore_eos=True)
                self.ends.append(text[-len("data: [DONE]\n\n") :])
            except Exception as error:  # noqa: BLE001 - whatever a user would see
                self.ends.append(repr(error))


THIS = Way("this", CHART, OURS)


@pytest.fixture(scope="module")
def before(line: Line) -> Iterator[Way]:
    """The release before, its images on the node; this one is installed again in the end."""
    release = releases.previous()
    releases.unpack(release)
    for image in release.images:
        line.target.provide(image)
    try:
        yield Way("before", release.chart, release.images)
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
        THIS.install(line)


def served(**spec: object) -> Manifest:
    """The object of this file."""
    return deepseek(NAME, rollout=ROLLOUT, gateway={"replicas": 2}, **spec)


def engines(line: Line) -> dict[str, tuple[str, list[int]]]:
    """The engine pods as they are told apart: by uid, and by how often their containers were started again."""
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            [one["restartCount"] for one in pod["status"]["containerStatuses"]],
        )
        for pod in line.engine_pods(NAME)
    }


def wait_for(line: Line, *phases: str) -> Manifest:
    """The run once it is in one of these phases."""
    wait_until(lambda: line.rollout(NAME).get("phase") in phases, what=f"{phases}", seconds=SECONDS)
    return line.rollout(NAME)


@pytest.mark.parametrize("direction", ["downgrade", "upgrade"])
def test_a_release_takes_over_in_the_middle_of_a_rollout(
    line: Line, before: Way, direction: str
) -> None:
    one, other = (THIS, before) if direction == "downgrade" else (before, THIS)
    line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")
    one.install(line)
    line.apply(served())
    line.ready(NAME, seconds=SECONDS)
    stable = line.get(NAME)["status"]["serving"]["revision"]
    with Crowd(line.url(NAME), NAME, period=PERIOD) as crowd, Reader(line.url(NAME)) as reader:
        crowd.wait_for_more(20)
        line.apply(served(batching={"maxConcurrentSequences": 16}))
        run = wait_for(line, "AwaitingApproval")
        pods = engines(line)
        assert len(pods) == 2

        other.install(line)
        wait_until(lambda: other.runs(line), what="its gateways have taken over", seconds=SECONDS)
        crowd.wait_for_more(40)

        assert engines(line) == pods
        after = line.rollout(NAME)
        assert (after["run"], after["phase"]) == (run["run"], "AwaitingApproval")
        assert line.get(NAME)["status"]["serving"]["revision"] == stable
        command = f"serving.deepseek.dev/command=promote:{after['at']}"
        line.run("annotate", "deepseekdeployment", NAME, command, "--overwrite")
        wait_for(line, "Succeeded")
        line.ready(NAME, seconds=SECONDS)
        crowd.wait_for_more(20)

    assert crowd.failures == []
    assert set(reader.ends) == {"data: [DONE]\n\n"}
    assert set(crowd.revisions) == {stable, run["candidate"]}
    assert line.get(NAME)["status"]["serving"]["revision"] == run["candidate"]
    [left] = engines(line).items()
    assert left in pods.items()


def test_objects_of_the_release_before_are_taken_as_they_are(line: Line, before: Way) -> None:
    """Each of its examples is taken by both, and one that was stored under it is changed under this one."""
    before.install(line)
    kubectl = line.target.kubectl
    stored, empty = "upgraded-stored", "upgraded-empty"
    for namespace in (stored, empty):
        kubectl.run("create", "namespace", namespace)
    try:
        files = sorted((before.chart.parent.parent / "examples").glob("*.yaml"))
        # Of an object that is there some fields are taken no more, as rollout.from.
        taken = ("apply", f"--namespace={empty}", "--dry-run=server")
        for file in files:
            kubectl.run(*taken, f"--filename={file}")
        kubectl.run("apply", f"--namespace={stored}", f"--filename={files[0]}")
        THIS.install(line)
        for file in files:
            kubectl.run(*taken, f"--filename={file}")
        place = f"--namespace={stored}"
        kubectl.run("apply", place, f"--filename={files[0]}")
        kubectl.run("label", "deepseekdeployment", place, "--all", "touched=yes")
    finally:
        for namespace in (stored, empty):
            kubectl.run("delete", "namespace", namespace, "--wait=false")

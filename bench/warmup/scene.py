"""Pods of the embedded cluster, started cold and timed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.warmup import requests
from bench.warmup.measured import First, Start
from bench.warmup.requests import KINDS, Timed
from dev.cluster.layout import HOST_ADDRESS
from dev.demo import __main__ as demo
from dev.demo import target
from dev.images import catalog
from dev.models import __main__ as models
from tests.e2e.line import Line, Manifest, deepseek, removed_afterwards, wait_until
from tests.hub.hub import Hub
from tests.hub.models import Model

MODEL = "tiny-r1-distill-qwen"
START_SECONDS = 600.0
TURNS = 4
"""Requests of each kind, to the pod and to the control in turns."""

GATE = "serving.deepseek.dev/warm"


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster with the operator, and a hub that has the model."""

    line: Line
    hub: Hub
    compiling: str
    """Reference of the image that compiles."""

    def spec(self, *, compiles: bool) -> Manifest:
        """What every object here has in common, by its engine."""
        if not compiles:
            return {}
        return {"engine": {"image": self.compiling, "args": ["--no-enforce-eager"]}}

    def fetched(self, *, compiles: bool) -> Manifest:
        """The same with weights from the hub: what is compiled is kept beside them."""
        env = [{"name": "HF_ENDPOINT", "value": self.hub.url}]
        return {
            **self.spec(compiles=compiles),
            "source": f"hf://bench/{MODEL}",
            "cache": {"size": "1Gi"},
            "pod": {"env": env},
        }

    @contextlib.contextmanager
    def served(self, name: str, **spec: Any) -> Iterator[str]:
        """An object that serves, as long as the context lasts; its URL."""
        with removed_afterwards(self.line, name):
            self.line.apply(deepseek(name, **spec))
            self.line.ready(name, seconds=START_SECONDS)
            yield self.line.url(name)
        wait_until(
            lambda: not self.pods(name), what=f"{name} has left the machine", seconds=START_SECONDS
        )

    def pods(self, name: str) -> list[Manifest]:
        """All pods of an object, those that leave too."""
        found = self.line.json("get", "pods", f"--selector=serving.deepseek.dev/deployment={name}")
        return list(found["items"])

    def first_requests(self, name: str, control: str, **spec: Any) -> First:
        """Start a pod and send the first requests it ever gets, beside the same to a warm one."""
        pod: list[Timed] = []
        beside: list[Timed] = []
        with self.served(name, **spec) as url:
            for _ in range(TURNS):
                for kind in KINDS:
                    pod.append(requests.ask(url, name, kind))
                    beside.append(requests.ask(self.line.url(control), control, kind))
        return First(tuple(pod), tuple(beside))

    def starts(self, name: str) -> tuple[Start, Start]:
        """A pod that finds nothing compiled, then one that finds what the first compiled."""
        with self.served(name, **self.fetched(compiles=True)):
            [first] = self.pods(name)
            before = self._start(name, first)
            self._wait_until_kept(first)
            self.line.run("delete", "pod", first["metadata"]["name"])
            wait_until(
                lambda: self._is_replaced(name, first),
                what="the second pod serves",
                seconds=START_SECONDS,
            )
            [second] = self.pods(name)
            return before, self._start(name, second)

    def _is_replaced(self, name: str, old: Manifest) -> bool:
        """Whether one pod is there, it is not this one, and it serves."""
        pods = self.pods(name)
        if len(pods) != 1 or pods[0]["metadata"]["uid"] == old["metadata"]["uid"]:
            return False
        conditions = {item["type"]: item["status"] for item in pods[0]["status"]["conditions"]}
        told = {item["pod"] for item in self.line.get(name)["status"].get("warmup", [])}
        return conditions.get("Ready") == "True" and pods[0]["metadata"]["name"] in told

    def _wait_until_kept(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        wait_until(
            lambda: "kept what was compiled" in self.line.run("logs", name, "--container=warden"),
            what="what was compiled is kept",
        )

    def _start(self, name: str, pod: Manifest) -> Start:
        started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        [opened] = [
            item["lastTransitionTime"]
            for item in pod["status"]["conditions"]
            if item["type"] == GATE
        ]
        [told] = [
            item
            for item in self.line.get(name)["status"]["warmup"]
            if item["pod"] == pod["metadata"]["name"]
        ]
        cold = [figure["coldFirstToken"] for figure in told["figures"]]
        seconds = datetime.fromisoformat(opened) - datetime.fromisoformat(started)
        return Start(seconds.total_seconds(), told["seconds"], max(cold) / 1000)


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    """The demo's cluster with everything that the rounds need."""
    chosen = target.embedded()
    demo.run(chosen)
    chosen.provide(catalog.COMPILING)
    line = Line(chosen)
    # The demo's own engine would take its share of the machine.
    line.run("delete", "deepseekdeployment", demo.NAME)
    with Hub(Model(f"bench/{MODEL}", models.directory() / MODEL), host=HOST_ADDRESS) as hub:
        yield Scene(line, hub, chosen.image(catalog.COMPILING.name))

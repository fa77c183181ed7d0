"""What holds of an object at every moment, whatever happens to it: looked at again and again while a test does its worst."""

import contextlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from deepseek_operator.observed import revision_of
from deepseek_operator.telemetry.gateways import is_ready
from dev import steps
from tests.e2e.line import Line, Manifest

_PERIOD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw."""

    weights: dict[str, int]
    """By revision, in percent, as the gateways are told."""
    ready: frozenset[str]
    """Revisions of which a pod may be asked."""
    pods: frozenset[str]
    """Revisions that have a pod, whatever its state."""
    serving: str
    """As status says; empty before any does."""


def wrongs(before: Look, now: Look) -> list[str]:
    """What may never be, of two looks that follow each other."""
    found = []
    if now.weights and sum(now.weights.values()) != 100:
        found.append(f"weights of {now.weights}")
    if len(now.weights) > 2:
        found.append(f"users are split between {len(now.weights)} revisions")
    # Pods are read after weights: one that has ended since was there before.
    found += [
        f"{revision} got users while none of its pods was ready"
        for revision in sorted(now.weights.keys() - before.weights.keys())
        if revision not in before.ready | now.ready
    ]
    if now.serving and now.serving not in before.pods | now.pods:
        found.append(f"{now.serving} serves and has no pod")
    return found


@dataclass
class Watched:
    """Looks at an object until it is left; what was wrong is kept."""

    line: Line
    name: str
    wrongs: list[str] = field(default_factory=list)
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        before = None
        while not self._over.wait(_PERIOD_SECONDS):
            # An API server that stands still tells nothing.
            with contextlib.suppress(steps.StepError):
                now = self._look()
                self.wrongs += wrongs(before or now, now)
                self.looks += 1
                before = now

    def _look(self) -> Look:
        configuration = self.line.json("get", "configmap", f"{self.name}-gateway")
        document = json.loads(configuration["data"]["gateway.json"])
        serving = self.line.get(self.name)["status"].get("serving", {}).get("revision", "")
        selector = f"--selector=serving.deepseek.dev/deployment={self.name}"
        pods = self.line.json("get", "pods", selector)["items"]
        return Look(
            weights={route["revision"]: route["weight"] for route in document["routes"]},
            ready=revisions_of(pod for pod in pods if is_ready(pod)),
            pods=revisions_of(pods),
            serving=serving,
        )


def revisions_of(pods: Iterable[Manifest]) -> frozenset[str]:
    """Those that pods are labelled with."""
    return frozenset(key for key in map(revision_of, pods) if key is not None)

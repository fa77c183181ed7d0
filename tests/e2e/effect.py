"""How long a weight takes from status to users' requests."""

import contextlib
import http.client
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from dev import steps
from dev.demo.__main__ import NAMESPACE
from tests.e2e.line import Line

_PERIOD_SECONDS = 0.01


@dataclass
class Effect:
    """Watches status for a weight, and asks the gateway until another revision than the old one answers."""

    line: Line
    name: str
    old: str
    weight: int
    told_at: float | None = None
    """When status said the weight: what is printed later is later by what kubectl takes."""
    answered_at: float | None = None
    """When another revision answered first."""
    _watch: subprocess.Popen[str] | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        kubectl = self.line.target.kubectl
        column = '--output=jsonpath={.status.rollout.weight}{"\\n"}'
        words = ["get", "deepseekdeployment", self.name, f"--namespace={NAMESPACE}", "--watch"]
        self._watch = subprocess.Popen(
            [kubectl.program("kubectl"), *words, column],
            env=steps.environment(kubectl.environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._threads = [threading.Thread(target=one) for one in (self._look, self._ask)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._watch is not None:
            self._watch.terminate()
            self._watch.wait()
        for thread in self._threads:
            thread.join()
        if self._watch is not None and self._watch.stdout is not None:
            self._watch.stdout.close()

    @property
    def seconds(self) -> float | None:
        """From status to the first request of the new split; None while it is not known."""
        if self.told_at is None or self.answered_at is None:
            return None
        return self.answered_at - self.told_at

    def _look(self) -> None:
        assert self._watch is not None
        assert self._watch.stdout is not None
        for text in self._watch.stdout:
            if text.strip() == str(self.weight):
                self.told_at = time.monotonic()
                return

    def _ask(self) -> None:
        host = self.line.url(self.name).removeprefix("http://")
        while not self._over.wait(_PERIOD_SECONDS):
            # A list of models costs an engine nothing, and is split as all else is.
            with (
                contextlib.suppress(OSError, http.client.HTTPException),
                contextlib.closing(http.client.HTTPConnection(host, timeout=5)) as connection,
            ):
                connection.request("GET", "/v1/models")
                answer = connection.getresponse()
                answer.read()
                if answer.headers.get("x-dsd-revision") not in (None, self.old):
                    self.answered_at = time.monotonic()
                    return

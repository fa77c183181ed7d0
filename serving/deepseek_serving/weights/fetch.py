"""A model from its source into a volume, by whichever process owns the volume; or its listing."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deepseek_serving.weights import claims, inventory, volume
from deepseek_serving.weights.claims import Claim
from deepseek_serving.weights.errors import OwnershipLost, Permanent, Reason, Stopped
from deepseek_serving.weights.inventory import Inventory
from deepseek_serving.weights.progress import Meter, Progress
from deepseek_serving.weights.retries import Policy
from deepseek_serving.weights.sources import names
from deepseek_serving.weights.transfer import Tools
from deepseek_serving.weights.transport import Transport
from deepseek_serving.weights.volume import Volume
from deepseek_serving.weights.work import Work


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be fetched, and how patiently."""

    source: str
    environment: Mapping[str, str]
    stall_seconds: float = 120.0
    parallel: int = 4
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A model that is whole."""

    files: int
    size: int


class Survey:
    """One listing, which needs no volume; `stop` may be used from other threads."""

    def __init__(self, request: Request, *, log: Callable[[str], None]) -> None:
        self._request = request
        self._log = log
        self.stop = threading.Event()

    def run(self) -> Inventory:
        """Return what a fetch would take; FetchError where that cannot be known."""
        return inventory.take(
            _open_tools(self._request, meter=Meter(), stop=self.stop, log=self._log)
        )


class Fetch:
    """One run; `progress` and `stop` may be used from other threads."""

    def __init__(self, request: Request, target: Path, *, log: Callable[[str], None]) -> None:
        self._request = request
        self._log = log
        self._volume = Volume(target)
        self._others: Progress | None = None
        self.meter = Meter()
        self.stop = threading.Event()

    def progress(self) -> Progress:
        """How far it is, or how far the process is that it waits for."""
        return self._others or self.meter.progress()

    def run(self) -> Outcome:
        """Return when the volume holds the whole model; FetchError where that cannot be."""
        while True:
            try:
                outcome = self._finished()
                if outcome is not None:
                    self._others = None
                    self.meter.enter("complete")
                    return outcome
                self._fetch_as_owner()
            except OwnershipLost:
                self._log("another process has taken the volume over: waiting for it")
            except OSError as error:
                raise volume.explain(error, self._volume.root) from error

    def _finished(self) -> Outcome | None:
        """What the completion marker says, where there is one of this source."""
        marker = self._volume.marker()
        if marker is None:
            return None
        if marker.get("source") != self._request.source:
            raise Permanent(
                Reason.INVALID_SOURCE,
                f"the volume holds {marker.get('source')}: use a volume of its own for"
                f" {self._request.source}",
            )
        sizes = [int(file["size"]) for file in marker["files"]]
        self.meter.recount(files=len(sizes), size=sum(sizes))
        return Outcome(len(sizes), sum(sizes))

    def _fetch_as_owner(self) -> None:
        """Fetch once the volume is ours, unless another process has finished meanwhile."""
        tools = _open_tools(self._request, meter=self.meter, stop=self.stop, log=self._log)
        self._volume.root.mkdir(parents=True, exist_ok=True)
        claim = self._wait_for_claim()
        if claim is None:
            return
        work = Work(self._volume, tools.that_also(claim.check), parallel=self._request.parallel)
        try:
            with claims.beating(claim, lambda: self.meter.progress().document()):
                # Someone may have finished between our look and our claim.
                if self._volume.marker() is None:
                    work.run(self._request.source)
        finally:
            if work.has_ended():
                claim.release()

    def _wait_for_claim(self) -> Claim | None:
        """The claim; None as soon as another process has completed the model."""
        waiting = claims.Queue(self._volume.work / "claims")
        while True:
            claim = waiting.attempt()
            if isinstance(claim, Claim):
                self._others = None
                return claim
            # Whoever waits for the model asks how far it is, not who fetches it.
            self._others = Progress.from_document(claim.progress)
            if self.stop.wait(claims.POLL_SECONDS):
                raise Stopped
            if self._volume.marker() is not None:
                return None


def _open_tools(
    request: Request, *, meter: Meter, stop: threading.Event, log: Callable[[str], None]
) -> Tools:
    """What asks the source; Permanent where the text names none."""
    transport = Transport(stall_seconds=request.stall_seconds)
    source = names.open_source(request.source, environment=request.environment, transport=transport)
    return Tools(
        source=source,
        transport=transport,
        policy=request.policy,
        meter=meter,
        stop=stop,
        conditions=(),
        log=log,
    )

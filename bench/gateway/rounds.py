"""Rounds: all proxies one after the other, each alone, under each kind of load."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import loading, machine
from bench.gateway.contenders import Contender, Place, Running
from bench.gateway.loading import Engines
from bench.gateway.machine import Cores, Foreign, NotAvailableError
from bench.gateway.measured import NOISY_CORES, Run, Scene

REPEATS = 2
"""How often a noisy run is tried again; the last one counts however it was."""


SETTLE_SECONDS = 8.0
IDLE_SECONDS, IDLE_CORES = 0.2, 0.2


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share."""

    work: Path
    cores: Cores
    engines: Engines
    seconds: float
    """Of each load."""
    most_foreign: float = NOISY_CORES
    """Cores that others may use beside a run; more, and it is repeated."""

    def place(self, name: str) -> Place:
        """A new folder for a proxy."""
        folder = self.work / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return Place(folder, self.cores, self.engines.ports)


def available(
    makers: Mapping[str, Callable[[], Contender]],
) -> tuple[list[Contender], dict[str, str]]:
    """The proxies that can be had, and why the others cannot."""
    found, missing = [], {}
    for name, make in makers.items():
        try:
            found.append(make())
        except NotAvailableError as error:
            missing[name] = f"not available: {error}"
    return found, missing


def measure_round(
    bench: Bench, contenders: Sequence[Contender], scenes: Sequence[Scene]
) -> tuple[dict[str, dict[str, Run]], dict[str, str]]:
    """Runs by proxy and scene, and why a proxy has none."""
    found: dict[str, dict[str, Run]] = {}
    missing: dict[str, str] = {}
    for contender in contenders:
        place = bench.place(contender.name)
        try:
            with contender.start(place) as running:
                found[contender.name] = _runs(bench, running, scenes)
        except NotAvailableError as error:
            missing[contender.name] = f"not available: {error}"
            say(f"{contender.name}: {error}")
            continue
        runs = found[contender.name]
        costs = ", ".join(f"{name} {run.per_request:.3f}" for name, run in runs.items())
        say(f"{contender.name}: CPU ms a request: {costs}")
    return found, missing


def _runs(bench: Bench, running: Running, scenes: Sequence[Scene]) -> dict[str, Run]:
    # Connections, caches and code that runs for the first time belong to no figure.
    warm = ("-clients", "64", "-seconds", f"{min(bench.seconds, 1.0)}s")
    loading.ask(running.port, warm, core=bench.cores.load)
    found = {}
    for scene in scenes:
        _settle(running)
        found[scene.name] = _quiet_run(bench, running, scene)
    return found


def _settle(running: Running) -> None:
    """Wait until the proxy has done with what it was asked before, for a while at most."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        before = machine.usage(running.processes).cpu_seconds
        time.sleep(IDLE_SECONDS)
        used = machine.usage(running.processes).cpu_seconds - before
        if used < IDLE_CORES * IDLE_SECONDS:
            return


def _quiet_run(bench: Bench, running: Running, scene: Scene) -> Run:
    for _ in range(REPEATS):
        run = measure(bench, running, scene.flags)
        if run.foreign_cores <= bench.most_foreign:
            return run
        say(f"{scene.name}: others used {run.foreign_cores:.2f} cores: again")
    return measure(bench, running, scene.flags)


def measure(bench: Bench, running: Running, flags: Sequence[str]) -> Run:
    """One load, and what the proxy took of its core meanwhile."""
    foreign, before = Foreign(), machine.usage(running.processes)
    words = [*flags, "-seconds", f"{bench.seconds}s"]
    load = loading.ask(running.port, words, core=bench.cores.load)
    after = machine.usage(running.processes)
    return Run(load, after.cpu_seconds - before.cpu_seconds, after.rss_mib, foreign.cores())


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)

"""Rounds: all proxies one after the other, each alone, under each kind of load."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import loading, machine
from bench.gateway.contenders import Contender, Place, Running
from bench.gateway.loading import Engines
from bench.gateway.machine import Cores, Foreign, NotAvailableError
from bench.gateway.measured import NOISY_CORES, Run, Scene

REPEATS = 2
"""How often a noisy run is tried again; the last one counts however it was."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share."""

    work: Path
    cores: Cores
    engines: Engines
    seconds: float
    """Of each load."""

    def place(self, name: str) -> Place:
        """A new folder for a proxy."""
        folder = self.work / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return Place(folder, self.cores, self.engines.ports)


def available(
    makers: Sequence[Callable[[], Contender]],
) -> tuple[list[Contender], dict[str, str]]:
    """The proxies that can be had, and why the others cannot."""
    found, missing = [], {}
    for make in makers:
        try:
            found.append(make())
        except NotAvailableError as error:
            missing[make.__name__.replace("_", "-")] = str(error)
    return found, missing


def measure_round(
    bench: Bench, contenders: Sequence[Contender], scenes: Sequence[Scene]
) -> dict[str, dict[str, Run]]:
    """Runs by proxy and scene; a proxy that does not start is left out."""
    found: dict[str, dict[str, Run]] = {}
    for contender in contenders:
        place = bench.place(contender.name)
        try:
            with contender.start(place) as running:
                found[contender.name] = _runs(bench, running, scenes)
        except NotAvailableError as error:
            say(f"{contender.name}: {error}")
            continue
        runs = found[contender.name]
        costs = ", ".join(f"{name} {run.per_request:.3f}" for name, run in runs.items())
        say(f"{contender.name}: CPU ms a request: {costs}")
    return found


def _runs(bench: Bench, running: Running, scenes: Sequence[Scene]) -> dict[str, Run]:
    # Connections, caches and code that runs for the first time belong to no figure.
    warm = ("-clients", "64", "-seconds", f"{min(bench.seconds, 1.0)}s")
    loading.ask(running.port, warm, core=bench.cores.load)
    return {scene.name: _quiet_run(bench, running, scene) for scene in scenes}


def _quiet_run(bench: Bench, running: Running, scene: Scene) -> Run:
    for _ in range(REPEATS):
        run = measure(bench, running, scene.flags)
        if run.foreign_cores <= NOISY_CORES:
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

"""The tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.gateway import measured
from bench.gateway.contenders import BARE, DIRECT, OURS, ROUTERS
from bench.gateway.measured import (
    NOISY_CORES,
    SCENES,
    Changes,
    Memory,
    Run,
    Runs,
    Scene,
    Sustained,
)
from bench.reconcile import markdown
from bench.weights.statistics import Interval

MOST_OF_BARE = 1.25
MOST_GROWTH = 1.05
MOST_EFFECT_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a run of the bench has found."""

    scenes: Mapping[str, Runs]
    """Runs by scene and proxy."""
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    """Why a proxy is not among them."""
    changes: Changes
    sustained: Sustained
    memory: Memory


def scene_table(scene: Scene, runs: Runs, missing: Mapping[str, str]) -> str:
    """A row for each proxy, in the order in which they were run."""
    unit = "CPU ms per 1000 chunks" if scene.streams else "CPU ms/request"
    wait = (
        "first chunk later by p50 / p99, ms (raw)" if scene.streams else "added p50 / p99, ms (raw)"
    )
    header = ["proxy", unit, "to bare Envoy (95 % interval)", wait, "gap p99, ms (raw)"]
    header += ["served a second", "failed", "memory, MiB (raw)"]
    rows = [_scene_row(scene, runs, name) for name in runs]
    return markdown.table(
        header, [*rows, *([name, why, *[""] * 6] for name, why in missing.items())]
    )


def _scene_row(scene: Scene, runs: Runs, name: str) -> list[str]:
    found = runs[name]
    alone = name == DIRECT
    to_bare = None if name in (DIRECT, BARE) else measured.beside(runs, name, BARE, scene)
    rates = [run.rate(scene.offered) for run in found]
    return [
        name,
        "" if alone else markdown.spread([measured.cost(scene)(run) for run in found]),
        "" if to_bare is None else _interval(to_bare),
        _added(scene, runs, name),
        _gaps(scene, found),
        markdown.number(statistics.median(rates)),
        _failed(found),
        "" if alone else markdown.number(max(run.rss_mib for run in found)),
    ]


def _added(scene: Scene, runs: Runs, name: str) -> str:
    if DIRECT not in runs or not (scene.offered or scene.streams):
        return ""
    if any(measured.is_overloaded(run, scene) for run in runs[name]):
        return "overloaded"
    if any(run.load.served == 0 for run in runs[name]):
        return "nothing served"
    if name == DIRECT:
        alone = zip(*(_wait(scene, run) for run in runs[name]), strict=True)
        return " / ".join(f"{statistics.median(part):.2f}" for part in alone) + " in all"
    later = measured.added(runs, name, DIRECT, lambda run: _wait(scene, run))
    return " / ".join(f"{part:.2f}" for part in later)


def _wait(scene: Scene, run: Run) -> tuple[float, float]:
    """What users wait for: the first chunk of a stream, else the answer."""
    spread = run.load.first if scene.streams else run.load.took
    return spread.p50, spread.p99


def _gaps(scene: Scene, found: Sequence[Run]) -> str:
    if not scene.streams:
        return ""
    return f"{statistics.median(run.load.gaps.p99 for run in found):.1f}"


def _failed(found: Sequence[Run]) -> str:
    kinds: dict[str, int] = {}
    for run in found:
        for kind, count in run.load.failed.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "0"


def beside_table(scenes: Mapping[str, Runs]) -> str:
    """This gateway's CPU to that of the others in each scene, and whether the goal is met in it."""
    taken = [scene for scene in SCENES if scene.name in scenes]
    header = ["this gateway's CPU to that of", *(scene.title for scene in taken)]
    rows = []
    for name, most in {BARE: MOST_OF_BARE, **dict.fromkeys(ROUTERS, 1.0)}.items():
        cells = [_beside_cell(scenes[scene.name], name, scene, most) for scene in taken]
        rows.append([name, *cells, f"<= {most:g}" if name == BARE else "< 1"])
    return markdown.table([*header, "goal: all of it"], rows)


def _beside_cell(runs: Runs, name: str, scene: Scene, most: float) -> str:
    found = measured.beside(runs, OURS, name, scene)
    if found is None:
        return "not measured"
    return f"{_interval(found)}: {markdown.yes_or_no(holds=found.high <= most)}"


def goals_table(findings: Findings) -> str:
    """What the gateway was to reach by itself."""
    rows = [
        *_sustained_rows(findings.sustained),
        *_changes_rows(findings.changes),
        *_memory_rows(findings.memory),
    ]
    return markdown.table(["figure", "found", "goal", "met"], rows)


def _sustained_rows(held: Sustained) -> list[list[str]]:
    name = f"1000 requests/s for {held.load.seconds:.0f} s on one core: failed"
    found = f"{held.load.failures:,} of {held.load.begun:,}; {held.cpu_cores:.2f} cores used"
    return [[name, found, "0", markdown.yes_or_no(holds=held.load.failures == 0)]]


def _changes_rows(changes: Changes) -> list[list[str]]:
    of = f"{len(changes.effect_ms)} changes of all weight"
    asked = changes.plain.begun + changes.streams.begun
    fast = max(changes.effect_ms) < MOST_EFFECT_MS
    return [
        [
            f"{of}: the last request went the old way after, ms",
            markdown.middle_and_most(changes.effect_ms),
            f"< {MOST_EFFECT_MS:,.0f}",
            markdown.yes_or_no(holds=fast),
        ],
        [
            f"{of}: acknowledged after, ms",
            markdown.middle_and_most(changes.acknowledged_ms),
            "",
            "",
        ],
        [
            f"{of}: requests and streams lost",
            f"{changes.lost:,} of {asked:,}",
            "0",
            markdown.yes_or_no(holds=changes.lost == 0),
        ],
    ]


def _memory_rows(memory: Memory) -> list[list[str]]:
    first, last = memory.requests[0], memory.requests[-1]
    held = f"{memory.rss_mib[0]:.1f} to {memory.rss_mib[-1]:.1f} MiB"
    return [
        [
            f"memory after {last:,} requests to that after {first:,}",
            f"{memory.growth:.3f} ({held}; {memory.kib_per_million:+,.0f} KiB for each million)",
            f"<= {MOST_GROWTH:g}",
            markdown.yes_or_no(holds=memory.growth <= MOST_GROWTH),
        ],
        [
            f"failed of {last:,}",
            f"{memory.failures:,}",
            "0",
            markdown.yes_or_no(holds=memory.failures == 0),
        ],
    ]


def noise(scenes: Mapping[str, Runs]) -> str:
    """How much of the machine others used, in one sentence."""
    foreign = [
        run.foreign_cores for runs in scenes.values() for found in runs.values() for run in found
    ]
    noisy = sum(one > NOISY_CORES for one in foreign)
    return (
        f"CPU of others during a run, cores: {statistics.median(foreign):.2f} at the median, {max(foreign):.2f} at most;"
        f" {noisy} of {len(foreign)} runs stayed above {NOISY_CORES:g} after they were repeated."
    )


def report(findings: Findings, *, rounds: int) -> str:
    """All tables."""
    scenes = {
        scene: findings.scenes[scene.name] for scene in SCENES if scene.name in findings.scenes
    }
    there = {name for runs in scenes.values() for name in runs}
    versions = [
        f"{name} {said}" for name, said in findings.versions.items() if name in there and said
    ]
    parts = [", ".join(versions)]
    for scene, runs in scenes.items():
        table = scene_table(scene, runs, findings.missing)
        parts.append(f"### {scene.title}, {rounds} paired rounds\n\n{table}")
    parts.append(noise(findings.scenes))
    parts.append(f"### This gateway's CPU beside others\n\n{beside_table(findings.scenes)}")
    parts.append(f"### This gateway by itself\n\n{goals_table(findings)}")
    return "\n\n".join(parts)


def _interval(interval: Interval) -> str:
    low, high = markdown.number(interval.low), markdown.number(interval.high)
    return f"{markdown.number(interval.middle)} ({low} to {high})"

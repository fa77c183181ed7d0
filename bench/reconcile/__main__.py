"""`python -m bench.reconcile`: measures, then prints tables; progress goes to the standard error."""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.reconcile import (
    contenders,
    default,
    duel,
    duel_report,
    latency,
    lines,
    lost,
    lost_report,
    scale,
    scale_report,
)
from bench.reconcile.cluster import running_cluster
from bench.reconcile.duel import Round
from bench.reconcile.duel_report import PLAIN, Figure

PARTS = ("scale", "default", "latency", "duel", "lost")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    objects: tuple[int, ...]
    parts: tuple[str, ...]
    rounds: int
    duel_objects: int
    lost_objects: int
    latency_objects: int
    kills: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures are."""
    plan = parse(arguments)
    print(f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}\n")
    asyncio.run(_measure(plan))
    return 0


def parse(arguments: Sequence[str] | None) -> Plan:
    """The plan that the command line asks for."""
    parser = argparse.ArgumentParser(prog="bench.reconcile", description=__doc__)
    parser.add_argument(
        "--objects", default="", help="numbers of objects, ascending (default: 1,100,1000)"
    )
    parser.add_argument("--quick", action="store_true", help="a smaller run, to see that it works")
    parser.add_argument(
        "--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)} (default: all)"
    )
    options = parser.parse_args(arguments)
    unknown = set(options.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"--parts: {', '.join(sorted(unknown))}: not one of {', '.join(PARTS)}")
    counts = options.objects or ("1,20" if options.quick else "1,100,1000")
    return Plan(
        objects=tuple(int(count) for count in counts.split(",")),
        parts=tuple(options.parts.split(",")),
        rounds=1 if options.quick else 3,
        duel_objects=10 if options.quick else 100,
        lost_objects=2 if options.quick else 5,
        latency_objects=10 if options.quick else latency.OBJECTS,
        kills=1 if options.quick else latency.KILLS,
    )


async def _measure(plan: Plan) -> None:
    ahead: list[str] = []
    if "scale" in plan.parts:
        print(f"### What objects cost\n\n{await _scale(plan)}\n", flush=True)
    if "default" in plan.parts:
        print(f"### What all defaults cost\n\n{await _default()}\n", flush=True)
    if "latency" in plan.parts:
        print(f"### How soon\n\n{await _latency(plan)}\n", flush=True)
    if "duel" in plan.parts:
        figures = await _duel(plan)
        ahead += [figure.name for figure in figures if figure.ahead == PLAIN]
        title = f"Side by side: {plan.rounds} paired rounds of {plan.duel_objects} objects"
        print(f"### {title}\n\n{duel_report.report(figures)}\n", flush=True)
    if "lost" in plan.parts:
        table, behind = await _lost(plan)
        ahead += behind
        print(f"### Lost events and repairs\n\n{table}\n", flush=True)
    if ahead:
        listed = "\n".join(f"- {name}" for name in ahead)
        print(f"### Where plain kopf is ahead\n\n{listed}")


async def _scale(plan: Plan) -> str:
    results = []
    async with running_cluster() as cluster:
        for count in plan.objects:
            _say(f"scale: {count} objects")
            results.append(await scale.measure(cluster, count))
    return scale_report.report(results)


async def _default() -> str:
    _say("default: one object")
    async with running_cluster() as cluster:
        return default.report(await default.measure(cluster))


async def _latency(plan: Plan) -> str:
    _say(f"latency: {plan.latency_objects} objects, two operators")
    async with running_cluster() as cluster:
        found = await latency.measure(cluster, count=plan.latency_objects, kills=plan.kills)
        return latency.report(found)


async def _duel(plan: Plan) -> list[Figure]:
    pairs: list[tuple[Round, Round]] = []
    async with running_cluster() as cluster:
        for number in range(plan.rounds):
            users = [contenders.OURS, contenders.PLAIN]
            found = {}
            # Who goes first alternates, so that a cluster that grows favours neither.
            for user in users if number % 2 == 0 else reversed(users):
                _say(f"duel: round {number + 1}, {user}")
                found[user] = await duel.one_round(
                    cluster, user, number=number, count=plan.duel_objects
                )
            pairs.append((found[contenders.OURS], found[contenders.PLAIN]))
    code = Figure("lines of code beside the builders", (lines.our_lines(),), (lines.plain_lines(),))
    return [*duel_report.figures(pairs, count=plan.duel_objects), code]


async def _lost(plan: Plan) -> tuple[str, list[str]]:
    """The table, and what plain kopf is ahead in."""
    _say("lost: both operators")
    async with running_cluster() as cluster:
        found = await lost.run(cluster, size=plan.lost_objects)
    ours, plain = found.verdicts[contenders.OURS], found.verdicts[contenders.PLAIN]
    behind = lost_report.behind(ours, plain, found.ends)
    return lost_report.report(ours, plain, found.ends), behind


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

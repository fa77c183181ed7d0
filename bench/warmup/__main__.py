"""`python -m bench.warmup`: what a user's first request meets, and what a pod's start costs."""

import argparse
import os
import platform
import sys
from collections.abc import Sequence

from bench.warmup import report
from bench.warmup.measured import First, Start
from bench.warmup.scene import Scene, scene

ENGINES = {"shipped image": False, "image that compiles": True}
"""Engines by whether they compile."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.warmup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="paired rounds (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one round, to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 1
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures are."""
    options = parse(arguments)
    with scene() as place:
        print(f"\n{os.cpu_count()} CPUs, {platform.machine()}, vLLM 0.32.0 for CPUs\n", flush=True)
        rounds: dict[str, list[First]] = {}
        for engine, compiles in ENGINES.items():
            rounds |= _first_requests(place, engine, compiles=compiles, rounds=options.rounds)
        warmed = [name for name in rounds if name.endswith(", warmed up")]
        print(f"### The first requests to a pod, {options.rounds} paired rounds\n")
        print(f"{report.first_requests(rounds, goals=warmed)}\n", flush=True)
        starts = [_starts(place, number) for number in range(options.rounds)]
        print(f"### The start of a pod whose engine compiles, {options.rounds} paired rounds\n")
        print(report.starts([pair[0] for pair in starts], [pair[1] for pair in starts]))
    return 0


def _first_requests(
    place: Scene, engine: str, *, compiles: bool, rounds: int
) -> dict[str, list[First]]:
    """Pods with and without a warm-up in turns, beside one that has been warm all the time."""
    users = {f"{engine}, warmed up": True, f"{engine}, not warmed up": False}
    found: dict[str, list[First]] = {name: [] for name in users}
    spec = place.spec(compiles=compiles)
    with place.served("control", **spec):
        for number in range(rounds):
            for user in users if number % 2 == 0 else reversed(users):
                one = place.first_requests(
                    "pod", "control", **spec, warmup={"enabled": users[user]}
                )
                found[user].append(one)
                _say(f"round {number + 1}, {user}: slowest x {one.slowest:.1f}")
    return found


def _starts(place: Scene, number: int) -> tuple[Start, Start]:
    before, after = place.starts("pod")
    _say(f"round {number + 1}: {before.until_open:.0f} s, then {after.until_open:.0f} s")
    return before, after


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.decision`: how many good candidates are promoted, how many bad ones rolled back."""

import argparse
import itertools
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence

from bench.decision import report
from bench.decision.report import Cell
from bench.decision.simulate import End, Job, named_runs
from bench.decision.traffic import KINDS, Traffic

PIECE = 250
"""Runs that one process is given at once."""
RATES = (1.0, 10.0, 1000.0)
FAILING = (0.005, 0.01, 0.05)
RATIOS = (1.0, 2.0, 4.0)
OTHER_RATE, OTHER_FAILING = 10.0, 0.01
"""Of the kinds of traffic that are not steady."""
BROKEN = 25.0
"""A candidate that fails a quarter of the requests, where one in a hundred fails."""
OTHER_METRICS = (("timeToFirstToken", 0.05), ("truncated", 0.1), ("timeToFirstTokenLimit", 0.05))
"""What a candidate is worse at that fails no more than the stable revision, and how often that is."""
OTHER_RATES = (1.0, 10.0)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.decision", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=10_000, help="of each steady kind (default: 10000)"
    )
    parser.add_argument(
        "--other-runs", type=int, default=1000, help="of each other kind (default: 1000)"
    )
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count(), help="at once (default: one a core)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first run (default: 1)")
    return parser.parse_args(arguments)


def steady_kinds() -> list[Traffic]:
    """Failures at any rate and share: what there is a bar for at full size."""
    return [
        Traffic(rate, failing, ratio)
        for failing, ratio, rate in itertools.product(FAILING, RATIOS, RATES)
    ]


def other_kinds() -> list[Traffic]:
    """Whatever else may come: broken candidates, failures of other kinds, and what does not fail."""
    others = [
        Traffic(OTHER_RATE, OTHER_FAILING, ratio, kind)
        for kind, ratio in itertools.product(KINDS[1:], RATIOS)
    ]
    broken = [Traffic(rate, OTHER_FAILING, BROKEN) for rate in RATES]
    not_failing = [
        Traffic(rate, share, ratio, metric=metric)
        for (metric, share), ratio, rate in itertools.product(OTHER_METRICS, RATIOS, OTHER_RATES)
    ]
    return broken + others + not_failing


def pieces(jobs: Sequence[Job]) -> list[Job]:
    """The same runs in pieces, the slowest first: few requests and few failures take long to decide.

    So no process ends long before the last one.
    """
    slowest = sorted(jobs, key=lambda job: (job[0].per_second, job[0].failing))
    return [
        (traffic, min(PIECE, runs - done), seed + done)
        for traffic, runs, seed in slowest
        for done in range(0, runs, PIECE)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where the bar is missed."""
    options = parse(arguments)
    jobs = [(traffic, options.runs, options.seed) for traffic in steady_kinds()]
    jobs += [(traffic, options.other_runs, options.seed) for traffic in other_kinds()]
    cells = _simulated(jobs, options.processes)
    print(
        f"{options.runs} runs of each steady kind, {options.other_runs} of each other one, "
        f"seeds from {options.seed} on\n"
    )
    print(report.table(cells))
    return 0 if all(cell.bar is None or cell.bar[1] for cell in cells) else 1


def _simulated(jobs: Sequence[Job], processes: int) -> list[Cell]:
    """All of them, in their order; what ends is told as it does, for some take an hour."""
    ends: dict[Traffic, list[End]] = {traffic: [] for traffic, *_ in jobs}
    wanted = {traffic: runs for traffic, runs, _ in jobs}
    ended = 0
    for traffic, found in _piece_by_piece(pieces(jobs), processes):
        ends[traffic] += found
        if len(ends[traffic]) == wanted[traffic]:
            ended += 1
            told = report.line(Cell(traffic, ends[traffic]))
            print(f"{ended} of {len(jobs)}: {told}", file=sys.stderr, flush=True)
    return [Cell(traffic, ends[traffic]) for traffic, *_ in jobs]


def _piece_by_piece(chosen: Sequence[Job], processes: int) -> Iterator[tuple[Traffic, list[End]]]:
    if processes == 1:
        yield from map(named_runs, chosen)
        return
    # Spawned and not forked: a fork of a process with threads may wait for ever.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(named_runs, chosen)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.decision`: how many good candidates are promoted, how many bad ones rolled back."""

import argparse
import itertools
import multiprocessing
import os
import sys
from collections.abc import Sequence

from bench.decision import report
from bench.decision.report import Cell
from bench.decision.simulate import many_runs
from bench.decision.traffic import KINDS, Traffic

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
    parser.add_argument("--runs", type=int, default=10_000, help="of each kind (default: 10000)")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count(), help="at once (default: one a core)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first run (default: 1)")
    return parser.parse_args(arguments)


def kinds() -> list[Traffic]:
    """Every kind of traffic, steady ones first."""
    steady = [
        Traffic(rate, failing, ratio)
        for failing, ratio, rate in itertools.product(FAILING, RATIOS, RATES)
    ]
    others = [
        Traffic(OTHER_RATE, OTHER_FAILING, ratio, kind)
        for kind, ratio in itertools.product(KINDS[1:], RATIOS)
    ]
    broken = [Traffic(rate, OTHER_FAILING, BROKEN) for rate in RATES]
    not_failing = [
        Traffic(rate, share, ratio, metric=metric)
        for (metric, share), ratio, rate in itertools.product(OTHER_METRICS, RATIOS, OTHER_RATES)
    ]
    return steady + broken + others + not_failing


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; 1 where the bar is missed."""
    options = parse(arguments)
    jobs = [(traffic, options.runs, options.seed) for traffic in kinds()]
    if options.processes == 1:
        found = [many_runs(job) for job in jobs]
    else:
        # Spawned and not forked: a fork of a process with threads may wait for ever.
        with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
            found = pool.map(many_runs, jobs, chunksize=1)
    cells = [Cell(job[0], ends) for job, ends in zip(jobs, found, strict=True)]
    print(f"{options.runs} runs of each kind, seeds from {options.seed} on\n")
    print(report.table(cells))
    return 0 if all(cell.bar is None or cell.bar[1] for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.autoscaling`: days of traffic under each policy, side by side."""

import argparse
import sys
from collections.abc import Sequence

from bench.autoscaling import report
from bench.autoscaling.days import BY_NAME, DAY, DAYS
from bench.autoscaling.pods import FIRST_TOKEN_SECONDS, FULL_PER_SECOND
from bench.autoscaling.policies import LEAST, MOST, policies
from bench.autoscaling.simulate import LATE_SHARE, WARM_SECONDS, Outcome, one_day


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.autoscaling", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first day (default: 1)")
    parser.add_argument(
        "--days", nargs="+", default=[day.name for day in DAYS], choices=list(BY_NAME)
    )
    parser.add_argument("--from-hour", type=float, default=0.0, help="of the day (default: 0)")
    parser.add_argument("--hours", type=float, default=24.0, help="of each day (default: 24)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    options = parse(arguments)
    outcomes: list[Outcome] = []
    begin, seconds = int(options.from_hour * DAY / 24), int(options.hours * DAY / 24)
    for name in options.days:
        for policy in policies():
            found = one_day(BY_NAME[name], policy, seed=options.seed, seconds=seconds, begin=begin)
            outcomes.append(found)
            print(f"{name}, {policy.name}: done", file=sys.stderr, flush=True)
    print(
        f"Seed {options.seed}; {LEAST} to {MOST} replicas of one accelerator, each {FULL_PER_SECOND:.1f} requests/s at most, warm "
        f"after {WARM_SECONDS:.0f} s. A minute misses the target if more than {LATE_SHARE:.0%} of its answers began after "
        f"{FIRST_TOKEN_SECONDS:g} s.\n"
    )
    print("\n".join(f"* {line}" for line in report.legend()), end="\n\n")
    print(report.table(outcomes))
    print("\n".join(["", "Where the operator's law is behind:", *report.behind(outcomes)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

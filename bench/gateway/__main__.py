"""`python -m bench.gateway`: the gateway beside other proxies on one core, in paired rounds, then tables."""

import argparse
import math
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.gateway import contenders, lasting, loading, machine, ours, report, rounds
from bench.gateway.contenders import Contender
from bench.gateway.measured import NOISY_CORES, SCENES, Run, Scene
from bench.gateway.report import Findings
from bench.gateway.rounds import Bench

MAKERS: dict[str, Callable[[], Contender]] = {
    "direct": contenders.direct,
    "nginx": contenders.nginx,
    "haproxy": contenders.haproxy,
    "bare": contenders.bare_envoy,
    "ours": ours.this_gateway,
    "vllm-router": contenders.vllm_router,
    "sglang-router": contenders.sglang_router,
    "litellm": contenders.litellm,
}
RATE = 1000


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds (default: 5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load (default: 4)")
    parser.add_argument("--changes", type=int, default=20, help="of weights (default: 20)")
    parser.add_argument("--hold", type=float, default=60.0, help="seconds of 1000 requests/s (60)")
    parser.add_argument(
        "--requests", type=int, default=3_600_000, help="before memory is read (default: 3600000)"
    )
    parser.add_argument(
        "--noise",
        type=float,
        default=NOISY_CORES,
        help="a run beside which others use more cores is repeated (0.3)",
    )
    kinds = [scene.name for scene in SCENES]
    for flag, names in (("--only", list(MAKERS)), ("--scenes", kinds)):
        parser.add_argument(flag, type=_some(names), default=names, help=f"of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds, options.changes = 1, 1.0, 4
        options.hold, options.requests, options.noise = 3.0, 30_000, math.inf
    return options


def _some(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Some of these names, with commas between."""

    def parsed(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of them")
        return chosen

    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 whatever the figures are."""
    options = parse(arguments)
    found, missing = rounds.available({name: MAKERS[name] for name in options.only})
    work = Path(tempfile.mkdtemp(prefix="bench-gateway-"))
    cores = machine.cores()
    usable = os.sched_getaffinity(0)
    # What this program itself does is none of the proxy's core's.
    os.sched_setaffinity(0, {cores.load})
    try:
        with loading.engines(core=cores.load) as engines:
            bench = Bench(work, cores, engines, options.seconds, options.noise)
            findings = _measure(options, bench, found, missing)
    finally:
        os.sched_setaffinity(0, usable)
        shutil.rmtree(work, ignore_errors=True)
    of = f"{os.cpu_count()} CPUs, {platform.machine()}: the proxy on one core, load and engines on"
    print(f"{of} {'another' if cores.proxy != cores.load else 'the same'}.\n")
    print(report.report(findings, rounds=options.rounds))
    return 0


def _measure(
    options: argparse.Namespace,
    bench: Bench,
    found: Sequence[Contender],
    missing: Mapping[str, str],
) -> Findings:
    taken, failed = [], dict(missing)
    scenes = [scene for scene in SCENES if scene.name in options.scenes]
    for number in range(options.rounds):
        rounds.say(f"round {number + 1} of {options.rounds}")
        # Who goes first alternates: a machine that warms up or tires favours none.
        order = found if number % 2 == 0 else list(reversed(found))
        runs, why = rounds.measure_round(bench, order, scenes)
        taken.append(runs)
        failed |= why
    rounds.say("this gateway by itself")
    with ours.pod(bench.place("lasting")) as pod:
        return Findings(
            scenes=_by_scene(taken, [one.name for one in found], scenes),
            versions={one.name: one.version for one in found},
            missing=failed,
            sustained=lasting.sustained(bench, pod, rate=RATE, seconds=options.hold),
            memory=lasting.memory(bench, pod, requests=options.requests),
            changes=lasting.changes(bench, pod, count=options.changes),
        )


def _by_scene(
    taken: Sequence[Mapping[str, Mapping[str, Run]]],
    names: Sequence[str],
    scenes: Sequence[Scene],
) -> dict[str, dict[str, list[Run]]]:
    """Runs by scene and proxy, of those that ran in every round."""
    whole = [name for name in names if all(name in one for one in taken)]
    return {
        scene.name: {name: [one[name][scene.name] for one in taken] for name in whole}
        for scene in scenes
    }


def _lift_limits() -> None:
    """A thousand streams are two thousand sockets of a proxy, more than many shells allow."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    # Who is told to end ends the proxies too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _lift_limits()
    sys.exit(main())

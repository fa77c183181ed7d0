"""What this gateway does over time: weights that turn over, a rate that is held, memory after many requests."""

import time
from collections.abc import Mapping
from dataclasses import replace

from bench.gateway import loading, machine, rounds
from bench.gateway.contenders import Running
from bench.gateway.loading import Seen
from bench.gateway.measured import Changes, Memory, Sustained
from bench.gateway.ours import NEW, OLD, Pod
from bench.gateway.rounds import Bench

ACKNOWLEDGED_SECONDS = 20.0
SETTLED_SECONDS = 0.5
"""Longer than any request that was sent the old way could still be on its way to an engine."""
PARTS = 10
"""Of the many requests; memory is read after each."""


def changes(bench: Bench, pod: Pod, *, count: int) -> Changes:
    """Turn all weight from one revision to the other and back, under requests and streams."""
    core, port = bench.cores.load, pod.running.port
    # Longer than the changes take: both are told when it is enough.
    long = f"{count * 10 + 5}s"
    plain = ("-rate", "300", "-clients", "200", "-seconds", long)
    streams = ("-clients", "50", "-stream", "-seconds", long)
    with (
        loading.asking(port, plain, core=core) as first,
        loading.asking(port, streams, core=core) as second,
    ):
        found = [_change(bench, pod, number) for number in range(count)]
        for load in (first, second):
            load.send_signal(loading.ENOUGH)
        taken = [loading.result(load) for load in (first, second)]
    return Changes(tuple(a for a, _ in found), tuple(b for _, b in found), taken[0], taken[1])


def _change(bench: Bench, pod: Pod, number: int) -> tuple[float, float]:
    """Milliseconds until the last request went the old way, and until the change was acknowledged."""
    new, left = (NEW, OLD) if number % 2 == 0 else (OLD, NEW)
    began = time.time_ns()
    version = pod.tell({new: 100})
    deadline = time.monotonic() + ACKNOWLEDGED_SECONDS
    while pod.taken() != version:
        if time.monotonic() > deadline:
            raise TimeoutError(f"weights were not acknowledged in {ACKNOWLEDGED_SECONDS:g} s")
    acknowledged = time.time_ns() - began
    time.sleep(SETTLED_SECONDS)
    effect = effect_ms(bench.engines.seen(), bench.engines.ports, left, began=began)
    return effect, acknowledged / 1e6


def effect_ms(
    seen: Mapping[int, Seen], ports: tuple[int, int, int], left: str, *, began: int
) -> float:
    """From `began` until the last request that reached the revision that was left; 0 where none did."""
    engines = ports[:2] if left == OLD else ports[2:]
    last = max(seen[port].last for port in engines)
    return max(last - began, 0) / 1e6


def sustained(bench: Bench, pod: Pod, *, rate: int, seconds: float) -> Sustained:
    """A rate of requests on the gateway's one core."""
    flags = ("-rate", str(rate), "-clients", "512")
    run = rounds.measure(replace(bench, seconds=seconds), pod.running, flags)
    return Sustained(run.load, run.cpu_seconds / run.load.seconds)


def memory(bench: Bench, pod: Pod, *, requests: int) -> Memory:
    """Memory of Envoy and agent after each part of so many requests, as fast as they are answered."""
    served, failures = 0, 0
    counts, held = [], []
    for part in range(PARTS):
        load = _part(bench, pod.running, requests // PARTS)
        served, failures = served + load.served, failures + load.failures
        counts.append(served)
        held.append(machine.usage(pod.running.processes).rss_mib)
        rounds.say(f"memory: part {part + 1} of {PARTS}: {held[-1]:.1f} MiB")
    return Memory(tuple(counts), tuple(held), failures)


def _part(bench: Bench, running: Running, requests: int) -> loading.Load:
    flags = ("-clients", "64", "-requests", str(requests), "-seconds", "3600s")
    return loading.ask(running.port, flags, core=bench.cores.load)

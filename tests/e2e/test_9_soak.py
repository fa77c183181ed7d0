"""Twenty minutes in which something ends, is cut off or is changed every few seconds, while users ask.

What is lost is what ran on what was killed, and at no moment is anybody sent to a revision that is cold. The same faults
in the same order for the same seed.
"""

import contextlib
import random
import re
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from deepseek_operator.observed import revision_of
from deepseek_operator.telemetry.gateways import is_ready
from dev import steps
from tests.e2e import standing
from tests.e2e.crowd import Crowd
from tests.e2e.line import Line, Manifest, deepseek
from tests.e2e.watched import Watched

pytestmark = pytest.mark.campaign

NAME = "soaked"
SEED = 20261130
DURATION = 20 * 60.0
QUIET = (3.0, 12.0)
"""Seconds between one thing that happens and the next."""
UNTOLD = 8
"""Requests at most that are sent to an Envoy before its Service knows that it is gone."""
SENT_SINCE = 2
"""Requests at most that come to an engine between the look at what runs on it and its end."""
MOST_GROWTH = 1.2
"""Of the operator's memory over its last minutes, during which it is not killed."""
SECONDS = 600.0
ROLLOUT: Manifest = {
    "strategy": "Canary",
    "steps": [
        {"weight": 20, "minDuration": "10s", "minRequests": 10},
        {"weight": 60, "minDuration": "10s", "minRequests": 20},
    ],
    "rollbackWindow": "30s",
}


def served(**spec: object) -> Manifest:
    """The object of this file: two replicas, of which one may be killed."""
    return deepseek(NAME, replicas=2, rollout=ROLLOUT, **{"gateway": {"replicas": 2}, **spec})


@dataclass
class Soak:
    """What happens, and what it may cost."""

    line: Line
    crowd: Crowd
    chance: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    may_be_lost: int = 0
    memory: list[tuple[str, float]] = field(default_factory=list)
    """The operator's process, by its pod and restarts, and its resident memory in MiB."""
    batching: int = 16
    times: list[tuple[str, str]] = field(default_factory=list)
    """When what happened, as the clock on the wall has it."""

    def something(self, *, late: bool) -> None:
        """The next thing; late on the operator itself is left alone, so that its memory can be looked at."""
        things: list[Callable[[], str | None]] = [
            self.engine_ends, self.envoy_ends, self.agent_ends, self.gateway_goes, self.pod_is_cut_off,
            self.api_server_stops, self.spec_is_edited, self.gateway_is_edited, self.step_is_taken, self.run_is_aborted,
        ]  # fmt: skip
        if not late:
            things.append(self.operator_ends)
        with contextlib.suppress(steps.StepError):  # what it was about to hit has gone
            began = time.strftime("%H:%M:%S")
            told = self.chance.choice(things)() or "nothing"
            self.happened[told] += 1
            self.times.append((began, told))

    def engine_ends(self) -> str | None:
        """Where another pod of its revision serves meanwhile."""
        pods = [pod for pod in self.line.engine_pods(NAME) if is_ready(pod)]
        count = Counter(map(revision_of, pods))
        chosen = [pod for pod in pods if count[revision_of(pod)] > 1]
        if not chosen:
            return None
        pod = self.chance.choice(chosen)
        self.may_be_lost += running_on(pod) + SENT_SINCE
        self.line.kill_container(pod, "engine")
        return "engine"

    def envoy_ends(self) -> str | None:
        """Where the other one is ready."""
        pods = self._gateways()
        if len(pods) < 2:
            return None
        self.may_be_lost += self.crowd.running + UNTOLD
        self.line.kill_container(self.chance.choice(pods), "envoy")
        return "envoy"

    def agent_ends(self) -> str | None:
        """Its Envoy goes on, but Kubernetes sends nobody new to a pod of which a container has ended."""
        pods = self._gateways()
        if len(pods) < 2:
            return None
        self.line.kill_container(self.chance.choice(pods), "agent")
        return "agent"

    def gateway_goes(self) -> str | None:
        """As in a node's drain; one that waits minutes for its container to be started again goes first."""
        ready = {pod["metadata"]["name"] for pod in self._gateways()}
        names = sorted(pod["metadata"]["name"] for pod in self._gateway_pods())
        chosen = [name for name in names if name not in ready] or names
        if not ready - {chosen[0]}:
            return None
        self.line.run("delete", "pod", chosen[0], "--wait=false")
        return "gateway pod"

    def operator_ends(self) -> str:
        """The only one."""
        self.line.kill_container(self.line.operator_pod(), "operator")
        return "operator"

    def pod_is_cut_off(self) -> str | None:
        """No packet of an engine's pod comes through for a while that TCP bridges."""
        pods = [pod for pod in self.line.engine_pods(NAME) if is_ready(pod)]
        if not pods:
            return None
        with cut_off(self.chance.choice(pods)["status"]["podIP"]):
            time.sleep(self.chance.uniform(0.5, 2.0))
        return "network"

    def api_server_stops(self) -> str:
        """It stands still for some seconds."""
        with standing.frozen("kube-apiserver"):
            time.sleep(self.chance.uniform(1.0, 8.0))
        return "API server"

    def spec_is_edited(self) -> str:
        """Another revision, in the middle of whatever goes on."""
        self.batching = self.chance.choice((8, 12, 16, 20))
        self._apply()
        return "revision"

    def gateway_is_edited(self) -> str:
        """No revision: the gateways take up other limits."""
        self._apply(gateway={"replicas": 2, "maxRequestsPerReplica": self.chance.choice((32, 64))})
        return "gateway"

    def step_is_taken(self) -> str | None:
        """A person does not wait for the evidence."""
        return self._command("promote")

    def run_is_aborted(self) -> str | None:
        """A person takes it back."""
        return self._command("abort")

    def look_at_memory(self) -> None:
        """Of the operator, as it tells it."""
        with contextlib.suppress(steps.StepError, OSError, ValueError, KeyError):
            pod = self.line.operator_pod()
            [status] = pod["status"]["containerStatuses"]
            url = f"http://{pod['status']['podIP']}:8080/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = re.search(
                    rb"^process_resident_memory_bytes (\S+)", answer.read(), re.MULTILINE
                )
            if found:
                which = f"{pod['metadata']['name']} {status['restartCount']}"
                self.memory.append((which, float(found[1]) / 2**20))

    def _command(self, verb: str) -> str | None:
        run = self.line.rollout(NAME)
        if run.get("phase") not in ("Shifting", "Analyzing", "Held"):
            return None
        command = f"serving.deepseek.dev/command={verb}:{run['at']}"
        self.line.run("annotate", "deepseekdeployment", NAME, command, "--overwrite")
        return verb

    def _apply(self, **spec: object) -> None:
        self.line.apply(served(batching={"maxConcurrentSequences": self.batching}, **spec))

    def lost(self) -> str:
        """Of what happened, how many requests failed that were asked until the next did."""
        asked = sorted(failure.split()[2].rstrip(":") for failure in self.crowd.failures)
        ends = [at for at, _ in self.times[1:]] + ["24"]
        counts = [
            (at, what, sum(at <= one < end for one in asked))
            for (at, what), end in zip(self.times, ends, strict=True)
        ]
        return "\n".join(f"{at} {what}: {count} lost" for at, what, count in counts if count)

    def _gateways(self) -> list[Manifest]:
        return [pod for pod in self._gateway_pods() if is_ready(pod)]

    def _gateway_pods(self) -> list[Manifest]:
        found = self.line.json("get", "pods", f"--selector=serving.deepseek.dev/gateway={NAME}")
        return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]


def running_on(pod: Manifest) -> int:
    """Requests that an engine has, as it tells."""
    with urllib.request.urlopen(
        f"http://{pod['status']['podIP']}:8000/metrics", timeout=10
    ) as answer:
        told = re.findall(
            rb"^vllm:num_requests_(?:running|waiting)\{\S*\} (\S+)", answer.read(), re.MULTILINE
        )
    assert len(told) == 2, told
    return round(sum(map(float, told)))


@contextlib.contextmanager
def cut_off(address: str) -> Iterator[None]:
    """No packet goes to this address or comes from it."""
    table = "inet soak"
    steps.run(["nft", "--file", "-"], stdin=f"""
        table {table} {{
          chain cut {{
            type filter hook forward priority -300;
            ip saddr {address} drop
            ip daddr {address} drop
          }}
          chain own {{
            type filter hook output priority -300;
            ip daddr {address} drop
          }}
        }}
        """)  # fmt: skip
    try:
        yield
    finally:
        steps.run(["nft", "delete", "table", *table.split()])


@pytest.fixture
def soaked(line: Line) -> Iterator[Line]:
    """The object is served by two replicas through two gateways."""
    line.apply(served())
    line.ready(NAME, seconds=SECONDS)
    try:
        yield line
    finally:
        line.run("delete", "deepseekdeployment", NAME, "--ignore-not-found")


def test_twenty_minutes_of_faults_cost_what_ran_on_what_was_killed(soaked: Line) -> None:
    with Crowd(soaked.url(NAME), NAME) as crowd, Watched(soaked, NAME) as watched:
        crowd.wait_for_more(20)
        soak = Soak(soaked, crowd, random.Random(SEED))
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < DURATION:
            soak.something(late=elapsed > DURATION / 2)
            time.sleep(soak.chance.uniform(*QUIET))
            soak.look_at_memory()
        soak.step_is_taken()
        soaked.apply(served())
        soaked.ready(NAME, seconds=SECONDS)
        crowd.wait_for_more(40)

    kinds = Counter(re.sub(r"^asked at \S+ |after .*", "", failure) for failure in crowd.failures)
    print(
        f"\nseed {SEED}: {dict(soak.happened)}; {len(crowd.answers)} answered, {len(crowd.failures)} failed"
        f" of {soak.may_be_lost} that ran on what was killed; {watched.looks} looks at weights and pods\n{dict(kinds)}\n{soak.lost()}"
    )
    assert watched.wrongs == []
    assert watched.looks > DURATION / 10
    failed, bound = len(crowd.failures), soak.may_be_lost
    assert failed <= bound
    assert set(soak.happened) >= {"engine", "envoy", "operator", "API server", "revision"}, soak
    assert_flat(soak.memory)


def assert_flat(memory: list[tuple[str, float]]) -> None:
    """The process that was there last has not grown since its first minutes."""
    last = [size for which, size in memory if which == memory[-1][0]]
    third = len(last) // 3
    assert third > 5, memory
    first, end = (statistics.median(part) for part in (last[:third], last[-third:]))
    print(f"the operator's memory: {first:.0f} MiB, then {end:.0f} MiB")
    assert end <= MOST_GROWTH * first, memory

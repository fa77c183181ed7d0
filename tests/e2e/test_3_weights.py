"""Weights from a hub into the cluster: once, whatever is killed, and what a user sees when it fails."""

import contextlib
import functools
import json
import random
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from deepseek_operator.plan import TROUBLE_SECONDS
from dev import steps
from dev.cluster.layout import HOST_ADDRESS
from dev.demo import progress
from dev.models import __main__ as models
from dev.models import questions
from tests.e2e.line import Line, Manifest, deepseek, removed_afterwards, wait_until
from tests.hub.hub import Hub
from tests.hub.models import Model
from tests.hub.rules import Rule

MODEL = "tiny-r1-distill-qwen"
TOKEN = "hf_of-the-test"
CONTENT = r"/cdn/|safetensors$"
MOST_REFETCHED = 1.2


LARGE_BYTES = 16 * 2**20


@pytest.fixture(scope="module")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """On the address by which pods reach this machine; the large model answers nothing."""
    directory = models.directory() / MODEL
    large = tmp_path_factory.mktemp("large")
    (large / "config.json").write_text("{}")
    (large / "model.safetensors").write_bytes(random.Random(7).randbytes(LARGE_BYTES))
    offered = (
        Model(f"test/{MODEL}", directory),
        Model("test/large", large),
        Model("test/private", directory, private=True, token=TOKEN),
        Model("test/gated", directory, gated=True),
    )
    with Hub(*offered, host=HOST_ADDRESS) as hub:
        yield hub


@pytest.fixture
def hub(running_hub: Hub) -> Hub:
    """The hub without faults and with an empty log."""
    running_hub.rules.replace([])
    running_hub.log.clear()
    return running_hub


def fetched(name: str, hub: Hub, *, repository: str = MODEL, **spec: Any) -> Manifest:
    """An object whose weights come from the hub."""
    env = [{"name": "HF_ENDPOINT", "value": hub.url}, *spec.pop("env", [])]
    source = f"hf://test/{repository}"
    return deepseek(name, source=source, pod={"env": env}, **spec)


def total() -> int:
    """Bytes of the model's weights."""
    folder = models.directory() / MODEL
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def condition(line: Line, name: str, kind: str) -> Manifest:
    """A condition of the object, empty before there is one."""
    found = line.get(name).get("status", {}).get("conditions", [])
    return next((item for item in found if item["type"] == kind), {})


def wait_for(
    line: Line, name: str, kind: str, field: str, value: str, *, seconds: float = 120
) -> None:
    """Until a field of a condition has this value."""
    wait_until(
        lambda: condition(line, name, kind).get(field) == value,
        what=f"{name}: {field} of {kind} is {value}",
        seconds=seconds,
    )


def claims(line: Line) -> list[Manifest]:
    """The claims of fetched weights."""
    found = line.json("get", "pvc", "--selector=serving.deepseek.dev/weights")["items"]
    return list(found)


def test_three_objects_of_one_model_fetch_it_once(line: Line, hub: Hub) -> None:
    """Into a volume as of a shared file system; the other tests' are of the default class, for one node each."""
    names = ["first", "second", "third"]
    cache = {"storageClassName": "shared", "accessMode": "ReadWriteMany"}
    with removed_afterwards(line, *names):
        for name, replicas in zip(names, (1, 0, 0), strict=True):
            line.apply(fetched(name, hub, replicas=replicas, cache=cache))

        line.ready("first")
        question = questions.load()[0]
        # This model thinks aloud before it answers.
        assert question.answer in line.ask("first", question.question)
        for name in names:
            wait_for(line, name, "WeightsReady", "status", "True")
        [claim] = claims(line)
        assert claim["spec"]["storageClassName"] == cache["storageClassName"]
        assert claim["spec"]["accessModes"] == [cache["accessMode"]]
        owners = {owner["name"] for owner in claim["metadata"]["ownerReferences"]}
        assert owners == set(names)
        assert total() <= hub.log.sent(CONTENT) < total() * 1.05
        said = json.dumps(line.json("get", "events"))
        assert "all there and verified" in said

        line.run("delete", "deepseekdeployment", "second", "third")
        assert [item["metadata"]["name"] for item in claims(line)] == [claim["metadata"]["name"]]
    wait_until(lambda: not claims(line), what="the last user takes the claim with it", seconds=120)


@pytest.mark.campaign
def test_where_no_volume_can_be_shared_each_pod_fetches_a_copy(line: Line, hub: Hub) -> None:
    """The default class makes volumes for one node each, and two replicas may be on two."""
    with removed_afterwards(line, "copied"):
        line.apply(fetched("copied", hub, replicas=2, warmup={"enabled": False}))

        line.ready("copied")

        assert condition(line, "copied", "WeightsReady")["reason"] == "WeightsPerPod"
        question = questions.load()[0]
        assert question.answer in line.ask("copied", question.question)
        assert claims(line) == []
        assert 2 * total() <= hub.log.sent(CONTENT) < 2 * total() * 1.05
        volumes = line.json("get", "pvc")["items"]
        pods = {pod["metadata"]["name"] for pod in line.engine_pods("copied")}
        assert {f"{pod}-weights" for pod in pods} <= {item["metadata"]["name"] for item in volumes}


@contextlib.contextmanager
def unreachable(hub: Hub) -> Iterator[None]:
    """No packet of the cluster reaches the hub, as long as the context lasts."""
    table = "inet deepseek-operator-e2e"
    port = urllib.parse.urlsplit(hub.url).port
    rules = f"""
    table {table} {{
      chain cut {{
        type filter hook input priority filter - 1
        ip daddr {HOST_ADDRESS} tcp dport {port} drop
      }}
    }}
    """
    steps.run(["nft", "--file", "-"], stdin=rules)
    try:
        yield
    finally:
        steps.run(["nft", "delete", "table", *table.split()])


@pytest.mark.campaign(has_short_form=True)
def test_killed_pods_a_killed_operator_and_a_cut_network_fetch_hardly_more(
    line: Line, hub: Hub, *, in_full: bool
) -> None:
    """In the short form the network is not cut: TCP takes its time to come back."""
    hub.add(Rule("slow", path=CONTENT, rate=LARGE_BYTES // 30, times=None))
    with removed_afterwards(line, "killed"):
        line.apply(fetched("killed", hub, repository="large", replicas=0))
        if in_full:
            wait_until(functools.partial(_has_come_to, line, 10), what="10 %")
            with unreachable(hub):
                wait_until(StandsStill(line), what="nothing comes any more", seconds=90)
        for percent in (40, 70) if in_full else (30,):
            wait_until(functools.partial(_has_come_to, line, percent), what=f"{percent} %")
            line.run(
                "delete",
                "pod",
                "--selector=serving.deepseek.dev/weights",
                "--force",
                "--grace-period=0",
            )
            kill_operator(line)
        assert line.engine_pods("killed") == []

        wait_for(line, "killed", "WeightsReady", "status", "True", seconds=180)

        assert LARGE_BYTES <= hub.log.sent(CONTENT) < LARGE_BYTES * MOST_REFETCHED
        [entry] = line.get("killed")["status"]["weights"]
        assert entry["phase"] == "Ready"


def kill_operator(line: Line) -> None:
    """SIGKILL, and wait until the kubelet has started it anew."""

    def container() -> Manifest:
        [found] = line.operator_pod()["status"]["containerStatuses"]
        return dict(found)

    before = container()["containerID"]
    line.kill_container(line.operator_pod(), "operator")
    wait_until(
        lambda: container()["containerID"] != before and "running" in container()["state"],
        what="the operator runs anew",
        seconds=120,
    )


class StandsStill:
    """Whether the object has told of no further byte for longer than it takes to look again."""

    def __init__(self, line: Line) -> None:
        self.line, self.told, self.since = line, -1, 0.0

    def __call__(self) -> bool:
        [entry] = self.line.get("killed")["status"]["weights"]
        done, now = int(entry.get("bytesDone", 0)), time.monotonic()
        if done != self.told:
            self.told, self.since = done, now
        return now - self.since > 2 * TROUBLE_SECONDS


def _has_come_to(line: Line, percent: int) -> bool:
    [entry] = line.get("killed").get("status", {}).get("weights", [{}])
    whole = entry.get("bytesTotal", 0)
    return bool(whole) and 100 * int(entry.get("bytesDone", 0)) >= percent * int(whole)


@dataclass(frozen=True)
class Refusal:
    """A spec whose weights do not come, and what the object has to say."""

    name: str
    spec: dict[str, Any]
    reason: str
    said: str


ANYONES = [{"name": "HF_TOKEN", "value": "hf_of-nobody"}]

REFUSALS = (
    Refusal("no-token", {"repository": "private"}, "Unauthorized", "HF_TOKEN"),
    Refusal("no-name", {"repository": "none"}, "Unauthorized", "HF_TOKEN"),
    Refusal("no-licence", {"repository": "gated", "env": ANYONES}, "GatedLicence", "accept"),
    Refusal("no-such", {"repository": "none", "env": ANYONES}, "NotFound", "test/none"),
    Refusal("no-room", {"repository": "large", "cache": {"size": "8Mi"}}, "VolumeFull", "missing"),
    Refusal(
        "no-class",
        {"cache": {"storageClassName": "none-such", "size": "1Gi"}},
        "VolumeNotProvisioned",
        "none-such",
    ),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_what_keeps_weights_from_coming_is_told(line: Line, hub: Hub, refusal: Refusal) -> None:
    with removed_afterwards(line, refusal.name):
        line.apply(fetched(refusal.name, hub, **refusal.spec))

        wait_for(line, refusal.name, "WeightsReady", "reason", refusal.reason)

        assert refusal.said in condition(line, refusal.name, "WeightsReady")["message"]
        assert condition(line, refusal.name, "Ready")["reason"] == refusal.reason
        assert line.engine_pods(refusal.name) == []


def test_weights_that_are_not_what_their_checksum_says_are_refused(line: Line, hub: Hub) -> None:
    hub.add(Rule("wrong-checksum", path="safetensors$", times=None))
    with removed_afterwards(line, "wrong"):
        line.apply(fetched("wrong", hub, repository="large", replicas=1))

        wait_for(line, "wrong", "WeightsReady", "reason", "ChecksumMismatch")

        assert "model.safetensors" in condition(line, "wrong", "WeightsReady")["message"]
        assert line.engine_pods("wrong") == []


@pytest.mark.campaign
def test_a_volume_that_turns_read_only_is_told(line: Line, hub: Hub) -> None:
    """As a kernel does to a file system that fails."""
    hub.add(Rule("slow", path=CONTENT, rate=LARGE_BYTES // 30, times=None))
    with removed_afterwards(line, "stuck"):
        line.apply(fetched("stuck", hub, repository="large", replicas=1))
        wait_until(lambda: _phase(line, "stuck") == "Fetching", what="it is fetched", seconds=120)
        [claim] = claims(line)
        volume = line.json("get", "pv", claim["spec"]["volumeName"])
        steps.run(["mount", "-o", "remount,abort", volume["spec"]["local"]["path"]])

        wait_for(line, "stuck", "WeightsReady", "reason", "VolumeReadOnly")

        assert condition(line, "stuck", "Ready")["reason"] == "VolumeReadOnly"
        assert line.engine_pods("stuck") == []
    wait_until(lambda: not claims(line), what="the volume goes", seconds=120)


def _phase(line: Line, name: str) -> str | None:
    [entry] = line.get(name).get("status", {}).get("weights", [{}])
    phase: str | None = entry.get("phase")
    return phase


@pytest.mark.campaign
def test_what_serves_goes_on_while_the_next_models_weights_are_refused(
    line: Line, hub: Hub
) -> None:
    with removed_afterwards(line, "steady"):
        line.apply(deepseek("steady"))
        line.ready("steady")
        question = questions.load()[0]

        line.apply(fetched("steady", hub, repository="private"))

        wait_for(line, "steady", "Stalled", "reason", "Unauthorized")
        assert condition(line, "steady", "Ready")["status"] == "True"
        assert question.answer in line.ask("steady", question.question)

        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "hub"},
            "stringData": {"token": TOKEN},
        }
        line.run("apply", "--filename=-", stdin=json.dumps(secret))
        token = {
            "name": "HF_TOKEN",
            "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}},
        }
        line.apply(fetched("steady", hub, repository="private", env=[token]))

        progress.wait_ready(line.target.kubectl, "deepseek-demo", "steady", seconds=400)
        assert question.answer in line.ask("steady", question.question)
        assert TOKEN not in json.dumps(line.json("get", "dsd,job,events", "--output=json"))

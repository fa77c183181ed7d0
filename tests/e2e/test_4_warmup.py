"""No user meets a cold engine: through a start, a restart, growth, a rollout, and without the operator."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.warmup import requests
from deepseek_operator.telemetry.gateways import is_ready
from dev import steps
from dev.cluster.layout import HOST_ADDRESS
from dev.demo import weights
from dev.demo.__main__ import NAMESPACE
from dev.images import catalog
from dev.kubectl import RELEASE, RELEASE_NAMESPACE
from dev.models import __main__ as models
from dev.models import questions
from tests.e2e.cold import GATE, assert_no_user_met_a_cold_engine, condition
from tests.e2e.line import (
    START_SECONDS,
    Asker,
    Line,
    Manifest,
    deepseek,
    removed_afterwards,
    wait_until,
)
from tests.hub.hub import Hub
from tests.hub.models import Model

NAME = "warm"
MODEL = "tiny-r1-distill-qwen"
SLOW_START_SECONDS = 600.0
"""Several engines that start and are warmed up at once on two cores."""


def wait_for_pods(line: Line, count: int) -> list[Manifest]:
    """So many pods, all ready, and no others."""
    found: list[Manifest] = []

    def ready() -> bool:
        found[:] = line.engine_pods(NAME)
        return len(found) == count and all(map(is_ready, found))

    wait_until(ready, what=f"{count} pods are ready", seconds=SLOW_START_SECONDS)
    return found


@pytest.fixture(scope="module")
def warm(line: Line) -> Iterator[Line]:
    """The line with one warm pod."""
    with removed_afterwards(line, NAME):
        line.apply(deepseek(NAME))
        line.ready(NAME)
        yield line


@pytest.mark.campaign
def test_users_reach_only_pods_that_were_warmed_up(warm: Line) -> None:
    """A start and a growth from one to three under load."""
    with Asker(warm.url(NAME), NAME) as asker:
        warm.apply(deepseek(NAME, replicas=3))
        pods = wait_for_pods(warm, 3)
        before = asker.answered
        wait_until(lambda: asker.answered > before + 20, what="users go on asking")

    assert asker.failures == []
    assert assert_no_user_met_a_cold_engine(warm, pods) >= 20


def test_a_warm_up_and_its_times_are_told(warm: Line) -> None:
    found = warm.get(NAME)

    assert condition(found, "Warm")["reason"] == "WarmedUp"
    [told] = found["status"]["warmup"]
    assert told["requests"] > 20
    assert told["figures"]


@pytest.mark.campaign
def test_a_restarted_engine_is_cold_again(warm: Line) -> None:
    warm.apply(deepseek(NAME, replicas=1))
    [pod] = wait_for_pods(warm, 1)
    before = condition(pod, GATE)["message"]

    warm.kill_container(pod, "engine")
    wait_until(lambda: not is_ready(warm.engine_pods(NAME)[0]), what="the pod is shut")
    [after] = wait_for_pods(warm, 1)

    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    assert condition(after, GATE)["message"] != before
    container = after["status"]["containerStatuses"][0]["containerID"]
    assert condition(after, GATE)["message"].startswith(container)


def test_a_restarted_engine_stays_shut_while_there_is_no_operator(warm: Line) -> None:
    [pod] = wait_for_pods(warm, 1)
    scale_operator(warm, 0)
    try:
        before = seen_by_warden(warm, pod)
        assert before["warm"] is True
        kill_engine(warm, pod)

        wait_until(
            lambda: (
                seen_by_warden(warm, pod)["processStart"] not in (None, before["processStart"])
                and bool(engine_of(warm, pod)["started"])
            ),
            what="the probe has asked the new process",
            seconds=START_SECONDS,
        )
        assert seen_by_warden(warm, pod)["warm"] is False
        [same] = warm.engine_pods(NAME)
        assert not is_ready(same)
        # The second lock still stands open for the process before: the first alone keeps users away.
        assert condition(same, GATE)["status"] == "True"
    finally:
        scale_operator(warm, 1)
    warm.ready(NAME)
    [opened] = wait_for_pods(warm, 1)
    assert opened["metadata"]["uid"] == pod["metadata"]["uid"]


def scale_operator(line: Line, replicas: int) -> None:
    """As many operators, and no more of them running."""
    line.run(
        "scale", f"deployment/{RELEASE}", f"--replicas={replicas}", namespace=RELEASE_NAMESPACE
    )
    selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
    wait_until(
        lambda: (
            len(line.json("get", "pods", selector, namespace=RELEASE_NAMESPACE)["items"])
            == replicas
        ),
        what=f"{replicas} operators",
        seconds=120,
    )


def engine_of(line: Line, pod: Manifest) -> Manifest:
    """The state of a pod's engine container."""
    uid = pod["metadata"]["uid"]
    [same] = [item for item in line.engine_pods(NAME) if item["metadata"]["uid"] == uid]
    return dict(same["status"]["containerStatuses"][0])


def kill_engine(line: Line, pod: Manifest) -> None:
    """SIGKILL, and wait until the next process runs."""
    before = engine_of(line, pod)["containerID"]
    line.kill_container(pod, "engine")

    def runs_anew() -> bool:
        engine = engine_of(line, pod)
        return engine["containerID"] != before and "running" in engine["state"]

    wait_until(runs_anew, what="the engine runs anew", seconds=START_SECONDS)


def seen_by_warden(line: Line, pod: Manifest) -> dict[str, Any]:
    """Which process the readiness probe saw last, and whether it is warm."""
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8001/start').read().decode())"
    name = pod["metadata"]["name"]
    said = line.run("exec", name, "--container=warden", "--", "python3", "-c", ask)
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.campaign
def test_what_keeps_a_warm_up_from_starting_is_told_while_users_are_served(warm: Line) -> None:
    warm.apply(deepseek(NAME, warmup={"prompts": {"name": "none-such"}}))
    [pod] = wait_for_pods(warm, 1)

    kill_engine(warm, pod)
    wait_until(
        lambda: 'configmap "none-such" not found' in condition(warm.get(NAME), "Warm")["message"],
        what="the missing ConfigMap is named",
        seconds=START_SECONDS,
    )
    assert condition(warm.get(NAME), "Ready")["reason"] == "VolumeNotMounted"

    prompts = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "none-such"},
        "data": {"one": "You are a helpful assistant of a library."},
    }
    warm.run("apply", "--filename=-", stdin=json.dumps(prompts))
    warm.ready(NAME, seconds=SLOW_START_SECONDS)
    names = {figure["name"] for figure in warm.get(NAME)["status"]["warmup"][0]["figures"]}
    assert any("system" in name for name in names)


@pytest.mark.campaign
def test_users_reach_only_pods_that_were_warmed_up_in_a_rollout(warm: Line) -> None:
    """And the operator is killed while the new revision's pod is warmed up."""
    warm.apply(deepseek(NAME, replicas=1))
    [old] = wait_for_pods(warm, 1)
    with Asker(warm.url(NAME), NAME) as asker:
        warm.apply(deepseek(NAME, replicas=1, engine={"args": ["--seed=7"]}))
        wait_until(
            lambda: condition(warm.get(NAME), "Warm").get("reason") == "WarmingUp",
            what="the new pod is warmed up",
            seconds=START_SECONDS,
        )
        warm.kill_container(warm.operator_pod(), "operator")
        wait_until(
            lambda: old["metadata"]["uid"] not in uids(warm),
            what="the old pod leaves",
            seconds=SLOW_START_SECONDS,
        )
        [new] = wait_for_pods(warm, 1)
        before = asker.answered
        wait_until(lambda: asker.answered > before + 20, what="users go on asking")

    assert asker.failures == []
    assert assert_no_user_met_a_cold_engine(warm, [new]) > 0
    runs = warm.json("get", "pods", "--selector=serving.deepseek.dev/warmup")["items"]
    addresses = [run for run in runs if new["status"]["podIP"] in json.dumps(run["spec"])]
    assert len(addresses) == 1, "one warm-up, though another operator went on with it"


def uids(line: Line) -> set[str]:
    """Of the engine pods."""
    return {pod["metadata"]["uid"] for pod in line.engine_pods(NAME)}


@pytest.mark.campaign
def test_a_pod_that_answers_otherwise_than_the_first_never_opens(
    line: Line, tmp_path: Path
) -> None:
    """The weights under a running pod are exchanged for their damaged twin before the next starts."""
    name = "twin"
    put(line, tmp_path, "tiny-deepseek-v3")
    with removed_afterwards(line, name):
        line.apply(deepseek(name, model="tiny-deepseek-v3", source="pvc://models/exchanged"))
        line.ready(name)
        [first] = line.engine_pods(name)
        put(line, tmp_path, "tiny-deepseek-v3-damaged")

        line.run("scale", f"deepseekdeployment/{name}", "--replicas=2")

        wait_until(
            lambda: condition(line.get(name), "Warm").get("reason") == "AnswersDiffer",
            what="the disagreement is told",
            seconds=SLOW_START_SECONDS,
        )
        said = condition(line.get(name), "Warm")["message"]
        pods = {pod["metadata"]["name"]: is_ready(pod) for pod in line.engine_pods(name)}
        assert first["metadata"]["name"] in said
        assert sorted(pods.values()) == [False, True]
        assert pods[first["metadata"]["name"]]
        assert all(pod in said for pod in pods)
        one = questions.load()[0]
        assert line.ask(name, one.question) == one.answer


@pytest.fixture(scope="module")
def compiling(line: Line) -> Manifest:
    """What makes an engine compile, as engines on GPUs do: our own image for CPUs cannot."""
    line.target.provide(catalog.COMPILING)
    image = line.target.image(catalog.COMPILING.name)
    return {"engine": {"image": image, "args": ["--no-enforce-eager"]}}


def compiled(line: Line, name: str) -> set[str]:
    """The files that the object's only engine has compiled."""
    [pod] = line.engine_pods(name)
    place = pod["metadata"]["name"]
    found = line.run(
        "exec", place, "--container=engine", "--",
        "find", "/cache/compiled", "-type", "f", "-name", "*.so",
    )  # fmt: skip
    return set(found.split())


def ask_everything(line: Line, name: str) -> None:
    """One request of each kind that users send."""
    for kind in requests.KINDS:
        requests.ask(line.url(name), name, kind)


@pytest.mark.campaign
def test_no_engine_compiles_for_a_user_and_the_next_pod_need_not_either(
    line: Line, compiling: Manifest
) -> None:
    name = "compiles"
    with (
        removed_afterwards(line, name),
        Hub(Model(f"test/{MODEL}", models.directory() / MODEL), host=HOST_ADDRESS) as hub,
    ):
        env = [{"name": "HF_ENDPOINT", "value": hub.url}]
        line.apply(deepseek(name, source=f"hf://test/{MODEL}", pod={"env": env}, **compiling))
        line.ready(name, seconds=SLOW_START_SECONDS)
        before = compiled(line, name)
        ask_everything(line, name)
        assert compiled(line, name) == before != set()

        [first] = line.engine_pods(name)
        wait_until(
            lambda: "kept what was compiled" in said_by(line, first, "warden"),
            what="what was compiled is kept",
        )
        line.run("delete", "pod", first["metadata"]["name"])
        wait_until(lambda: is_replaced(line, name, first), what="a second pod", seconds=60)
        line.ready(name, seconds=SLOW_START_SECONDS)
        [second] = line.engine_pods(name)
        assert "brought back what was compiled before" in said_by(line, second, "tools")
        assert before <= compiled(line, name)


@pytest.mark.campaign
def test_without_a_warm_up_a_user_waits_for_the_compiler(line: Line, compiling: Manifest) -> None:
    """The same requests; this is what the test before would show if it could not fail."""
    name = "cold"
    with removed_afterwards(line, name):
        line.apply(deepseek(name, warmup={"enabled": False}, **compiling))
        line.ready(name, seconds=SLOW_START_SECONDS)
        before = compiled(line, name)

        ask_everything(line, name)

        assert compiled(line, name) > before


def said_by(line: Line, pod: Manifest, container: str) -> str:
    """The log of a pod's container."""
    return line.run("logs", pod["metadata"]["name"], f"--container={container}")


def is_replaced(line: Line, name: str, old: Manifest) -> bool:
    """Whether there is another pod, and its object has noticed that none serves."""
    uids = {pod["metadata"]["uid"] for pod in line.engine_pods(name)}
    ready = condition(line.get(name), "Ready")
    return old["metadata"]["uid"] not in uids and len(uids) == 1 and ready["status"] == "False"


def put(line: Line, folder: Path, model: str) -> None:
    """A model of ours as pvc://models/exchanged, in place of what is there."""
    place = folder / "exchanged"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(models.directory() / model, place)
    weights.copy(line.target.kubectl, NAMESPACE, [place], toolbox=toolbox(line))


def toolbox(line: Line) -> str:
    """The image of the operator's own tools, as it is in the cluster."""
    [pod] = [line.operator_pod()]
    environment: list[dict[str, Any]] = pod["spec"]["containers"][0]["env"]
    [image] = [item["value"] for item in environment if item["name"] == "DSO_TOOLBOX_IMAGE"]
    if not image:
        raise steps.StepError("the operator has no toolbox image")
    return str(image)

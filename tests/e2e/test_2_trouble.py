"""What a user sees when pods do not come up: the root cause, in words, soon after the symptom."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deepseek_operator.api.names import DEPLOYMENT_LABEL
from dev.demo import progress, weights
from dev.demo.__main__ import NAMESPACE
from dev.models import __main__ as models
from tests.e2e.line import START_SECONDS, Line, Manifest, deepseek, removed_afterwards, wait_until

SOON_SECONDS = 30.0
"""How long after the symptom the object may take to name the cause."""


@dataclass(frozen=True)
class Trouble:
    """A spec that cannot be served, how the cluster shows it, and what the object has to say."""

    name: str
    spec: dict[str, Any]
    symptom: Callable[[Manifest], bool]
    reason: str
    said: tuple[str, ...]
    quick: bool = field(default=True)
    """Whether it shows before an engine has started."""
    image: str | None = None
    """One of the project's images to run as the engine."""

    def asked_in(self, line: Line) -> Manifest:
        """The object that cannot be served."""
        engine = {} if self.image is None else {"engine": {"image": line.target.image(self.image)}}
        return deepseek(self.name, **self.spec, **engine)

    def is_named_by(self, ready: Manifest) -> bool:
        """Whether a condition has the reason and all of the words."""
        return ready.get("reason") == self.reason and all(
            text in ready["message"] for text in self.said
        )


def waiting(*reasons: str) -> Callable[[Manifest], bool]:
    """A container of the pod waits for one of these reasons."""
    return lambda pod: any(
        status.get("state", {}).get("waiting", {}).get("reason") in reasons
        for status in statuses(pod)
    )


def unscheduled(pod: Manifest) -> bool:
    """The scheduler found no node."""
    return any(
        item["type"] == "PodScheduled" and item["status"] == "False"
        for item in pod.get("status", {}).get("conditions", [])
    )


def ended(pod: Manifest) -> bool:
    """A container of the pod has ended with an error."""
    return any(
        state.get("terminated", {}).get("exitCode", 0) != 0
        for status in statuses(pod)
        for state in (status.get("state", {}), status.get("lastState", {}))
    )


def statuses(pod: Manifest) -> list[Manifest]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def truncate(folder: Path) -> None:
    """As a copy that was cut off leaves the weights."""
    [file] = folder.glob("*.safetensors")
    with file.open("r+b") as weights_file:
        weights_file.truncate(file.stat().st_size // 2)


def rename_architecture(folder: Path) -> None:
    """As the files of a model that vLLM does not know."""
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), "architectures": ["NoSuchForCausalLM"]}
    file.write_text(json.dumps(config))


BROKEN = {"truncated": truncate, "other-architecture": rename_architecture}
"""Folders of the claim with wrong weights: the smallest model, and what is done to it."""


TROUBLES = (
    Trouble(
        "no-claim",
        {"source": "pvc://none-such/model"},
        unscheduled,
        "Unschedulable",
        ('persistentvolumeclaim "none-such" not found',),
    ),
    Trouble(
        "no-gpu",
        {"accelerator": {"kind": "GPU"}},
        unscheduled,
        "Unschedulable",
        ("Insufficient nvidia.com/gpu",),
    ),
    Trouble(
        "no-image",
        {"engine": {"image": "localhost/deepseek-operator/none-such:1"}},
        waiting("ErrImagePull", "ImagePullBackOff"),
        "ImagePullFailed",
        ("container engine", "localhost/deepseek-operator/none-such:1 cannot be pulled"),
    ),
    Trouble(
        "no-program",
        {},
        waiting("RunContainerError", "CrashLoopBackOff"),
        "ContainerConfigError",
        ("container engine", "cannot be created", '"vllm": executable file not found'),
        image="toolbox",
    ),
    Trouble(
        "no-secret",
        {
            "pod": {
                "env": [
                    {
                        "name": "HF_TOKEN",
                        "valueFrom": {"secretKeyRef": {"name": "none-such", "key": "token"}},
                    }
                ]
            }
        },
        waiting("CreateContainerConfigError"),
        "ContainerConfigError",
        ("container engine", 'secret "none-such" not found'),
    ),
    Trouble(
        "out-of-memory",
        {"pod": {"resources": {"limits": {"memory": "160Mi"}}}},
        ended,
        "OutOfMemory",
        ("container engine", "exit code 137", "memory limit 160Mi"),
        quick=False,
    ),
    Trouble(
        "bad-flag",
        {"engine": {"args": ["--seed=none"]}},
        ended,
        "EngineFailed",
        ("container engine", "exit code 2", "argument --seed: invalid int value: 'none'"),
        quick=False,
    ),
    Trouble(
        "no-weights",
        {"source": "pvc://models/none-such"},
        ended,
        "EngineFailed",
        ("container engine", "exit code 1", "/weights/none-such"),
        quick=False,
    ),
    Trouble(
        "truncated",
        {"source": "pvc://models/truncated"},
        ended,
        "EngineFailed",
        ("container engine", "exit code 1", "SafetensorError: Error while deserializing header"),
        quick=False,
    ),
    Trouble(
        "other-architecture",
        {"source": "pvc://models/other-architecture"},
        ended,
        "EngineFailed",
        ("container engine", "exit code 1", "NoSuchForCausalLM"),
        quick=False,
    ),
    Trouble(
        "too-long",
        {"engine": {"args": ["--max-model-len=999999"]}},
        ended,
        "EngineFailed",
        ("container engine", "exit code 1", "max_model_len (999999)"),
        quick=False,
    ),
)


@pytest.fixture(scope="module")
def broken(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The claim holds wrong weights beside the right ones."""
    root = tmp_path_factory.mktemp("broken")
    folders = [root / name for name in BROKEN]
    for folder in folders:
        shutil.copytree(models.directory() / "tiny-r1-distill-qwen", folder)
        BROKEN[folder.name](folder)
    toolbox = line.target.image("toolbox")
    weights.copy(line.target.kubectl, NAMESPACE, folders, toolbox=toolbox)
    return line


@dataclass
class Seen:
    """What was seen of a trouble, and when first, on the clock of `time.monotonic`."""

    trouble: Trouble
    shown_at: float | None = None
    """When the cluster showed it."""
    named_at: float | None = None
    """When the object named its cause."""
    ready: Manifest = field(default_factory=dict)
    """The object's condition: as it named the cause, or as of the last look."""
    pods: list[str] = field(default_factory=list)

    def look(self, pods: Sequence[Manifest], ready: Manifest) -> None:
        """Once, unless there is nothing more to see."""
        if self.is_over:
            return
        now, self.pods = time.monotonic(), [pod["metadata"]["name"] for pod in pods]
        if self.shown_at is None and any(map(self.trouble.symptom, pods)):
            self.shown_at = now
        if self.named_at is None:
            self.ready = ready
            self.named_at = now if self.trouble.is_named_by(ready) else None

    @property
    def is_over(self) -> bool:
        """Whether both were seen, or the cause was not named in time."""
        if self.shown_at is None:
            return False
        return self.named_at is not None or time.monotonic() - self.shown_at > SOON_SECONDS


def watch(line: Line, troubles: Sequence[Trouble]) -> dict[str, Seen]:
    """All of them together, each by its name, until there is nothing more to see."""
    seen = {trouble.name: Seen(trouble) for trouble in troubles}
    deadline = time.monotonic() + START_SECONDS + SOON_SECONDS
    while not all(one.is_over for one in seen.values()) and time.monotonic() < deadline:
        pods = line.json("get", "pods", f"--selector={DEPLOYMENT_LABEL}")["items"]
        stored = line.json("get", "deepseekdeployments")["items"]
        ready = {one["metadata"]["name"]: progress.condition(one, "Ready") for one in stored}
        for name, one in seen.items():
            one.look([pod for pod in pods if is_of(pod, name)], ready.get(name, {}))
        time.sleep(0.3)
    return seen


def is_of(pod: Manifest, name: str) -> bool:
    """Whether a pod is of the object, and not on its way out."""
    found = pod["metadata"]
    return found["labels"][DEPLOYMENT_LABEL] == name and "deletionTimestamp" not in found


@pytest.fixture(scope="module")
def quick(broken: Line) -> Iterator[dict[str, Seen]]:
    """All the quick ones at once; the others start one after the other, as each takes a core."""
    line = broken
    troubles = [trouble for trouble in TROUBLES if trouble.quick]
    with removed_afterwards(line, *(trouble.name for trouble in troubles)):
        for trouble in troubles:
            line.apply(trouble.asked_in(line))
        yield watch(line, troubles)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_the_cause_is_in_the_ready_condition(
    broken: Line, quick: dict[str, Seen], trouble: Trouble
) -> None:
    if trouble.quick:
        seen = quick[trouble.name]
    else:
        with removed_afterwards(broken, trouble.name):
            broken.apply(trouble.asked_in(broken))
            seen = watch(broken, [trouble])[trouble.name]

    assert seen.shown_at is not None, f"the cluster does not show {trouble.name}: {seen.ready}"
    assert seen.named_at is not None, f"the object does not name the cause: {seen.ready}"
    assert seen.named_at - seen.shown_at <= SOON_SECONDS
    assert seen.ready["status"] == "False"
    assert any(f"pod {name}" in seen.ready["message"] for name in seen.pods), seen


def test_what_serves_goes_on_serving_beside_a_spec_that_fails(line: Line) -> None:
    with removed_afterwards(line, "steady"):
        line.apply(deepseek("steady"))
        line.ready("steady")
        before = line.get("steady")["status"]["serving"]

        line.apply(deepseek("steady", source="pvc://models/none-such"))
        wait_until(
            lambda: (
                progress.condition(line.get("steady"), "RolledOut").get("reason") == "EngineFailed"
            ),
            what="the new revision's failure is told",
            seconds=START_SECONDS,
        )

        stored = line.get("steady")
        assert progress.condition(stored, "Ready")["status"] == "True"
        assert "/weights/none-such" in progress.condition(stored, "Ready")["message"]
        assert stored["status"]["serving"] == before
        assert line.ask("steady", "What is two plus two?").endswith("\nTwo plus two is four.")

        line.apply(deepseek("steady"))
        line.ready("steady")
        assert line.get("steady")["status"]["serving"] == before

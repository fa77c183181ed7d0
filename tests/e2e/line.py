"""What the end-to-end tests share: the cluster, objects, waiting with a deadline, killing."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from dev import steps
from dev.cluster import images as node_images
from dev.demo import ask, progress
from dev.demo.__main__ import NAMESPACE
from dev.demo.target import Target
from dev.kubectl import RELEASE, RELEASE_NAMESPACE
from dev.models import questions

Manifest = dict[str, Any]

START_SECONDS = 300.0
"""An engine on a busy machine of two cores; a deadline, not a figure."""


@dataclass(frozen=True)
class Line:
    """The demo's cluster and namespace."""

    target: Target

    def json(self, *words: str, namespace: str = NAMESPACE) -> Any:
        """What kubectl answers in a namespace."""
        return self.target.kubectl.json(*words, f"--namespace={namespace}")

    def run(self, *words: str, namespace: str = NAMESPACE, stdin: str | None = None) -> str:
        """Run kubectl in a namespace; its output."""
        return self.target.kubectl.run(f"--namespace={namespace}", *words, stdin=stdin)

    def apply(self, manifest: Manifest) -> None:
        """What a user does: kubectl apply."""
        self.run("apply", "--filename=-", stdin=json.dumps(manifest))

    def get(self, name: str) -> Manifest:
        """The object as it is now."""
        found: Manifest = self.json("get", "deepseekdeployment", name)
        return found

    def ready(self, name: str, *, seconds: float = START_SECONDS) -> Manifest:
        """The object once its present spec is served in full."""
        found: Manifest = progress.wait_ready(self.target.kubectl, NAMESPACE, name, seconds=seconds)
        return found

    def rollout(self, name: str) -> Manifest:
        """What status says of an object's run; nothing before the first."""
        found: Manifest = self.get(name)["status"].get("rollout", {})
        return found

    def engine_pods(self, name: str) -> list[Manifest]:
        """The engine pods of an object that are not on their way out."""
        found = self.json("get", "pods", f"--selector=serving.deepseek.dev/deployment={name}")
        return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]

    def pods_of(self, name: str, revision: str) -> list[Manifest]:
        """Those of one revision."""
        label = "serving.deepseek.dev/revision"
        return [
            pod
            for pod in self.engine_pods(name)
            if pod["metadata"]["labels"].get(label) == revision
        ]

    def events(self, name: str) -> list[str]:
        """What was told of an object, in no order."""
        selector = f"--field-selector=involvedObject.name={name}"
        found = self.json("get", "events", selector)["items"]
        return [f"{item['reason']}: {item['message']}" for item in found]

    def operator_pod(self) -> Manifest:
        """The operator's pod."""
        selector = f"--selector=app.kubernetes.io/instance={RELEASE}"
        found = self.json("get", "pods", selector, namespace=RELEASE_NAMESPACE)["items"]
        [pod] = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return dict(pod)

    def url(self, name: str) -> str:
        """The clients' Service by its address: the machine has a route to it."""
        return f"http://{self.json('get', 'service', name)['spec']['clusterIP']}"

    def ask(self, name: str, question: str) -> str:
        """One chat completion through the clients' Service."""
        return ask.chat(self.url(name), name, question)

    def kill_container(self, pod: Manifest, container: str) -> None:
        """SIGKILL the first process of a container, as the kernel would."""
        place = self.target.embedded
        assert place is not None
        found = [
            *pod["status"].get("initContainerStatuses", []),
            *pod["status"]["containerStatuses"],
        ]
        [status] = [s for s in found if s["name"] == container]
        identity = status["containerID"].removeprefix("containerd://")
        node_images.ctr(place, "tasks", "kill", "--signal", "SIGKILL", identity)


def deepseek(name: str, **spec: Any) -> Manifest:
    """An object that serves the smallest model on a CPU through one gateway, but for what `spec` says."""
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": "tiny-r1-distill-qwen",
            "source": "pvc://models/tiny-r1-distill-qwen",
            "accelerator": {"kind": "CPU"},
            # Several objects share a node of two cores.
            "gateway": {"replicas": 1},
            **spec,
        },
    }


def wait_until(holds: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
    """Ask until it holds; AssertionError with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.3)


@contextlib.contextmanager
def removed_afterwards(line: Line, *names: str) -> Iterator[None]:
    """Delete objects when the test has ended, so that their engines make room."""
    try:
        yield
    finally:
        with contextlib.suppress(steps.StepError):
            line.run("delete", "deepseekdeployment", *names, "--ignore-not-found")


class Asker:
    """Asks one question after the other until it is told to stop; every failure is kept."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.answered = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        question = questions.load()[0].question
        while not self._stop.is_set():
            asked = datetime.now(UTC)
            try:
                ask.chat(self.url, self.name, question)
                self.answered += 1
            except Exception as error:  # noqa: BLE001 - whatever a user would see
                self.failures.append(f"asked at {asked:%H:%M:%S}: {error}")
            time.sleep(0.2)

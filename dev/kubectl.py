"""kubectl and helm against one cluster, for the demo and the end-to-end tests."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev import shared, steps, tools
from dev.paths import CACHE, REPOSITORY

CHART = REPOSITORY / "charts" / "deepseek-operator"
RELEASE = "deepseek-operator"
RELEASE_NAMESPACE = "deepseek-system"

BEGUN = frozenset({"pending-install", "uninstalling"})
"""A release of which nothing was whole yet, or is any more."""

CHANGING = frozenset({"pending-upgrade", "pending-rollback"})
"""A release with a revision before, which was whole."""

NO_RELEASE = "release: not found"

FORWARD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The two command line tools, both pointed at the same cluster."""

    kubeconfig: Path | None
    """None: whatever KUBECONFIG or ~/.kube/config say."""
    own_tools: bool = True
    """The tools built here; else those on the PATH, where they are."""
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        chosen = {} if self.kubeconfig is None else {"KUBECONFIG": str(self.kubeconfig)}
        object.__setattr__(self, "environment", chosen)

    def program(self, name: str) -> str:
        """The path of kubectl or helm."""
        found = None if self.own_tools else shutil.which(name)
        return found or str(tools.path(name))

    def run(self, *words: str | Path, stdin: str | None = None) -> str:
        """Run kubectl; its output, or StepError with the last lines of it."""
        return steps.run([self.program("kubectl"), *words], env=self.environment, stdin=stdin)

    def json(self, *words: str) -> Any:
        """What kubectl prints as JSON."""
        return json.loads(self.run(*words, "--output=json"))

    def apply(self, *manifests: object, namespace: str) -> None:
        """Server-side apply of objects."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        flags = ["--server-side", "--force-conflicts", f"--namespace={namespace}", "--filename=-"]
        self.run("apply", *flags, stdin=document)

    def helm(self, *words: str | Path, values: object = None) -> str:
        """Run helm; values are given to it as its last file of values."""
        given = () if values is None else ("--values", "-")
        text = None if values is None else json.dumps(values)
        command = [self.program("helm"), *words, *given]
        return steps.run(command, env=self.environment, stdin=text)

    @contextlib.contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Iterator[str]:
        """The base URL of a Service's or pod's port, as long as the context lasts."""
        own = free_port()
        command = ["port-forward", f"--namespace={namespace}", target, f"{own}:{port}"]
        with subprocess.Popen(
            [self.program("kubectl"), *command],
            env=steps.environment(self.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                wait_listening(process, own, target)
                yield f"http://127.0.0.1:{own}"
            finally:
                process.terminate()


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_listening(process: subprocess.Popen[str], port: int, target: str) -> None:
    """Return once a connection is accepted; StepError with kubectl's words when it ends instead."""
    deadline = time.monotonic() + FORWARD_SECONDS
    while True:
        if process.poll() is not None:
            said = process.stderr.read() if process.stderr else ""
            raise steps.StepError(f"kubectl port-forward {target} ended: {said.strip()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise steps.StepError(f"kubectl port-forward {target} does not listen")
        time.sleep(0.1)


def install_release(
    kubectl: Kubectl, values: object, *, chart: Path = CHART, timeout: str = "5m"
) -> str:
    """Install the chart, or go from whatever is installed to it, and wait until the operator is ready; helm's notes."""
    place = ["--namespace", RELEASE_NAMESPACE, "--create-namespace"]
    waiting = ["--wait", "--timeout", timeout]
    # A helm whose set-up was killed may still be at it.
    with shared.alone(CACHE / "helm"):
        take_back(kubectl, timeout=timeout)
        notes = kubectl.helm(
            "upgrade", "--install", RELEASE, chart, *place, *waiting, values=values
        )
    # Helm does not wait until the replicas before are gone: one of them may still lead.
    target = [f"deployment/{RELEASE}", f"--namespace={RELEASE_NAMESPACE}"]
    kubectl.run("rollout", "status", *target, f"--timeout={timeout}")
    return notes


def take_back(kubectl: Kubectl, *, timeout: str) -> None:
    """Take back what a helm that was killed had begun: over that it begins nothing new.

    The chart's definition of our kind stays, and with it every object; the operator's pods may go.
    """
    place, state = f"--namespace={RELEASE_NAMESPACE}", release_state(kubectl)
    if state in BEGUN | CHANGING:
        print(f"    (helm was killed and left the release {state}: taken back)", flush=True)
    if state in BEGUN:
        kubectl.helm("uninstall", RELEASE, place, "--wait", f"--timeout={timeout}")
    elif state in CHANGING:
        # Without waiting: what it goes back to may not start any more, and is changed at once.
        kubectl.helm("rollback", RELEASE, place)


def release_state(kubectl: Kubectl) -> str:
    """The release's state in helm's words; empty where there is none."""
    place = f"--namespace={RELEASE_NAMESPACE}"
    try:
        said = kubectl.helm("status", RELEASE, place, "--output=json")
    except steps.StepError as error:
        if NO_RELEASE in str(error):
            return ""
        raise
    # What helm warns of comes first.
    found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    return str(found["info"]["status"])

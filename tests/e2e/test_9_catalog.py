"""A ConfigMap comes, changes and goes while the operator runs: the kubelet brings it, and no pod is made anew."""

import json
from collections.abc import Iterator

import pytest
import yaml

from dev.kubectl import RELEASE_NAMESPACE
from dev.paths import REPOSITORY
from tests.e2e.line import Line, Manifest, wait_until

EXAMPLE = (REPOSITORY / "examples" / "platform" / "catalog.yaml").read_text()
NAME = yaml.safe_load(EXAMPLE)["metadata"]["name"]

KUBELET_SECONDS = 300.0
"""It looks once a minute or so, later where it has much to do; a deadline, not a figure."""


@pytest.fixture
def running(line: Line) -> Iterator[Manifest]:
    """The operator's pod, with no catalog of anybody's before and after."""
    yield line.operator_pod()
    line.run("delete", "configmap", NAME, "--ignore-not-found", namespace=RELEASE_NAMESPACE)


@pytest.mark.campaign
def test_a_catalog_is_followed_by_the_operator_that_runs(line: Line, running: Manifest) -> None:
    name = running["metadata"]["name"]

    def wait_for(said: str) -> None:
        def is_said() -> bool:
            return said in line.run("logs", name, namespace=RELEASE_NAMESPACE)

        wait_until(is_said, what=f"the operator says {said}", seconds=KUBELET_SECONDS)

    line.run("apply", "--filename=-", namespace=RELEASE_NAMESPACE, stdin=EXAMPLE)
    wait_for("models added: Support-Llama-8B; accelerators added: X1")
    mistake = {"data": {"prices.yaml": "accelerators: {H200: {pricePerHuor: 1}}"}}
    patch = ("patch", "configmap", NAME, "--type=merge", f"--patch={json.dumps(mistake)}")
    line.run(*patch, namespace=RELEASE_NAMESPACE)
    wait_for("prices.yaml: H200: pricePerHuor: unknown field; did you mean pricePerHour?")
    line.run("delete", "configmap", NAME, namespace=RELEASE_NAMESPACE)
    wait_for("models removed: Support-Llama-8B")

    after = line.operator_pod()
    assert after["metadata"]["uid"] == running["metadata"]["uid"]
    assert (
        after["status"]["containerStatuses"][0]["restartCount"]
        == (running["status"]["containerStatuses"][0]["restartCount"])
    )

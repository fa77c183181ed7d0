"""What statuses of pods say."""

import pytest

from deepseek_operator import pod_states
from tests.unit.samples import Manifest
from tests.unit.test_diagnosis import BACK_OFF, container, ended, pod, waiting


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        pytest.param(container(state=ended(1)), ("engine", False), id="ended"),
        pytest.param(
            container(state=BACK_OFF, lastState=ended(1)), ("engine", False), id="back-off"
        ),
        pytest.param(
            container(state={"running": {}}, lastState=ended(1)),
            ("engine", True),
            id="again-running",
        ),
        pytest.param(container(state={"running": {}}), None, id="running"),
        pytest.param(container(state=ended(0)), ("engine", False), id="ended-as-if-all-were-well"),
        pytest.param(container("tools", state=ended(0)), None, id="comes-first-and-is-done"),
        pytest.param(container(ready=True, lastState=ended(1)), None, id="recovered"),
    ],
)
def test_the_log_to_read_is_that_of_the_run_that_failed(
    status: Manifest, failed: tuple[str, bool] | None
) -> None:
    assert failed == pod_states.failed_container(pod(status))


@pytest.mark.parametrize(
    ("status", "node", "waits"),
    [
        pytest.param(container(state=waiting("ContainerCreating")), "n", True, id="creating"),
        pytest.param(container("tools", state=waiting("PodInitializing")), "n", True, id="init"),
        pytest.param(container(state=waiting("ContainerCreating")), None, False, id="no-node"),
        pytest.param(container(state={"running": {}}), "n", False, id="running"),
    ],
)
def test_a_pod_on_a_node_may_wait_for_its_containers(
    status: Manifest, node: str | None, *, waits: bool
) -> None:
    found = pod(status)
    found["spec"]["nodeName"] = node

    assert waits is pod_states.waits_for_containers(found)

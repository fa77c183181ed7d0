"""Installing the chart, with a fake helm and kubectl: also over what a killed helm has left."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dev import kubectl as clients
from dev import steps
from dev.kubectl import Kubectl
from tests.unit.dev.programs import fake_program

PLACE = "--namespace=deepseek-system"
STATUS = f"status deepseek-operator {PLACE} --output=json"
UNINSTALL = f"uninstall deepseek-operator {PLACE} --wait --timeout=5m"
ROLLBACK = f"rollback deepseek-operator {PLACE}"
UPGRADE = f"upgrade --install deepseek-operator {clients.CHART} --namespace deepseek-system"


def state(name: str) -> str:
    """Shell that says what helm says of a release."""
    return f"""echo '{{"name":"deepseek-operator","info":{{"status":"{name}"}},"version":1}}'"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Install where helm answers the question for the release's state so; what helm was asked."""
    monkeypatch.setattr(clients, "CACHE", tmp_path)

    def run(answer: str) -> list[str]:
        asked = fake_program(tmp_path, "helm", monkeypatch, {"status*": answer})
        fake_program(tmp_path, "kubectl", monkeypatch)
        clients.install_release(Kubectl(None, own_tools=False), {})
        return asked()

    return run


@pytest.mark.parametrize(
    ("answer", "taken_back"),
    [
        pytest.param("echo Error: release: not found; exit 1", [], id="new"),
        pytest.param(state("deployed"), [], id="whole"),
        pytest.param(state("failed"), [], id="failed"),
        pytest.param(state("pending-install"), [UNINSTALL], id="killed-installing"),
        pytest.param(state("uninstalling"), [UNINSTALL], id="killed-uninstalling"),
        pytest.param(state("pending-upgrade"), [ROLLBACK], id="killed-upgrading"),
        pytest.param(state("pending-rollback"), [ROLLBACK], id="killed-rolling-back"),
        pytest.param(
            f"echo 'WARNING: Kubernetes configuration file is group-readable.' >&2; "
            f"{state('pending-install')}",
            [UNINSTALL],
            id="with-a-warning",
        ),
    ],
)
def test_what_a_killed_helm_left_is_taken_back_before_the_chart_is_installed(
    answer: str, taken_back: list[str], install: Callable[[str], list[str]]
) -> None:
    first, *between, last = install(answer)

    assert first == STATUS
    assert between == taken_back
    assert last.startswith(UPGRADE)


def test_a_cluster_that_does_not_answer_is_told_and_nothing_is_taken_back(
    install: Callable[[str], list[str]], tmp_path: Path
) -> None:
    with pytest.raises(steps.StepError, match="cluster unreachable"):
        install("echo Error: Kubernetes cluster unreachable; exit 1")

    assert (tmp_path / "helm.asked").read_text().splitlines() == [STATUS]

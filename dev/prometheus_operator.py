"""The kinds of Prometheus Operator that the chart and the operator make: python3 -m dev.prometheus_operator."""

from pathlib import Path

from dev import steps
from dev.kinds import Kinds

KINDS = ("podmonitors", "servicemonitors", "prometheusrules")

PROMETHEUS_OPERATOR = Kinds(
    name="prometheus-operator",
    program="dev.prometheus_operator",
    module="github.com/prometheus-operator/prometheus-operator",
    tool="prometheus-operator",
    files={
        kind: f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml" for kind in KINDS
    },
)


def definitions() -> list[Path]:
    """The files, one a kind; StepError with the remedy when they have not been fetched."""
    return PROMETHEUS_OPERATOR.definitions()


def fetch() -> None:
    """Fetch the module and keep the definitions; what is there costs nothing."""
    PROMETHEUS_OPERATOR.fetch()


def program() -> int:
    """The command line."""
    fetch()
    return 0


if __name__ == "__main__":
    steps.main(program)

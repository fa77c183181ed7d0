"""The kinds of Gateway API, standard channel, as its Go module has them: python3 -m dev.gateway_api."""

from pathlib import Path

from dev import steps
from dev.kinds import Kinds

KINDS = (
    "gatewayclasses",
    "gateways",
    "httproutes",
    "grpcroutes",
    "referencegrants",
    "backendtlspolicies",
)
"""What Envoy Gateway does not start without, and what the operator uses."""

GATEWAY_API = Kinds(
    name="gateway-api",
    program="dev.gateway_api",
    module="sigs.k8s.io/gateway-api",
    tool="envoy-gateway",
    files={kind: f"config/crd/standard/gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS},
)


def definitions() -> list[Path]:
    """The files, one a kind; StepError with the remedy when they have not been fetched."""
    return GATEWAY_API.definitions()


def fetch() -> None:
    """Fetch the module and keep the definitions; what is there costs nothing."""
    GATEWAY_API.fetch()


def program() -> int:
    """The command line."""
    fetch()
    return 0


if __name__ == "__main__":
    steps.main(program)

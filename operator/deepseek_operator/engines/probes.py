"""Probes of an engine's container, as Kubernetes writes them: the same for every engine."""

import math
from typing import Any

from deepseek_operator.catalog import accelerators
from deepseek_operator.engines.contract import PORT, TOOLS_PATH, WARM_STATE_PATH, EngineRequest
from deepseek_operator.sizing import loading

_UNKNOWN_WEIGHTS_BYTES = 150_000_000_000
"""The least that is assumed for a model outside the catalog: what a CPU, or one node of small GPUs, may hold."""

_STARTUP_PERIOD_SECONDS = 5

_KILL_SECONDS = 30
"""What is dead by its probe has no answers to finish: it need not be waited for as a pod that is let go is."""


def startup_seconds(request: EngineRequest) -> int:
    """Budget of the start-up probe: twice what loading and compiling may take."""
    if request.sized is not None:
        size = loading.loaded_bytes(request.sized)
    elif request.model is not None:
        size = float(request.model.weights_bytes)
    else:
        size = max(_UNKNOWN_WEIGHTS_BYTES, _most_bytes(request))
    return 2 * loading.loading_seconds(size)


def _most_bytes(request: EngineRequest) -> float:
    """The largest weights that the accelerators of a replica hold; of a product that is not known, the largest known."""
    known = request.products
    name = accelerators.product_name(request.block.accelerator.product or "", known)
    products = known.values() if name is None else [known[name]]
    memory = max((product.memory_gib for product in products), default=0.0)
    return request.accelerators * memory * 2**30


def startup_probe(request: EngineRequest) -> dict[str, Any]:
    """Waits for the engine's first health."""
    return {
        "httpGet": _health(),
        "periodSeconds": _STARTUP_PERIOD_SECONDS,
        "timeoutSeconds": 5,
        "failureThreshold": math.ceil(startup_seconds(request) / _STARTUP_PERIOD_SECONDS),
        "terminationGracePeriodSeconds": _KILL_SECONDS,
    }


def liveness_probe() -> dict[str, Any]:
    """Health answers as long as the engine's process lives.

    A busy API server may be late, so only a silence of two minutes is a dead engine.
    """
    return {
        "httpGet": _health(),
        "periodSeconds": 15,
        "timeoutSeconds": 15,
        "failureThreshold": 8,
        "terminationGracePeriodSeconds": _KILL_SECONDS,
    }


def readiness_probe(request: EngineRequest) -> dict[str, Any]:
    """Ready once this very process has been warmed up or asked, and as long as it is healthy."""
    lock = ["--require-warm", f"--state={WARM_STATE_PATH}"] if request.warmed else []
    return {
        "exec": {
            "command": [
                "python3",
                "-S",
                f"{TOOLS_PATH}/deepseek_serving/engine/ready.py",
                f"--port={PORT}",
                f"--model={request.served_name}",
                *lock,
            ]
        },
        "periodSeconds": 5,
        "timeoutSeconds": 30,
        "failureThreshold": 3,
        "successThreshold": 1,
    }


def _health() -> dict[str, Any]:
    return {"path": "/health", "port": "http", "scheme": "HTTP"}

"""Which engine a block asks for, which one a frozen pod runs, and what each of them can be asked. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deepseek_operator.engines import trtllm, trtllm_figures, vllm, vllm_figures
from deepseek_operator.engines.contract import EngineContainer, EngineRequest
from deepseek_operator.engines.figures import EngineFigures, Sample


@dataclass(frozen=True, slots=True)
class Telling:
    """Where an engine tells its figures, and which of them there are."""

    path: str
    names: frozenset[str]
    read: Callable[[Iterable[Sample]], EngineFigures]
    figures: frozenset[str]
    """Of EngineFigures those that a page has once the engine has answered requests."""


_VLLM = Telling(
    vllm_figures.PATH,
    vllm_figures.NAMES,
    vllm_figures.read,
    frozenset(
        {
            "answered",
            "asked",
            "first_token",
            "per_output_token",
            "generated",
            "finished",
            "preemptions",
        }
    ),
)
_TRTLLM = Telling(
    trtllm_figures.PATH,
    trtllm_figures.NAMES,
    trtllm_figures.read,
    frozenset({"first_token", "per_output_token", "finished"}),
)

_CONTAINERS: Mapping[str, Callable[[EngineRequest], EngineContainer]] = {
    "vllm": vllm.engine_container,
    trtllm.NAME: trtllm.engine_container,
}

_TELLINGS: Mapping[str, Telling] = {"vllm": _VLLM, trtllm.COMMAND: _TRTLLM}
"""By the program that serves in the engine's container, which another may start."""


def engine_container(request: EngineRequest) -> EngineContainer:
    """The container of the engine that the block names."""
    return _CONTAINERS[request.block.engine.name](request)


def telling(spec: Mapping[str, Any]) -> Telling | None:
    """How the engine of a pod tells its figures, by the pod's spec; None where it is of no known kind."""
    return _TELLINGS.get(_program(spec))


def warmup_limits(
    container: Mapping[str, Any], *, on_gpu: bool, options: str = ""
) -> dict[str, Any]:
    """What a warm-up has to know of an engine, from its frozen container and its file of options."""
    args = container["args"]
    if trtllm.COMMAND in container["command"]:
        return trtllm.warmup_limits(args, options)
    return vllm.warmup_limits(args, on_gpu=on_gpu)


def _program(spec: Mapping[str, Any]) -> str:
    words = (word for item in spec.get("containers", []) for word in item.get("command", []))
    return next((word for word in words if word in _TELLINGS), "")

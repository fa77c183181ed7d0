"""TensorRT-LLM over several nodes: ranks of one MPI world, which the leader's pod starts in all pods. Of 1.2.

NVIDIA starts it with `mpirun -n RANKS trtllm-llmapi-launch trtllm-serve ...`: each rank runs that launcher, which serves on
rank 0 and computes on all (tensorrt_llm/llmapi/trtllm-llmapi-launch). mpirun reaches other hosts over SSH; here workers call
their leader (deepseek_serving.ranks), so no pod has a server that runs what it is sent by a shell.
"""

from deepseek_operator.engines import probes
from deepseek_operator.engines.contract import (
    GROUP_SIZE,
    LEADER_ADDRESS,
    TOOLS_PATH,
    WORKER_INDEX,
    EngineRequest,
)

LAUNCHER = "trtllm-llmapi-launch"

ADDRESS_VARIABLE = "DEEPSEEK_POD_ADDRESS"
"""In which a pod is told its own address: over its interface ranks call each other."""

RANKS_PORT = 29498
"""Of the leader, where its workers call."""

_PATIENCE_SECONDS = 1800
"""For a pod whose node still fetches the engine's image, when all of a group have nodes."""


def leader_command(request: EngineRequest) -> list[str]:
    """What starts the ranks of all pods and then serves; the server's own words follow."""
    return [
        *_program("lead"),
        f"--size=$({GROUP_SIZE})",
        f"--ranks={request.accelerators_each}",
        f"--port={RANKS_PORT}",
        f"--through={LAUNCHER}",
        f"--patience={_patience(request)}",
        "--",
    ]


def worker_command(request: EngineRequest) -> list[str]:
    """What runs the daemon of mpirun in every other pod; it waits longer than a leader does, which says who is missing."""
    return [
        *_program("follow"),
        f"--leader=$({LEADER_ADDRESS})",
        f"--index=$({WORKER_INDEX})",
        f"--port={RANKS_PORT}",
        f"--patience={2 * _patience(request)}",
    ]


def environment(request: EngineRequest) -> dict[str, str]:
    """Of every pod: where our program is, and what the platform team set for those that exchange."""
    return {"PYTHONPATH": TOOLS_PATH, **request.images.network.variables}


def _patience(request: EngineRequest) -> int:
    """Of a leader: its start-up probe would end it as well, and say nothing of who is missing."""
    return min(_PATIENCE_SECONDS, probes.startup_seconds(request) // 2)


def _program(name: str) -> list[str]:
    return ["python3", "-m", f"deepseek_serving.ranks.{name}"]

"""vLLM over several nodes: one server, on the leader, and processes without one on the other nodes. Flags of 0.33.

Without Ray: vLLM's own executor (`mp`) spans nodes with --nnodes, --node-rank and --master-addr, and a node with
--headless starts no server (vllm/entrypoints/cli/serve.py). The same flags serve both layouts: from the rank of
its node an engine knows its pipeline stages, or which data-parallel ranks are its own (vllm/engine/arg_utils.py,
inferred_data_parallel_rank).
"""

from collections.abc import Sequence

from deepseek_operator.engines.contract import LEADER_ADDRESS, WORKER_INDEX

HOST_VARIABLE = "VLLM_HOST_IP"
"""In which an engine is told its own address."""

MASTER_PORT = 29501
"""vLLM's default (vllm/config/parallel.py), where torch.distributed meets."""

_SERVER_FLAG = "--api-server-count"


def leader_args(args: Sequence[str], nodes: int) -> list[str]:
    """Of the node that answers requests.

    It is given its own address, not its name: ZeroMQ, by which data-parallel ranks meet, binds to no name.
    """
    return [*args, *_place(nodes, rank="0", leader=f"$({HOST_VARIABLE})")]


def worker_args(args: Sequence[str], nodes: int) -> list[str]:
    """Of every other node: the same model, limits and layout, or the ranks do not agree.

    --headless refuses a number of API servers.
    """
    kept = [arg for arg in args if arg.partition("=")[0].replace("_", "-") != _SERVER_FLAG]
    place = _place(nodes, rank=f"$({WORKER_INDEX})", leader=f"$({LEADER_ADDRESS})")
    return [*kept, *place, "--headless"]


def _place(nodes: int, *, rank: str, leader: str) -> list[str]:
    return [
        f"--nnodes={nodes}",
        f"--node-rank={rank}",
        f"--master-addr={leader}",
        f"--master-port={MASTER_PORT}",
    ]

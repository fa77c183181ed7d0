"""The commands of a replica of TensorRT-LLM over several nodes: one server, ranks that it starts, and pods that call it."""

from dataclasses import replace

import pytest
import yaml

from deepseek_operator import derivation
from deepseek_operator.engines import choice, probes, trtllm, trtllm_group
from deepseek_operator.engines.contract import EngineContainer, EngineRequest, Network
from deepseek_serving.ranks import agent, follow, lead, rank
from tests.unit.engines.matrix import CATALOG, TRTLLM_MATRIX, sized_request
from tests.unit.samples import IMAGES

V3, H100, H200 = "DeepSeek-V3", "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200"
GROUPS = [pair for pair in TRTLLM_MATRIX if pair.request.nodes > 1]


def request(product: str = H100, *, rdma: bool = False) -> EngineRequest:
    plain = sized_request(V3, product, engine={"name": "tensorrt-llm"})
    derived = derivation.derive(plain.block, catalog=CATALOG, field="spec", rdma=rdma)
    return replace(plain, sized=derived.sized)


def built(product: str = H100, *, rdma: bool = False) -> EngineContainer:
    return trtllm.engine_container(request(product, rdma=rdma))


def flags(command: tuple[str, ...]) -> dict[str, str]:
    """Of one of our programs, before what it starts."""
    ours = command[3 : command.index("--") if "--" in command else None]
    return dict(word.removeprefix("--").split("=", 1) for word in ours)


def test_a_replica_on_one_node_is_started_as_before() -> None:
    container = built(H200)

    assert container.command == ["trtllm-serve", "serve"]
    assert (container.worker_command, container.worker_args) == ((), ())
    assert "PYTHONPATH" not in container.env


def test_the_leader_starts_the_ranks_and_serves() -> None:
    container = built()

    assert container.command[:3] == ["python3", "-m", lead.__name__]
    assert container.command[-3:] == ["--", "trtllm-serve", "serve"]
    assert flags(tuple(container.command)) == {
        "size": "$(LWS_GROUP_SIZE)",
        "ranks": "8",
        "port": "29498",
        "through": "trtllm-llmapi-launch",
        "patience": "1800",
    }
    assert {"--tensor_parallel_size=8", "--pipeline_parallel_size=2"} <= set(container.args)
    assert container.env["PYTHONPATH"] == "/opt/deepseek"


def test_a_worker_runs_what_calls_the_leader_and_nothing_of_the_engine() -> None:
    container = built()

    assert container.worker_command[:3] == ("python3", "-m", follow.__name__)
    assert flags(container.worker_command) == {
        "leader": "$(LWS_LEADER_ADDRESS)",
        "index": "$(LWS_WORKER_INDEX)",
        "port": "29498",
        "patience": "3600",
    }
    assert container.worker_args == ()


def test_with_rdma_each_gpu_attends_for_itself_and_experts_are_on_all() -> None:
    """As NVIDIA's guide for DeepSeek-V3 has it on two nodes: --tp 16 --ep 16."""
    container = built(rdma=True)

    assert {"--tensor_parallel_size=16", "--moe_expert_parallel_size=16"} <= set(container.args)
    assert yaml.safe_load(container.options)["enable_attention_dp"] is True
    assert not any("pipeline" in arg for arg in container.args)


def test_there_are_as_many_ranks_as_the_engine_is_told_of() -> None:
    """It waits for ever for a rank that nobody starts."""
    assert len(GROUPS) >= 5
    for asked in (*(pair.request for pair in GROUPS), request(rdma=True)):
        container = trtllm.engine_container(asked)
        sizes = dict(arg.split("=") for arg in container.args if "_parallel_size" in arg)
        world = int(sizes.get("--tensor_parallel_size", "1")) * int(
            sizes.get("--pipeline_parallel_size", "1")
        )

        assert world == asked.nodes * int(flags(tuple(container.command))["ranks"])


def test_who_is_missing_is_said_before_the_probe_ends_the_leader() -> None:
    for pair in GROUPS:
        container = trtllm.engine_container(pair.request)
        leader, worker = (
            int(flags(command)["patience"])
            for command in (tuple(container.command), container.worker_command)
        )

        assert leader < worker <= probes.startup_seconds(pair.request)


def test_the_programs_on_both_sides_are_of_one_mind() -> None:
    assert trtllm_group.ADDRESS_VARIABLE == rank.ADDRESS_VARIABLE == built().address_variable
    assert agent.HOST.fullmatch(agent.host_of(15))


def test_its_figures_are_asked_for_and_its_warm_up_reads_its_limits() -> None:
    container = built(rdma=True)
    manifest = {"command": container.command, "args": container.args}

    telling = choice.telling({"containers": [manifest]})
    limits = choice.warmup_limits(manifest, on_gpu=True, options=container.options)

    assert telling is not None
    assert telling.path == trtllm.METRICS_PATH
    assert limits["engine"] == "tensorrt-llm"
    assert limits["dataParallel"] == 16


@pytest.mark.parametrize(("product", "there"), [(H100, True), (H200, False)])
def test_libraries_that_exchange_between_nodes_are_told_what_the_platform_says(
    product: str, *, there: bool
) -> None:
    network = Network(
        variables={"NCCL_SOCKET_IFNAME": "eth0", "OMPI_MCA_oob_tcp_if_include": "eth0"}
    )
    asked = replace(request(product), images=replace(IMAGES, network=network))

    env = trtllm.engine_container(asked).env

    assert (set(network.variables) <= set(env)) is there

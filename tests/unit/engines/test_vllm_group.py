"""The commands of a replica over several nodes: one server, and workers that agree with it."""

from dataclasses import replace

import pytest

from deepseek_operator.engines import vllm, vllm_group
from deepseek_operator.engines.contract import EngineRequest, Network
from tests.unit.engines import lines
from tests.unit.engines.matrix import MATRIX, sized_request
from tests.unit.engines.test_vllm import FLAGS
from tests.unit.samples import IMAGES

V3, H100 = "DeepSeek-V3", "NVIDIA-H100-80GB-HBM3"
GROUPS = [pair for pair in MATRIX if pair.request.nodes > 1]


def with_rdma() -> EngineRequest:
    """DeepSeek-V3 in ranks over two nodes."""
    return lines.with_rdma(sized_request(V3, H100))


def test_a_replica_on_one_node_has_no_workers() -> None:
    request = sized_request(V3, "NVIDIA-H200")

    container = vllm.engine_container(request)

    assert container.worker_args == ()
    assert container.args == vllm.engine_args(request)


def test_stages_are_told_of_their_node_and_their_leader() -> None:
    container = vllm.engine_container(sized_request(V3, H100))

    place = ["--nnodes=2", "--node-rank=0", "--master-addr=$(VLLM_HOST_IP)", "--master-port=29501"]
    assert container.args[-4:] == place
    assert container.worker_args[-5:] == (
        "--nnodes=2",
        "--node-rank=$(LWS_WORKER_INDEX)",
        "--master-addr=$(LWS_LEADER_ADDRESS)",
        "--master-port=29501",
        "--headless",
    )
    shape = {"--tensor-parallel-size=8", "--pipeline-parallel-size=2", "--enable-expert-parallel"}
    assert shape <= set(container.args)
    assert shape <= set(container.worker_args)
    assert "--headless" not in container.args


def test_ranks_are_found_from_the_node_as_stages_are() -> None:
    container = vllm.engine_container(with_rdma())

    assert {"--data-parallel-size=16", "--enable-expert-parallel"} <= set(container.worker_args)
    assert not any("data-parallel-start-rank" in arg for arg in container.worker_args)
    assert "--node-rank=$(LWS_WORKER_INDEX)" in container.worker_args


@pytest.mark.parametrize("given", ["--api-server-count=1", "--api_server_count=4"])
def test_a_worker_has_no_server_to_count(given: str) -> None:
    kept = vllm_group.worker_args(["model", given, "--seed=1"], 2)

    assert kept[:2] == ["model", "--seed=1"]


def test_but_for_its_place_a_worker_is_told_what_its_leader_is() -> None:
    """Ranks that were given other limits or another layout would wait for each other for ever."""
    for request in (*(pair.request for pair in GROUPS), with_rdma()):
        container = vllm.engine_container(request)
        own = ("--node-rank=", "--master-addr=", "--headless", "--api-server-count=")

        leader, worker = (
            [arg for arg in args if not arg.startswith(own)]
            for args in (container.args, container.worker_args)
        )
        assert leader == worker


def test_every_flag_of_a_group_is_one_that_this_vllm_knows_and_given_once() -> None:
    assert len(GROUPS) >= 10
    for pair in GROUPS:
        container = vllm.engine_container(pair.request)
        for positional, *flags in (container.args, container.worker_args):
            names = [flag.partition("=")[0] for flag in flags]
            assert not positional.startswith("-")
            assert set(names) <= FLAGS
            assert len(names) == len(set(names))


def test_every_node_has_whole_stages_or_ranks() -> None:
    """vLLM asserts it: the ranks of a replica are divided by its nodes."""
    for request in (*(pair.request for pair in GROUPS), with_rdma()):
        assert request.sized is not None
        layout = request.sized.layout
        assert layout.accelerators == request.nodes * request.accelerators_each
        assert request.accelerators_each % layout.tensor == 0
        assert layout.pipeline == 1 or layout.pipeline % request.nodes == 0


def test_libraries_that_exchange_between_nodes_are_told_what_the_platform_says() -> None:
    network = Network(variables={"NCCL_SOCKET_IFNAME": "eth0"})
    images = replace(IMAGES, network=network)

    several = vllm.engine_container(replace(sized_request(V3, H100), images=images))
    one = vllm.engine_container(replace(sized_request(V3, "NVIDIA-H200"), images=images))

    assert several.env["NCCL_SOCKET_IFNAME"] == "eth0"
    assert "NCCL_SOCKET_IFNAME" not in one.env

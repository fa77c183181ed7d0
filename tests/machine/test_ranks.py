"""Ranks over several hosts with the real mpirun and orted of Open MPI 4.1, as a user without a name, and without SSH."""

import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deepseek_operator.engines import trtllm
from deepseek_serving.ranks import follow, lead
from dev import packages
from tests.machine.hosts import Host, hosts
from tests.unit.engines.matrix import sized_request
from tests.unit.serving.ranks.programs import Pod

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(300)]

PORT = 29498
YIELD = {"OMPI_MCA_mpi_yield_when_idle": "1"}
"""Ranks that wait for each other have no core of their own here."""

LAUNCHER = """
import ctypes, os, subprocess, sys, time

mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)


def handle(name):
    return ctypes.byref(ctypes.c_char.in_dll(mpi, name))


assert mpi.MPI_Init(None, None) == 0
world, integer, add = map(handle, ("ompi_mpi_comm_world", "ompi_mpi_int", "ompi_mpi_op_sum"))
rank, total = ctypes.c_int(), ctypes.c_int()
mpi.MPI_Comm_rank(world, ctypes.byref(rank))
assert rank.value == int(os.environ["OMPI_COMM_WORLD_RANK"])
mpi.MPI_Allreduce(ctypes.byref(rank), ctypes.byref(total), 1, integer, add, world)
print(f"rank {rank.value} on {os.uname().nodename} as {os.getuid()}: all are {total.value}", flush=True)
if rank.value == 0:
    subprocess.run(" ".join(sys.argv[1:]).split())
request, ended = ctypes.c_void_p(), ctypes.c_int()
mpi.MPI_Ibarrier(world, ctypes.byref(request))
while not ended.value:
    mpi.MPI_Test(ctypes.byref(request), ctypes.byref(ended), None)
    time.sleep(0.1)
mpi.MPI_Finalize()
"""
"""In place of NVIDIA's: real ranks, that exchange and then wait, without a core of their own, for the one that serves."""

SERVER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("the last answer", flush=True), sys.exit(0)))
print("serves", sys.argv[1:], flush=True)
while True:
    signal.pause()
"""


@pytest.fixture(scope="session")
def open_mpi() -> None:
    """Of Debian, and of the line that NVIDIA's images have."""
    packages.install(["openmpi-bin", "iproute2"])


@pytest.fixture
def three(open_mpi: None) -> Iterator[list[Host]]:
    """The leader's host and two others, in a folder where a plain user may go, which pytest's own are not."""
    del open_mpi
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        for program, text in (("trtllm-llmapi-launch", LAUNCHER), ("trtllm-serve", SERVER)):
            file = folder / "bin" / program
            file.write_text(f"#!/usr/bin/env python3\n{text}")
            file.chmod(0o755)
        with hosts(3, folder) as made:
            yield made


def leader(host: Host, *, size: int = 3, patience: int = 60) -> Pod:
    words = [f"--size={size}", "--ranks=2", f"--port={PORT}", "--through=trtllm-llmapi-launch"]
    command = ["python3", "-m", lead.__name__, *words, f"--patience={patience}", "--"]
    return host.start(*command, "trtllm-serve", "a b", **YIELD)


def worker(hosts: list[Host], index: int) -> Pod:
    words = [f"--leader={hosts[0].address}", f"--index={index}", f"--port={PORT}"]
    return hosts[index].start("python3", "-m", follow.__name__, *words, "--patience=60")


def started(hosts: list[Host]) -> list[Pod]:
    """All of three, once they serve."""
    pods = [leader(hosts[0]), worker(hosts, 1), worker(hosts, 2)]
    pods[0].says("serves")
    return pods


def test_ranks_on_all_hosts_are_one_world_and_the_leaders_serves(three: list[Host]) -> None:
    pods = started(three)

    for rank in range(6):
        name = three[rank // 2].name
        pods[0].says(f"rank {rank} on {name} as 10001: all are 15")
    assert "serves ['a b']" in pods[0].said
    assert all(pod.process.poll() is None for pod in pods)


def test_what_the_operator_has_the_pods_run_is_one_world_that_serves(three: list[Host]) -> None:
    """DeepSeek-V3 on two nodes of four GPUs."""
    engine = {"name": "tensorrt-llm"}
    request = sized_request("DeepSeek-V3", "nvidia-gb200", accelerator={"count": 8}, engine=engine)
    container = trtllm.engine_container(request)

    def told(command: Sequence[str], index: int) -> list[str]:
        """As the kubelet replaces what LeaderWorkerSet tells."""
        variables = {
            "GROUP_SIZE": "2",
            "WORKER_INDEX": f"{index}",
            "LEADER_ADDRESS": three[0].address,
        }
        words = list(command)
        for name, value in variables.items():
            words = [word.replace(f"$(LWS_{name})", value) for word in words]
        return words

    first = three[0].start(*told(container.command, 0), *container.args, **YIELD)
    three[1].start(*told(container.worker_command, 1), *container.worker_args)

    first.says(f"serves {['serve', *container.args]}")
    for rank in range(8):
        first.says(f"rank {rank} on {three[rank // 4].name} as 10001: all are 28")


def test_a_worker_that_is_late_is_waited_for(three: list[Host]) -> None:
    first = leader(three[0])
    worker(three, 1)
    first.says("worker 1 is there")
    first.says("waiting for worker")

    worker(three, 2)

    first.says("serves")


def test_who_is_told_to_stop_finishes_its_answers_and_all_end(three: list[Host]) -> None:
    first, *others = started(three)

    three[0].kill("python3", "-m", lead.__name__, signal_number=signal.SIGTERM)

    assert first.ends() == 0
    assert "the last answer" in first.said
    for pod in others:
        pod.ends()


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(("python3", "-m", follow.__name__), id="its-first-process"),
        pytest.param(("orted",), id="its-daemon"),
        pytest.param(("python3", "{logs}/bin/trtllm-llmapi-launch"), id="a-rank"),
    ],
)
def test_what_dies_on_one_host_ends_all_of_them(three: list[Host], killed: tuple[str, ...]) -> None:
    first, second, third = started(three)

    three[1].kill(*(word.format(logs=three[1].logs) for word in killed))

    assert first.ends() != 0
    assert second.ends() != 0
    third.ends()
    assert "ranks: " in first.said


def test_a_leader_that_is_started_again_finds_no_worker_of_before(three: list[Host]) -> None:
    first, *others = started(three)
    three[0].kill("python3", "-m", lead.__name__)
    first.ends()
    for pod in others:
        assert pod.ends() != 0

    again = leader(three[0])

    for index in (1, 2):
        worker(three, index)
    again.says("serves")


def test_a_host_that_is_cut_off_is_missed_within_a_minute_and_named(three: list[Host]) -> None:
    first, *_ = started(three)

    three[2].cut()

    assert first.ends(120) != 0
    assert "worker 2 went" in first.said

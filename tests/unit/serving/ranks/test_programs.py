"""A leader and its workers as processes: what starts, how it ends, and what is said of it."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.serving.ranks.programs import ADDRESS, ARGUMENTS, DEADLINE, Pods, install

Rig = Callable[..., Pods]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Pods on whose path these programs are, in place of the usual ones; an empty text is of none."""
    made: list[Pods] = []

    def make(**programs: str) -> Pods:
        made.append(Pods(tmp_path, install(tmp_path / "bin", **programs)))
        return made[-1]

    yield make
    for pods in made:
        pods.close()


def test_the_ranks_of_all_pods_are_started_and_the_server_gets_its_words_whole(rig: Rig) -> None:
    pods = rig()
    leader, worker = pods.leader("server", '--a={"b": 1}', "c d"), pods.worker()

    leader.says("""serves ['--a={"b": 1}', 'c d']""")
    worker.says(
        "orted -mca ess_base_jobid 7 -mca ess_base_vpid 1 -mca orte_hnp_uri 7.0;tcp://10.0.0.1:99\n"
    )

    assert "worker 1 is there, at 127.0.0.1" in leader.said
    assert "mpirun --host localhost:2,worker-1:2 -n 4 --map-by slot" in leader.said


def test_who_is_told_to_stop_finishes_its_answers_and_ends_well(rig: Rig) -> None:
    pods = rig()
    leader, worker = pods.leader(), pods.worker()
    leader.says("serves")

    leader.process.send_signal(signal.SIGTERM)

    assert leader.ends() == 0
    assert "the last answer" in leader.said
    assert worker.ends() != 0


def test_a_leader_waits_for_all_and_then_says_who_did_not_come(rig: Rig) -> None:
    pods = rig()
    leader = pods.leader(size=4, patience=1.5)
    pods.worker(2)

    assert leader.ends() == 1
    assert "waiting for workers 1, 2, 3 of 3" in leader.said
    assert "workers 1, 3 did not come within 1.5 s" in leader.said
    assert "mpirun" not in leader.said


def test_a_worker_says_which_leader_did_not_come(rig: Rig) -> None:
    pods = rig()
    worker = pods.worker(patience=0.7)

    assert worker.ends() == 1
    assert f"waiting for the leader at {ADDRESS}:{pods.port}" in worker.said
    assert f"the leader at {ADDRESS} did not start the ranks within 0.7 s" in worker.said


def test_a_worker_that_comes_before_its_leader_calls_again(rig: Rig) -> None:
    pods = rig()
    worker = pods.worker()
    worker.says("waiting for the leader")

    pods.leader().says("serves")

    worker.says("orted ")


def test_a_worker_that_dies_ends_all_and_is_named(rig: Rig) -> None:
    pods = rig()
    leader, worker = pods.leader(), pods.worker()
    leader.says("serves")
    worker.says("orted ")

    worker.process.kill()

    assert leader.ends() == 205
    assert "worker 1 went, which was at 127.0.0.1" in leader.said


def test_a_leader_that_dies_ends_its_workers(rig: Rig) -> None:
    pods = rig()
    leader, worker = pods.leader(), pods.worker()
    leader.says("serves")
    worker.says("orted ")

    leader.process.kill()

    assert worker.ends() != 0
    assert "the leader at 127.0.0.1 went" in worker.said


@pytest.mark.parametrize(("of_server", "of_leader"), [(0, 1), (3, 3)])
def test_a_server_that_ends_by_itself_never_ends_well(
    rig: Rig, of_server: int, of_leader: int
) -> None:
    pods = rig(server=f"import sys; sys.exit({of_server})")
    leader = pods.leader()
    pods.worker()

    assert leader.ends() == of_leader


def test_a_server_that_cannot_be_started_is_told(rig: Rig) -> None:
    pods = rig()
    leader = pods.leader("no-such-server")
    pods.worker()

    assert leader.ends() == 127
    assert "cannot start no-such-server: No such file or directory" in leader.said


def test_arguments_that_are_not_the_daemons_start_nothing(rig: Rig) -> None:
    pods = rig()
    wrong = (*ARGUMENTS, "-mca", "orte_launch_agent", "/bin/date")
    leader, worker = pods.leader(FAKE_ARGUMENTS=" ".join(wrong)), pods.worker()

    assert worker.ends() == 1
    assert leader.ends() == 205
    for pod in (leader, worker):
        assert "'orte_launch_agent' is no parameter that orted is given" in pod.said
    assert "orted -mca" not in worker.said


def test_an_image_without_open_mpi_is_told(rig: Rig) -> None:
    pods = rig(mpirun="", orted="")
    leader = pods.leader()
    pods.worker()

    assert leader.ends() == 127
    assert (
        "cannot start mpirun: No such file or directory: the image has no Open MPI of 4.1"
        in leader.said
    )


def test_a_worker_without_the_daemon_is_told_on_both_sides(rig: Rig) -> None:
    pods = rig(orted="")
    leader, worker = pods.leader(), pods.worker()

    assert worker.ends() == 127
    assert leader.ends() == 205
    assert "worker 1 refuses: cannot start orted" in leader.said


def test_who_is_told_to_stop_while_it_waits_goes_at_once(rig: Rig) -> None:
    pods = rig()
    leader, worker = pods.leader(size=3), pods.worker()
    leader.says("worker 1 is there")

    for pod in (worker, leader):
        pod.process.send_signal(signal.SIGTERM)
        assert pod.ends() == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"index": 7}\n', b'{"index": "1"}\n', b""]
)
def test_who_is_none_of_the_group_is_not_heard(rig: Rig, said: bytes) -> None:
    pods = rig()
    leader = pods.leader()
    leader.says("waiting for worker 1")

    with socket.create_connection((ADDRESS, pods.port), timeout=DEADLINE) as stranger:
        stranger.sendall(said)
        if said:
            assert stranger.recv(1) == b""
        pods.worker()
        leader.says("serves")


def test_a_worker_that_is_started_again_is_turned_away(rig: Rig) -> None:
    pods = rig()
    leader = pods.leader()
    pods.worker()
    leader.says("serves")

    with socket.create_connection((ADDRESS, pods.port), timeout=DEADLINE) as again:
        again.sendall(b'{"index": 1}\n')
        leader.says("worker 1 calls from 127.0.0.1, and the ranks run without it")
        assert again.recv(1) == b""
    assert leader.process.poll() is None


def test_a_worker_that_calls_again_before_the_start_is_the_one_that_counts(rig: Rig) -> None:
    pods = rig()
    leader = pods.leader(size=3)
    leader.says("waiting")
    with socket.create_connection((ADDRESS, pods.port), timeout=DEADLINE) as first:
        first.sendall(b'{"index": 1}\n')
        leader.says("worker 1 is there")
        worker = pods.worker(1)
        assert first.recv(1) == b""

    pods.worker(2)

    leader.says("serves")
    worker.says("orted ")


def test_one_that_asks_for_a_host_of_nobody_is_told(rig: Rig) -> None:
    mpirun = (
        "import os, shlex, subprocess, sys\n"
        'sys.exit(subprocess.run([*shlex.split(os.environ["OMPI_MCA_plm_rsh_agent"]), "chat-0-1", " orted"]).returncode)'
    )
    pods = rig(mpirun=mpirun)
    leader = pods.leader()
    pods.worker()

    assert leader.ends() == 1
    assert "chat-0-1 is no host of this replica" in leader.said

"""What an Envoy may use follows from what its container has, of cgroup v1 and v2."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from deepseek_serving.gateway import container
from deepseek_serving.gateway.overload import DEFAULT_MEMORY_BYTES, Room

MIB = 1024 * 1024
V1, V2 = "memory/memory.limit_in_bytes", "memory.max"


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        pytest.param(V2, "536870912\n", 512 * MIB, id="v2"),
        pytest.param(V2, "max\n", None, id="v2-without"),
        pytest.param(V1, "536870912\n", 512 * MIB, id="v1"),
        pytest.param(V1, "9223372036854771712\n", None, id="v1-without"),
        pytest.param("cpu.max", "100000 100000\n", None, id="no-memory-controller"),
        pytest.param(V2, "\n", None, id="empty"),
    ],
)
def test_the_limit_of_memory_is_the_containers(
    tmp_path: Path, file: str, text: str, limit: int | None
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)

    assert container.memory_limit(tmp_path) == limit
    assert container.room(tmp_path).memory_bytes == (limit or DEFAULT_MEMORY_BYTES)


_ROOM = """
import pathlib, resource
from deepseek_serving.gateway import container
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
print(container.room(pathlib.Path("/nowhere")).files, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_all_files_that_the_kernel_allows_may_be_connections() -> None:
    """The process to come inherits it: Envoy does not raise its own limit."""
    path = os.pathsep.join(sys.path)
    said = subprocess.run(
        [sys.executable, "-c", _ROOM],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert said.split() == [str(min(hard, MIB))] * 2


@pytest.mark.parametrize("memory", [256, 512, 1024, 4096])
def test_the_heap_leaves_room_for_what_is_beside_it(memory: int) -> None:
    room = Room(memory_bytes=memory * MIB)

    beside = room.memory_bytes - room.heap_bytes
    assert beside >= 96 * MIB
    assert room.heap_bytes >= room.memory_bytes // 2


def test_the_default_admits_ten_thousand_idle_connections_and_their_requests() -> None:
    assert Room().connections >= 20_000
    assert Room(files=1024).connections == 384
    assert Room(memory_bytes=1).connections == 2048

"""Leaders and workers as the processes that they are in pods, with programs in place of Open MPI's that do what theirs do."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deepseek_serving.ranks import follow, lead

SERVING = Path(lead.__file__).parents[2]
ADDRESS = "127.0.0.1"
DEADLINE = 60.0

URI = "7.0;tcp://10.0.0.1:99"
ARGUMENTS = ("-mca", "ess_base_jobid", '"7"', "-mca", "ess_base_vpid", '"1"', "-mca", "orte_hnp_uri", f'"{URI}"')  # fmt: skip

MPIRUN = f"""
import os, shlex, signal, subprocess, sys
words = sys.argv[1:]
hosts = [part.partition(":")[0] for part in words[words.index("--host") + 1].split(",")]
program = words[words.index("--tag-output") + 1:]
agent = shlex.split(os.environ["OMPI_MCA_plm_rsh_agent"])
asked = os.environ.get("FAKE_ARGUMENTS", {" ".join(ARGUMENTS)!r}).split()
agents = [subprocess.Popen([*agent, host, " orted", *asked]) for host in hosts[1:]]
rank = subprocess.Popen(program, env={{**os.environ, "OMPI_COMM_WORLD_RANK": "0"}})
def stop(*_):
    rank.kill()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
while rank.poll() is None:
    if any(one.poll() for one in agents):
        print("lost a daemon", flush=True)
        rank.kill()
        sys.exit(205)
    try:
        rank.wait(0.05)
    except subprocess.TimeoutExpired:
        pass
sys.exit(rank.returncode)
"""
"""Has each other host's daemon started by the agent, runs rank 0, and ends all of it when one of them ends badly."""

ORTED = """
import signal, sys
print("orted", *sys.argv[1:], flush=True)
signal.sigwait({signal.SIGTERM})
sys.exit(1)
"""

LAUNCHER = """
import subprocess, sys
sys.exit(subprocess.run(" ".join(sys.argv[1:]).split()).returncode)
"""
"""Takes its words apart at spaces, as the real one does."""

SERVER = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("the last answer", flush=True), sys.exit(0)))
print("serves", sys.argv[1:], flush=True)
while True:
    signal.pause()
"""

PROGRAMS = {"mpirun": MPIRUN, "orted": ORTED, "launcher": LAUNCHER, "server": SERVER}


def install(folder: Path, **programs: str) -> Path:
    """A folder of programs to find on a path."""
    folder.mkdir()
    for name, text in {**PROGRAMS, **programs}.items():
        if text:
            (folder / name).write_text(f"#!{sys.executable}\n{text}")
            (folder / name).chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)
    return folder


def free_port() -> int:
    """Of this machine's loopback."""
    with socket.create_server((ADDRESS, 0)) as server:
        return int(server.getsockname()[1])


class Pods:
    """Programs that run, each with a log; all of them are killed in the end."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.port = free_port()
        self._folder, self._programs = folder, programs
        self._running: list[subprocess.Popen[bytes]] = []

    def leader(self, *command: str, size: int = 2, patience: float = DEADLINE, **env: str) -> "Pod":
        """Of so many pods, with a server of these words."""
        words = (f"--size={size}", "--ranks=2", f"--port={self.port}", "--through=launcher")
        served = command or ("server",)
        return self._start(lead.__name__, *words, f"--patience={patience}", "--", *served, env=env)

    def worker(self, index: int = 1, *, patience: float = DEADLINE) -> "Pod":
        """It calls the leader of the same rig."""
        words = (f"--leader={ADDRESS}", f"--index={index}", f"--port={self.port}")
        return self._start(follow.__name__, *words, f"--patience={patience}", env={})

    def close(self) -> None:
        """Kill what still runs: what a pod of its own would take with its first process is left here."""
        for pid in self._left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._running:
            process.wait()

    def _left(self) -> Iterator[int]:
        """Processes that have this rig's folder in their environment."""
        mark = f"TMPDIR={self._folder}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)

    def _start(self, module: str, *words: str, env: Mapping[str, str]) -> "Pod":
        log = self._folder / f"{len(self._running)}.log"
        environment = {
            "PATH": f"{self._programs}",
            "PYTHONPATH": f"{SERVING}",
            "TMPDIR": f"{self._folder}",
            "DEEPSEEK_POD_ADDRESS": ADDRESS,
            **env,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append(process)
        return Pod(process, log)


class Pod:
    """One program."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    def says(self, text: str) -> None:
        """Wait until it does."""
        wait_until(lambda: text in self.said, what=lambda: f"{text!r} in:\n{self.said}")

    def ends(self, seconds: float = DEADLINE) -> int:
        """How it ended, once it did."""
        wait_until(
            lambda: self.process.poll() is not None,
            what=lambda: f"an end of:\n{self.said}",
            seconds=seconds,
        )
        return int(self.process.returncode)


def wait_until(
    holds: Callable[[], bool], *, what: Callable[[], str], seconds: float = DEADLINE
) -> None:
    """Return once it holds; AssertionError where it never does."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what()
        time.sleep(0.02)

"""Hosts of a test on this machine: each in namespaces of its own, on one bridge, with a name, a /tmp and a plain user."""

import contextlib
import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deepseek_serving.engine import install
from tests.unit.serving.ranks.programs import Pod

USER = 10001
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NETWORK = "10.97.31"
"""Of nobody else on this machine, and of no interface outside the hosts' own namespaces."""

_ENTER = (
    'mount -t tmpfs -o mode=1777 tmpfs "$1"; hostname "$2"; shift 2; '
    f'exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs env -i "$@"'
)
"""What a host's shell does before it becomes the program: a /tmp and a name of its own, and the user that pods have."""

_NUMBERS = itertools.count(1)


def ip(*words: str) -> None:
    """Of iproute2; CalledProcessError where it fails."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Host:
    """One of them."""

    namespace: str
    name: str
    address: str
    logs: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, **env: str) -> Pod:
        """A program as the first of its own processes, as in a container; it is killed with its host."""
        temporary = self.logs / f"{self.name}-{next(_NUMBERS)}"
        temporary.mkdir()
        log = temporary.with_suffix(".log")
        given = {
            "PATH": f"{self.logs}/bin:{PATH}",
            "HOME": f"{temporary}",
            "TMPDIR": f"{temporary}",
            "PYTHONPATH": f"{self.logs}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DEEPSEEK_POD_ADDRESS": self.address,
            **env,
        }
        words = [f"{name}={value}" for name, value in given.items()]
        enter = ["ip", "netns", "exec", self.namespace, "unshare"]
        enter += ["--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*enter, "sh", "-c", _ENTER, "sh", f"{temporary}", self.name, *words, *command],
                stdout=output,
                stderr=output,
            )
        self.running.append(process)
        return Pod(process, log)

    def kill(self, *words: str, signal_number: int = signal.SIGKILL) -> None:
        """End the host's processes of this command line."""
        pids = subprocess.run(
            ["ip", "netns", "pids", self.namespace], check=True, capture_output=True, text=True
        ).stdout.split()
        for pid in pids:
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if line[: len(words)] == list(words):
                    os.kill(int(pid), signal_number)

    def cut(self) -> None:
        """From now on no packet reaches it, and none leaves it."""
        ip("-n", self.namespace, "link", "set", "eth0", "down")


@contextlib.contextmanager
def hosts(count: int, logs: Path) -> Iterator[list[Host]]:
    """So many hosts that reach each other; logs are where a plain user may go, and our programs are put there."""
    install.install(logs)
    prefix = f"dso{os.getpid()}"
    switch = f"{prefix}-switch"
    made = [
        Host(f"{prefix}-{index}", "chat-0" if index == 0 else f"chat-0-{index}", f"{NETWORK}.{index + 1}", logs)
        for index in range(count)
    ]  # fmt: skip
    try:
        ip("netns", "add", switch)
        ip("-n", switch, "link", "add", "switch", "type", "bridge")
        ip("-n", switch, "link", "set", "switch", "up")
        for number, host in enumerate(made):
            _connect(host, switch, f"port{number}")
        yield made
    finally:
        for process in (process for host in made for process in host.running):
            process.kill()
            process.wait()
        for namespace in (*(host.namespace for host in made), switch):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", namespace)


def _connect(host: Host, switch: str, port: str) -> None:
    ip("netns", "add", host.namespace)
    peer = ("peer", "name", "eth0", "netns", host.namespace)
    ip("-n", switch, "link", "add", port, "type", "veth", *peer)
    ip("-n", switch, "link", "set", port, "master", "switch", "up")
    ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
    for name in ("lo", "eth0"):
        ip("-n", host.namespace, "link", "set", name, "up")

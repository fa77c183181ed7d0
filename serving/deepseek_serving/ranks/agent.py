"""What mpirun runs in place of ssh: `python3 -m deepseek_serving.ranks.agent HOST COMMAND...`.

It gives the daemon's arguments to the leader's program, over a socket in the leader's own pod, and ends as the worker's
daemon ends. It opens no connection to another pod.
"""

import os
import re
import select
import socket
import sys
from collections.abc import Sequence

from deepseek_serving.ranks import daemon
from deepseek_serving.ranks.lines import EndedError, Line

SOCKET_VARIABLE = "DEEPSEEK_RANKS_SOCKET"
"""Where the leader's program listens."""

HOST = re.compile(r"worker-([1-9][0-9]{0,3})")
"""How the leader's program calls other pods to mpirun; they need no address, as it is they who call."""


def host_of(index: int) -> str:
    """The name of a worker, for mpirun alone."""
    return f"worker-{index}"


def main(words: Sequence[str]) -> int:
    """Hand over, wait, and end as the daemon did."""
    found = next((match for word in words[:1] if (match := HOST.fullmatch(word))), None)
    if found is None:
        return _failed(f"{' '.join(words[:1])} is no host of this replica")
    try:
        arguments = daemon.arguments_for(words[1:])
    except daemon.RefusedError as error:
        return _failed(f"{words[0]}: {error}")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[SOCKET_VARIABLE])
    line = Line(connection)
    try:
        line.say(index=int(found[1]), arguments=arguments)
        return _ended(line)
    except EndedError as error:
        return _failed(f"{words[0]}: the leader's program went: {error}")
    finally:
        line.close()


def _failed(why: str) -> int:
    print(why, file=sys.stderr, flush=True)
    return 1


def _ended(line: Line) -> int:
    while True:
        select.select([line], [], [])
        for said in line.hear():
            return int(said.get("ended", 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

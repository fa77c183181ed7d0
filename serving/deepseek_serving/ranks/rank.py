"""What the daemon runs as each rank: `python3 -m deepseek_serving.ranks.rank PROGRAM...`, which becomes the program.

mpirun gives its own settings to the ranks of every pod. Over which interface a rank calls others is of each pod: the one
that has the pod's own address.
"""

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence

ADDRESS_VARIABLE = "DEEPSEEK_POD_ADDRESS"
"""Of each pod of a group: its own address."""

INTERFACES_OF_DAEMONS = "OMPI_MCA_oob_tcp_if_include"
INTERFACES_OF_RANKS = "OMPI_MCA_btl_tcp_if_include"
_SIOCGIFADDR = 0x8915
"""Of Linux: what address an interface has (netdevice(7))."""

_EXCLUDED = "OMPI_MCA_btl_tcp_if_exclude"


def own_interface(environment: Mapping[str, str]) -> str | None:
    """The interface with the pod's own address, by name; None where that is not known, or is of IPv6.

    Open MPI takes an address with /32 as well, and then its ranks call each other's at the wrong ones (seen with 4.1.4).
    """
    address = environment.get(ADDRESS_VARIABLE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            if address is not None and _address(asked, name) == address:
                return name
    return None


def _address(asked: socket.socket, name: str) -> str | None:
    """Of an interface; None where it has none of IPv4."""
    request = struct.pack("256s", name.encode())
    try:
        answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)
    except OSError:
        return None
    return socket.inet_ntoa(answer[20:24])


def of_rank(environment: Mapping[str, str]) -> dict[str, str]:
    """A rank's environment: the platform's own choice of interfaces comes before ours."""
    found = {name: value for name, value in environment.items() if name != INTERFACES_OF_DAEMONS}
    interface = own_interface(environment)
    if interface is not None and not {INTERFACES_OF_RANKS, _EXCLUDED} & found.keys():
        found[INTERFACES_OF_RANKS] = interface
    return found


def main(command: Sequence[str]) -> int:
    """Become the program; return only where there is none."""
    try:
        os.execvpe(command[0], list(command), of_rank(os.environ))  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a worker runs for its leader: Open MPI's daemon, `orted` of 4.1, with arguments that are checked one by one.

mpirun would have them run by a shell on the other host. Here nobody is sent a line for a shell: of what comes only the
daemon's own arguments are taken, each by its name and its form, and the program is the one on the worker's own path.
"""

import re
from collections.abc import Mapping, Sequence

PROGRAM = "orted"

MOST_ARGUMENTS = 128
MOST_CHARACTERS = 8192
"""Of one argument: the names of all hosts are one."""

_NUMBER = r"[0-9]{1,10}"
_COMPONENTS = r"\^?[a-z0-9_]+(,[a-z0-9_]+)*"
_NODES = r"[A-Za-z0-9_.,:@()\[\]-]+"
_ADDRESS = r"\[?[0-9A-Fa-f:.]+\]?"
_URI = rf"{_NUMBER}\.{_NUMBER}(;tcp6?://{_ADDRESS}(,{_ADDRESS})*:{_NUMBER})+"

_FORMS: Mapping[str, str] = {
    # Who it is, and whom it calls.
    "ess": "env",
    "ess_base_jobid": _NUMBER,
    "ess_base_vpid": _NUMBER,
    "ess_base_num_procs": _NUMBER,
    "orte_hnp_uri": _URI,
    "orte_parent_uri": _URI,
    "orte_node_regex": _NODES,
    "orte_leave_session_attached": "1",
    # Which parts of it are used: by name, of those that are installed with it.
    "plm": "rsh",
    "pmix": _COMPONENTS,
    "routed": _COMPONENTS,
    # How often it asks whether the others are there.
    "oob_tcp_keepalive_time": _NUMBER,
    "oob_tcp_keepalive_intvl": _NUMBER,
    "oob_tcp_keepalive_probes": _NUMBER,
    # What its ranks are bound to.
    "hwloc_base_binding_policy": r"[a-z-]+(:[a-z-]+)?",
    "rmaps_base_mapping_policy": r"[a-z0-9:=,-]+",
}
"""Of each parameter the only values that there are. Those that name a program, a file or a folder are not among them."""

_NEEDED = ("ess_base_jobid", "ess_base_vpid", "orte_hnp_uri")

_LOOPBACK = re.compile(r"127\.[0-9.]+")


class RefusedError(ValueError):
    """Arguments that a worker does not run its daemon with; the text names the first that is wrong."""


def arguments_for(command: Sequence[str]) -> list[str]:
    """Of what mpirun hands to its agent after the host's name: what is the daemon's.

    Before it may stand what a shell would have to do: set a path, read a profile. The pod's environment has all of that.
    """
    for number, word in enumerate(command):
        if word.split()[-1:] and word.split()[-1].rpartition("/")[2] == PROGRAM:
            rest = [one[1:-1] if _is_quoted(one) else one for one in command[number + 1 :]]
            return rest[:-1] if rest[-1:] == [")"] else rest
    raise RefusedError(
        f"mpirun asks for another daemon than {PROGRAM}: is the image's Open MPI of another line than 4.1?"
    )


def checked(arguments: Sequence[object]) -> list[str]:
    """The same arguments, where each is one that the daemon may get; RefusedError where one is not."""
    given = [one for one in arguments if isinstance(one, str)]
    if len(given) != len(arguments) or not 0 < len(given) <= MOST_ARGUMENTS or len(given) % 3:
        raise RefusedError(f"{len(arguments)} arguments are none of {PROGRAM}")
    names = []
    for flag, name, value in zip(given[::3], given[1::3], given[2::3], strict=True):
        _check(flag, name, value)
        names.append(name)
    missing = [name for name in _NEEDED if names.count(name) != 1]
    if missing:
        raise RefusedError(f"{missing[0]} is not given once")
    return given


def without_loopback(arguments: Sequence[str]) -> list[str]:
    """The same, where the leader is called at none of the addresses that are the worker's own as well."""
    return [
        _far(value) if name == "orte_hnp_uri" else value
        for name, value in zip(["", *arguments], arguments, strict=False)
    ]


def _check(flag: str, name: str, value: str) -> None:
    if flag not in ("-mca", "--mca"):
        raise RefusedError(f"{flag[:64]!r} is no argument that {PROGRAM} is given")
    form = _FORMS.get(name)
    if form is None:
        raise RefusedError(f"{name[:64]!r} is no parameter that {PROGRAM} is given")
    if len(value) > MOST_CHARACTERS or not re.fullmatch(form, value):
        raise RefusedError(f"{name} cannot be {value[:64]!r}")


def _is_quoted(word: str) -> bool:
    """Values are put between quotation marks by mpirun, for a shell to take off."""
    return len(word) > 1 and word[0] == word[-1] == '"'


def _far(uri: str) -> str:
    """A URI without the addresses of the loopback, where there are others."""
    name, *places = uri.split(";")
    kept = []
    for place in places:
        scheme, _, rest = place.partition("://")
        hosts, _, port = rest.rpartition(":")
        far = [host for host in hosts.split(",") if not _LOOPBACK.fullmatch(host)]
        if far:
            kept.append(f"{scheme}://{','.join(far)}:{port}")
    return ";".join([name, *(kept or places)])

"""What this container may use, as the kernel tells it."""

import resource
from pathlib import Path

from deepseek_serving.gateway.overload import DEFAULT_MEMORY_BYTES, Room

CGROUPS = Path("/sys/fs/cgroup")
_MEMORY = ("memory.max", "memory/memory.limit_in_bytes")
"""Of cgroup v2, and of v1; a container finds its own limit at the root of what it sees."""
_NO_LIMIT = 2**60
"""Version 1 has no word for no limit: it gives the largest number there is, less a page."""
_FILES = 1024 * 1024
"""As many as any Envoy needs, where the kernel allows more."""


def room(cgroups: Path = CGROUPS) -> Room:
    """The memory's limit, or the default's where there is none; and all files that this process may open.

    The soft limit of files is raised to the hard one: containerd 2 starts containers with 1024 of them.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return Room(memory_limit(cgroups) or DEFAULT_MEMORY_BYTES, files)


def memory_limit(cgroups: Path = CGROUPS) -> int | None:
    """In bytes; None where the container has none."""
    for name in _MEMORY:
        try:
            text = (cgroups / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < _NO_LIMIT:
            return int(text)
    return None

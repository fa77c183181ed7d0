"""The kernel settings of the machine that the kubelet changes, remembered and put back."""

import json
from pathlib import Path

from dev.cluster.layout import Layout

CHANGED_BY_KUBELET = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

PROC = Path("/proc/sys")


def remember(place: Layout) -> None:
    """Note the settings before the kubelet runs for the first time."""
    file = place.root / "sysctls.json"
    if not file.exists():
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(current()))
        unfinished.rename(file)


def restore(place: Layout) -> None:
    """Put back the settings that differ from what was noted."""
    file = place.root / "sysctls.json"
    if not file.exists():
        return
    now = current()
    for name, value in json.loads(file.read_text()).items():
        if now.get(name) != value:
            (PROC / name).write_text(value)


def current() -> dict[str, str]:
    """The settings as they are; a kernel may lack some."""
    files = {name: PROC / name for name in CHANGED_BY_KUBELET}
    return {name: file.read_text().strip() for name, file in files.items() if file.exists()}

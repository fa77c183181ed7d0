"""A ConfigMap as the kubelet mounts it: files are links into the present generation, to which one link is turned."""

import os
import shutil
from pathlib import Path


def mount(folder: Path, data: dict[str, str | bytes]) -> None:
    """Bring the folder to this content in one step, as the kubelet's AtomicWriter does; `{}`: there is no ConfigMap."""
    folder.mkdir(exist_ok=True)
    link = folder / "..data"
    before = link.resolve() if link.is_symlink() else None
    number = len(list(folder.iterdir()))
    present = folder / f"..2026_03_01_12_00_00.{number}{os.urandom(4).hex()}"
    present.mkdir()
    for name, content in data.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (present / name).write_bytes(raw)
    turned = folder / "..data_tmp"
    turned.symlink_to(present.name)
    turned.replace(link)
    for file in folder.iterdir():
        if not file.name.startswith("..") and file.name not in data:
            file.unlink()
    for name in data:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    if before is not None:
        shutil.rmtree(before)

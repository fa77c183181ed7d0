"""A Secret as the kubelet mounts it (its AtomicWriter): all entries are exchanged at once, by a link."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class SecretVolume:
    """The mounted folder; empty until something is written, as of an optional Secret that is not there."""

    folder: Path
    _writes: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.write({})

    def write(self, entries: Mapping[str, str | bytes]) -> None:
        """From now on the Secret has these entries; without any it is as if it were deleted."""
        self._writes += 1
        data = self.folder / f"..{self._writes}"
        data.mkdir()
        for name, content in entries.items():
            raw = content.encode() if isinstance(content, str) else content
            (data / name).write_bytes(raw)
        link, new = self.folder / "..data", self.folder / "..data_tmp"
        new.symlink_to(data.name)
        new.replace(link)
        for file in self.folder.iterdir():
            if file.is_symlink() and not file.name.startswith(".."):
                file.unlink()
        for name in entries:
            (self.folder / name).symlink_to(Path("..data") / name)

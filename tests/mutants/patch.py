"""A mutant: one named way to break the operator, as a patch of its source."""

from dataclasses import dataclass
from pathlib import Path

ROOM = Path("operator/deepseek_operator")
"""Where the files of mutants are, from the repository's root, unless they begin with `serving/`."""


class PatchError(Exception):
    """The text to replace does not stand in the file exactly once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken and how, and the tests that have to notice."""

    name: str
    breaks: str
    """What no longer holds, in a sentence."""
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    """Files of tests or single tests, as pytest names them."""

    @property
    def path(self) -> Path:
        """The file from the repository's root."""
        return Path(self.file) if self.file.startswith("serving/") else ROOM / self.file

    def applied_to(self, text: str) -> str:
        """The file's text with the mutant in it; PatchError unless the patch fits exactly once."""
        found = text.count(self.old)
        if found != 1:
            raise PatchError(f"{self.name}: {self.file} has the text {found} times, not once")
        return text.replace(self.old, self.new)

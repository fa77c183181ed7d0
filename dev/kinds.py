"""Definitions of kinds that others make, as a Go module of theirs has them: some hundred kilobytes of YAML are kept of it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import shared, steps, tools
from dev.paths import CACHE


@dataclass(frozen=True, slots=True)
class Kinds:
    """The definitions of one module."""

    name: str
    """Of the folder that they are kept in, without the version."""
    program: str
    """The Python module that fetches them."""
    module: str
    tool: str
    """The folder under dev/go whose go.mod pins the module, and whose go.sum verifies it: of the tool that serves them, if any."""
    files: Mapping[str, str]
    """By the name of a kind, where the module has its definition."""

    @property
    def version(self) -> str:
        """Of the module."""
        return tools.required_version((self._pinned_in / "go.mod").read_text(), self.module)

    @property
    def folder(self) -> Path:
        """Where the definitions lie."""
        return CACHE / f"{self.name}-{self.version}"

    def definitions(self) -> list[Path]:
        """The files, one a kind; StepError with the remedy when they have not been fetched."""
        if not self.folder.exists():
            raise steps.StepError(f"{self.name} is not there: run `python3 -m {self.program}`")
        return [self.folder / f"{kind}.yaml" for kind in self.files]

    def fetch(self) -> None:
        """Fetch the module and keep the definitions; what is there costs nothing."""
        if self.folder.exists():
            return
        with (
            steps.step(f"fetch {self.name} {self.version}"),
            shared.alone(self.folder),
            shared.unfinished(CACHE) as unfinished,
        ):
            made, source = unfinished / "made", self._source()
            made.mkdir()
            for kind, file in self.files.items():
                shutil.copyfile(source / file, made / f"{kind}.yaml")
            if not self.folder.exists():
                made.rename(self.folder)

    @property
    def _pinned_in(self) -> Path:
        return tools.MODULES / self.tool

    def _source(self) -> Path:
        said = steps.run(
            ["go", "mod", "download", "-json", f"{self.module}@{self.version}"],
            cwd=self._pinned_in,
            env=tools.GO_ENVIRONMENT,
        )
        return Path(json.loads(said[said.index("{") :])["Dir"])

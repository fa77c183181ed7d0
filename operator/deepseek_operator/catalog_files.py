"""The platform team's documents, as the kubelet mounts them: read at the start, and again whenever they change.

A ConfigMap that is mounted needs no permission to read ConfigMaps, and the kubelet brings its changes within a minute or two.
What decisions use is one frozen value, `present`: a pass takes it when it begins, and hands it down.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from deepseek_operator.catalog import additions, catalog
from deepseek_operator.catalog.additions import Documents
from deepseek_operator.catalog.facts import CatalogError
from deepseek_operator.metrics import OperatorMetrics

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Between two looks. By a clock, not by passes: what a document brings may be what an object at rest waits for."""

MOST_BYTES = 2**20
"""Of one document: a ConfigMap holds no more."""

_GENERATION = "..data"
"""The kubelet's link to the folder with the present content: it is turned to another one in one step."""

_ATTEMPTS = 3

_UNREADABLE = "the operator may not read it; give its user the permission"


class CatalogFiles:
    """The shipped catalog with the documents of a folder; without a folder the shipped one, for ever."""

    def __init__(self, folder: str, *, metrics: OperatorMetrics) -> None:
        """Read at once: nothing is decided without them. `folder` may be empty: no documents are looked for."""
        self.present = catalog.shipped()
        self.changed = asyncio.Event()
        """Set when `present` is another one than before: then every object needs a pass."""
        self._folder = folder
        self._metrics = metrics
        self._documents: Documents = {}
        self._taken: Mapping[str, str] = {}
        self.look()

    async def follow(self, *, every_seconds: float = LOOK_SECONDS) -> None:
        """Look again and again, for ever. In a thread: a document of a megabyte is read for seconds."""
        while True:
            await asyncio.sleep(every_seconds)
            if await asyncio.to_thread(self.look):
                self.changed.set()

    def look(self) -> bool:
        """Read the documents; whether the catalog is another one by them."""
        documents = self._found()
        if documents is None or _same(documents, self._documents):
            return False
        added = additions.add(catalog.shipped(), documents, last=self._taken)
        before, self.present = self.present, added.catalog
        self._documents, self._taken = documents, added.taken
        refused = len(added.refused)
        self._metrics.catalog.labels("taken").set(len(documents) - refused)
        self._metrics.catalog.labels("refused").set(refused)
        _tell(added, additions.difference(before, added.catalog))
        return before != self.present

    def _found(self) -> Documents | None:
        """What there is now; None where the kubelet turns its link again and again, so that nothing is known."""
        if not self._folder:
            return {}
        for _ in range(_ATTEMPTS):
            try:
                return read_folder(Path(self._folder))
            except CatalogError as error:
                # Documents that cannot be looked for are not gone.
                return {**self._taken, error.file: error}
            except FileNotFoundError:
                continue
        return None


def read_folder(folder: Path) -> Documents:
    """Every document of a folder by its file's name; FileNotFoundError where it is replaced meanwhile.

    A folder without files is that of a ConfigMap that is not there. CatalogError where there is no folder to look into.
    """
    if not folder.is_dir():
        raise CatalogError(str(folder), "", "", "no such folder; mount the ConfigMap there")
    try:
        link = folder / _GENERATION
        # Of one generation all of it, or none.
        present = link.resolve(strict=True) if link.is_symlink() else folder
        files = sorted(file for file in present.iterdir() if not file.name.startswith(".."))
    except PermissionError as error:
        raise CatalogError(str(folder), "", "", _UNREADABLE) from error
    return {file.name: _read(file) for file in files if not file.is_dir()}


def _read(file: Path) -> str | CatalogError:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            return CatalogError(file.name, "", "", f"more than {MOST_BYTES} bytes; divide it")
        return content.decode()
    except UnicodeDecodeError as error:
        remedy = f"not text (byte {error.start}); put a YAML document under data"
        return CatalogError(file.name, "", "", remedy)
    except PermissionError:
        return CatalogError(file.name, "", "", _UNREADABLE)


def _same(one: Documents, other: Documents) -> bool:
    """Errors are equal by what they say."""
    texts = [{name: str(text) for name, text in documents.items()} for documents in (one, other)]
    return texts[0] == texts[1]


def _tell(added: additions.Added, difference: str) -> None:
    for error in added.refused:
        stands = (
            "it stands as it was before the change"
            if error.file in added.taken
            else "nothing of it is taken"
        )
        logger.error(
            "catalog: %s; %s",
            error,
            stands,
            extra={
                "file": error.file,
                "entry": error.entry,
                "field": error.field,
                "remedy": error.remedy,
            },
        )
    logger.info("catalog: %s", difference or "as before", extra={"documents": sorted(added.taken)})

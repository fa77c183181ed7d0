"""What the owner of a volume does: list, choose, make sure of space, fetch, mark complete."""

import queue
import threading
from collections.abc import Sequence

from deepseek_serving.weights import archives, choice, inventory
from deepseek_serving.weights.errors import Permanent, Reason, Stopped
from deepseek_serving.weights.listing import RemoteFile
from deepseek_serving.weights.transfer import FileTransfer, Tools
from deepseek_serving.weights.volume import MARGIN_BYTES, Stored, Volume

Results = queue.SimpleQueue[tuple[Stored, ...] | BaseException]

ENDING_SECONDS = 3.0
"""How long threads are waited for that may still sit in a silent connection."""


class Work:
    """One attempt to make a volume complete."""

    def __init__(self, volume: Volume, tools: Tools, *, parallel: int) -> None:
        self._volume = volume
        self._abandoned = threading.Event()
        self._tools = tools.that_also(self._go_on)
        self._parallel = parallel
        self._workers: list[threading.Thread] = []

    def run(self, source_text: str) -> None:
        """Return when the marker is written; it names the source by the text that was asked for."""
        volume, tools = self._volume, self._tools
        volume.prepare()
        taken = inventory.take(tools)
        files = taken.files
        tools.meter.expect(files=len(files), size=taken.size)
        volume.discard_others(files)
        self._check_space(files)
        volume.invalidate()
        stored = self._fetch_all(files)
        if not choice.hold_weights([file.path for file in stored]):
            raise Permanent(
                Reason.NOT_FOUND,
                f"{tools.source.name} holds no weights where they belong: at the top of an archive's"
                " folder, or under /models in an image",
            )
        tools.proceed()
        volume.complete(source=source_text, revision=taken.revision, files=stored)

    def has_ended(self) -> bool:
        """Whether no thread writes any more, after telling them to end."""
        self._abandoned.set()
        for worker in self._workers:
            worker.join(timeout=ENDING_SECONDS / len(self._workers))
        return not any(worker.is_alive() for worker in self._workers)

    def _go_on(self) -> None:
        if self._abandoned.is_set():
            raise Stopped

    def _check_space(self, files: Sequence[RemoteFile]) -> None:
        """Refuse before the first byte what cannot end well."""
        missing = 0
        for file in files:
            present = self._volume.present_bytes(file)
            # An archive and what it holds are there together for a moment.
            unpacked = file.size if file.archive and not self._volume.stored(file) else 0
            missing += file.size - present + unpacked
        free = self._volume.free_bytes()
        if missing and missing + MARGIN_BYTES > free:
            total = sum(file.size for file in files)
            raise Permanent(
                Reason.VOLUME_FULL,
                f"the volume has {_mib(free)} free and {_mib(missing)} are missing of a model of"
                f" {_mib(total)}: set a larger size",
            )

    def _fetch_all(self, files: Sequence[RemoteFile]) -> list[Stored]:
        """Every file in the volume, verified; the first error ends it."""
        waiting: queue.SimpleQueue[RemoteFile] = queue.SimpleQueue()
        # The largest first: no long tail with one worker.
        for file in sorted(files, key=lambda file: -file.size):
            waiting.put(file)
        results: Results = queue.SimpleQueue()
        for number in range(min(self._parallel, len(files))):
            worker = threading.Thread(
                target=self._work, args=(waiting, results), name=f"fetch-{number}", daemon=True
            )
            self._workers.append(worker)
            worker.start()
        stored = [part for _ in files for part in self._next(results)]
        return sorted(stored, key=lambda file: file.path)

    def _work(self, waiting: "queue.SimpleQueue[RemoteFile]", results: Results) -> None:
        """A worker: one file after another."""
        while (file := _taken(waiting)) is not None:
            try:
                results.put(self._fetch(file))
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for it
                results.put(error)
                return

    def _next(self, results: Results) -> tuple[Stored, ...]:
        """What the next finished file has become."""
        while True:
            self._tools.proceed()
            try:
                result = results.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            return result

    def _fetch(self, file: RemoteFile) -> tuple[Stored, ...]:
        """One file: left as it is where it is right, else fetched."""
        meter = self._tools.meter
        meter.begin(file.path)
        stored = self._volume.stored(file) or self._recognise(file)
        if stored is None:
            FileTransfer(file, self._volume.partial(file), self._tools).run()
            self._tools.proceed()
            if file.archive:
                stored = archives.unpack(file, self._volume, proceed=self._tools.proceed)
            else:
                stored = self._volume.seal(file)
        else:
            meter.found(file.size)
        meter.finish(file.path)
        return stored

    def _recognise(self, file: RemoteFile) -> tuple[Stored, ...] | None:
        """A file that is there with the right content, though no note says that it is."""
        if file.archive or not self._volume.has_size(file):
            return None
        if self._volume.has_content(file, proceed=self._tools.proceed):
            return self._volume.remember(file, (self._volume.as_stored(file),))
        self._tools.log(f"{file.path} is there and is not what the source holds: fetched anew")
        return None


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _taken(waiting: "queue.SimpleQueue[RemoteFile]") -> RemoteFile | None:
    """The next file that no worker has taken; None when all are taken."""
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None

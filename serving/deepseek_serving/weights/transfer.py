"""One file from a source into its partial file: continued, retried, verified while it streams."""

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from deepseek_serving.weights import checksums, refusals, volume
from deepseek_serving.weights.checksums import Digest
from deepseek_serving.weights.errors import Permanent, Reason, Stopped, Temporary
from deepseek_serving.weights.listing import RemoteFile, Source
from deepseek_serving.weights.progress import Meter
from deepseek_serving.weights.retries import Patience, Policy
from deepseek_serving.weights.transport import CHUNK_BYTES, Answer, Refusal, Transport


@dataclass(frozen=True, slots=True)
class Tools:
    """What fetching any file needs."""

    source: Source
    transport: Transport
    policy: Policy
    meter: Meter
    stop: threading.Event
    conditions: tuple[Callable[[], None], ...]
    """Each raises when the volume may not be written to any more."""
    log: Callable[[str], None]

    def that_also(self, condition: Callable[[], None]) -> "Tools":
        """The same with one more thing that can forbid to go on."""
        return replace(self, conditions=(*self.conditions, condition))

    def proceed(self) -> None:
        """Raise unless the work may go on."""
        if self.stop.is_set():
            raise Stopped
        for condition in self.conditions:
            condition()

    def wait(self, seconds: float, error: Temporary) -> None:
        """Pause after a failure, shorter when told to stop."""
        self.log(f"{error.message}; again in {seconds:.1f} s")
        if self.stop.wait(seconds):
            raise Stopped


class _WrongLength(Exception):  # noqa: N818 - what was found
    """The source's content is not as long as it says in its listing."""


class FileTransfer:
    """Brings one partial file to its full and verified length."""

    def __init__(self, file: RemoteFile, partial: Path, tools: Tools) -> None:
        self._file = file
        self._partial = partial
        self._tools = tools
        self._digest = self._fresh_digest()
        self._offset = 0
        self._furthest = 0

    def run(self) -> None:
        """Return when the partial file is whole and its checksum right."""
        wanted, found = self._file.stated.value, "nothing"
        for attempt in range(self._tools.policy.whole_refetches + 1):
            try:
                found = self._fill()
            except _WrongLength as finding:
                found = str(finding)
            if found == wanted:
                return
            self._tools.log(f"{self._file.path} is wrong ({found}), attempt {attempt + 1}")
            self._partial.unlink(missing_ok=True)
            self._forget()
        raise Permanent(
            Reason.CHECKSUM_MISMATCH,
            f"{self._file.path} from {self._tools.source.name} was fetched whole"
            f" {self._tools.policy.whole_refetches + 1} times and is never what the source's"
            f" listing says ({self._file.stated.algorithm} {wanted}, last found {found}):"
            " upload it again, or look for a proxy or cache that changes it",
        )

    def _fill(self) -> str:
        """The checksum of the whole file."""
        with self._partial.open("ab+", buffering=0) as out:
            self._read_again(out)
            patience = Patience(self._tools.policy)
            while self._offset < self._file.size:
                try:
                    self._stream(out)
                except Temporary as error:
                    if self._offset > self._furthest:
                        patience.progressed()
                    self._furthest = max(self._furthest, self._offset)
                    self._tools.wait(patience.pause_after(error), error)
        return self._digest.hexdigest()

    def _read_again(self, out: IO[bytes]) -> None:
        """Take what a former attempt has left into the checksum."""
        if os.fstat(out.fileno()).st_size > self._file.size:
            out.truncate(0)
        out.seek(0)
        while chunk := out.read(CHUNK_BYTES):
            self._tools.proceed()
            self._digest.update(chunk)
            self._offset += len(chunk)
            self._tools.meter.found(len(chunk))
        self._furthest = self._offset

    def _stream(self, out: IO[bytes]) -> None:
        """Append what one answer holds; Temporary where it ends too early."""
        answer = self._answer()
        try:
            self._begin_anew_unless_continued(answer, out)
            self._append(answer, out)
        finally:
            answer.close()
        if self._offset < self._file.size:
            raise Temporary(
                Reason.SERVER_ERROR,
                f"{self._file.path} ended after {self._offset} of {self._file.size} bytes",
            )

    def _answer(self) -> Answer:
        """The answer to a request for what is missing."""
        self._tools.proceed()
        try:
            return self._open()
        except Refusal as refusal:
            if refusal.status == 416:  # there is no such byte: the source's file is shorter
                raise _WrongLength(f"shorter than {self._offset} bytes") from None
            what = f"{self._file.path} of {self._tools.source.name}"
            raise refusals.explain(refusal, what=what, advice=self._tools.source.advice) from None

    def _open(self) -> Answer:
        source = self._tools.source
        try:
            return self._tools.transport.open(source.locate(self._file), start=self._offset)
        except Refusal as refusal:
            if refusal.status not in (400, 401, 403):
                raise
        # Tokens and signed addresses run out during a long fetch: once more with fresh ones.
        source.renew()
        return self._tools.transport.open(source.locate(self._file), start=self._offset)

    def _begin_anew_unless_continued(self, answer: Answer, out: IO[bytes]) -> None:
        if not self._offset:
            return
        match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if answer.status == 206 and match and int(match[1]) == self._offset:
            return
        if answer.status == 206:
            raise Temporary(
                Reason.SERVER_ERROR, f"another range of {self._file.path} came than was asked for"
            )
        self._tools.log(f"the server ignores ranges: {self._file.path} is fetched from its start")
        out.truncate(0)
        self._forget()

    def _append(self, answer: Answer, out: IO[bytes]) -> None:
        tools = self._tools
        while chunk := answer.read_some():
            if self._offset + len(chunk) > self._file.size:
                raise _WrongLength(f"longer than {self._file.size} bytes")
            tools.proceed()
            volume.write_all(out, chunk)
            self._digest.update(chunk)
            self._offset += len(chunk)
            tools.meter.fetched(self._file.path, len(chunk))

    def _fresh_digest(self) -> Digest:
        return checksums.digest_for(self._file.stated, size=self._file.size)

    def _forget(self) -> None:
        """Start from nothing."""
        self._tools.meter.found(-self._offset)
        self._offset = 0
        self._digest = self._fresh_digest()

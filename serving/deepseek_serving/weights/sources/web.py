"""Files on a plain server: https://host/path/file#sha256=...

The file is a tar archive (.tar, .tar.gz, .tgz) of the model's folder; or a list of its files in
sha256sum's own format ("<64 digits>  <relative path>"), each of which lies beside the list.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

from deepseek_serving.weights import checksums, refusals
from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import (
    Checksum,
    Download,
    Listing,
    RemoteFile,
    checked_path,
)
from deepseek_serving.weights.transport import Refusal, Transport

MOST_LIST_BYTES = 2**22
ARCHIVES = (".tar", ".tar.gz", ".tgz")


class WebSource:
    """A list of files, or an archive, whose SHA-256 the user knows."""

    def __init__(self, url: str, sha256: str, *, transport: Transport) -> None:
        self.name = f"{url}#sha256={sha256}"
        self._url = url
        self._sha256 = sha256
        self._transport = transport

    def listing(self) -> Listing:
        """The archive alone, or the files that the list names."""
        revision = f"sha256:{self._sha256}"
        name = urlsplit(self._url).path.rpartition("/")[2]
        if name.endswith(ARCHIVES):
            size = self._size(self._url)
            whole = RemoteFile(
                checked_path(name), size, Checksum("sha256", self._sha256), self._url, "folder"
            )
            return Listing(revision, (whole,))
        return Listing(revision, tuple(self._files()))

    def with_checksum(self, file: RemoteFile) -> RemoteFile:
        """The file with its size, which the list does not say."""
        if file.archive:
            return file
        return RemoteFile(file.path, self._size(file.locator), file.checksum, file.locator)

    def locate(self, file: RemoteFile) -> Download:
        """The file's own address."""
        return Download(file.locator)

    def renew(self) -> None:
        """Nothing: there is no token."""

    def advice(self, status: int) -> str:
        """What a person does about it."""
        if status in (401, 403, 407):
            return "it must be readable without a password (plain https sources send none)"
        return "check the address"

    def _files(self) -> Iterator[RemoteFile]:
        try:
            body, _ = self._transport.read(Download(self._url), most_bytes=MOST_LIST_BYTES)
        except Refusal as refusal:
            raise refusals.explain(refusal, what=self._url, advice=self.advice) from None
        checksum = Checksum("sha256", self._sha256)
        digest = checksums.digest_for(checksum, size=len(body))
        digest.update(body)
        if digest.hexdigest() != self._sha256:
            raise Permanent(
                Reason.CHECKSUM_MISMATCH,
                f"{self._url} has SHA-256 {digest.hexdigest()}, not {self._sha256} as the source"
                " says: the list has changed, or the source names the sum of another",
            )
        for line in body.decode("utf-8", errors="replace").splitlines():
            if line.strip() and not line.startswith("#"):
                yield self._entry(line)

    def _entry(self, line: str) -> RemoteFile:
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](.+)", line)
        if match is None:
            raise Permanent(
                Reason.INVALID_SOURCE,
                f"{self._url} is no list in sha256sum's format (line {line[:80]!r}) and its name"
                f" ends in none of {', '.join(ARCHIVES)}",
            )
        path = checked_path(match[2].removeprefix("./"))
        url = urljoin(self._url, quote(path))
        return RemoteFile(path, 0, Checksum("sha256", match[1].lower()), url)

    def _size(self, url: str) -> int:
        """What the server says about the length of a file, in bytes."""
        try:
            response = self._transport.open(Download(url), method="HEAD")
        except Refusal as refusal:
            raise refusals.explain(refusal, what=url, advice=self.advice) from None
        response.close()
        length = response.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Permanent(
                Reason.INVALID_SOURCE,
                f"the server does not say how long {url} is (Content-Length to HEAD):"
                " use a server that does",
            )
        return int(length)

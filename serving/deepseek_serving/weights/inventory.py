"""What a fetch takes of a source: the listing, the choice of its files, and what verifies each."""

from dataclasses import dataclass

from deepseek_serving.weights import choice, retries
from deepseek_serving.weights.listing import RemoteFile
from deepseek_serving.weights.transfer import Tools


@dataclass(frozen=True, slots=True)
class Inventory:
    """The files to fetch, with sizes and checksums, at one revision."""

    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """What a fetch transfers, in bytes: archives count as they are."""
        return sum(file.size for file in self.files)

    @property
    def room(self) -> int:
        """What a volume needs for it, in bytes: an archive lies beside what is unpacked of it."""
        return self.size + sum(file.size for file in self.files if file.archive)


def take(tools: Tools) -> Inventory:
    """Ask the source, as often as the policy allows."""
    listing = retries.persistently(tools.source.listing, policy=tools.policy, wait=tools.wait)
    chosen = choice.choose(listing.files)
    tools.log(
        f"{tools.source.name} at {listing.revision}: {len(chosen)} of {len(listing.files)} files"
    )
    return Inventory(listing.revision, tuple(_with_checksum(file, tools) for file in chosen))


def _with_checksum(file: RemoteFile, tools: Tools) -> RemoteFile:
    tools.proceed()
    return retries.persistently(
        lambda: tools.source.with_checksum(file), policy=tools.policy, wait=tools.wait
    )

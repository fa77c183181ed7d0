"""What `vllm serve` takes, read from `data/vllm.yaml`, and what is wrong with entries of engine.args. Pure."""

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

from deepseek_operator.catalog import reading

_NAMED = 2
"""Flags that a refusal names."""


@dataclass(frozen=True, slots=True)
class Known:
    """The flags of one version, by their long names without dashes."""

    version: str
    switches: frozenset[str]
    """Without a value."""
    others: frozenset[str]
    experts_only: frozenset[str]
    """That are for models with experts alone."""
    replaced: Mapping[str, str]
    """Flags of older versions, and what they have become."""

    @property
    def spellings(self) -> frozenset[str]:
        """Every name that is taken, those that undo a switch among them."""
        undone = (name for switch in self.switches for name in _undoing(switch))
        return self.switches | self.others | frozenset(undone)


def _undoing(switch: str) -> Iterator[str]:
    yield f"no-{switch}"
    for one, other in (("enable-", "disable-"), ("disable-", "enable-")):
        if switch.startswith(one):
            yield f"{other}{switch.removeprefix(one)}"


@functools.cache
def known() -> Known:
    """Of the version that the operator is made for."""
    text = (resources.files("deepseek_operator.engines") / "data" / "vllm.yaml").read_text()
    found = yaml.load(text, Loader=reading.LOADER)  # noqa: S506 - a safe loader, the fast one if there
    return Known(
        version=found["version"],
        switches=frozenset(found["switches"]),
        others=frozenset(found["others"]),
        experts_only=frozenset(found["experts_only"]),
        replaced=found["replaced"],
    )


@functools.cache
def _spellings() -> frozenset[str]:
    return known().spellings


def name_of(entry: str) -> str:
    """The flag of an entry of engine.args as vLLM reads it: underscores are dashes, and of --flag.part it is the flag."""
    return entry.removeprefix("--").partition("=")[0].partition(".")[0].replace("_", "-")


def meant(name: str) -> list[str]:
    """The flags that a name may stand for: itself, or all that begin so (argparse's `allow_abbrev`)."""
    every = _spellings()
    return [name] if name in every else sorted(one for one in every if one.startswith(name))


def unknown(entries: Iterable[str]) -> list[str]:
    """Entries that vLLM does not take, in words."""
    return [said for entry in entries if (said := _unknown(name_of(entry))) is not None]


def _unknown(name: str) -> str | None:
    found = meant(name)
    if len(found) == 1:
        return None
    if found:
        named = ", ".join(f"--{one}" for one in found[:_NAMED])
        return (
            f"--{name}: the beginning of {len(found)} flags ({named} …); give one of them in full"
        )
    replaced = known().replaced.get(name)
    if replaced is not None:
        return f"--{name}: no such flag any more; use --{replaced}, or leave it out"
    close = difflib.get_close_matches(name, _spellings(), n=_NAMED)
    named = " or ".join(f"--{one}" for one in close)
    return f"--{name}: no such flag{f'; did you mean {named}?' if named else '; leave it out'}"


def of_experts(entries: Iterable[str]) -> list[str]:
    """The flags among entries that are for models with experts alone."""
    names = (meant(name_of(entry)) for entry in entries)
    return [found[0] for found in names if len(found) == 1 and found[0] in known().experts_only]

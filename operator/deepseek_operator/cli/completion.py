"""What a shell offers to complete `kubectl deepseek` with: the program `kubectl_complete-deepseek`.

kubectl (1.26 and newer) calls it with the words after `kubectl deepseek`, of which the last is the one to complete, and
reads a line for each candidate, a tab before what it is, and last a colon and how to go on: in the form of cobra's
directives (kubectl's pkg/cmd/plugin/plugin_completion.go). So it works in every shell that kubectl completes in.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from deepseek_operator.cli.__main__ import QUANTIZATIONS, SETTABLE, TASKS, parser, quietly
from deepseek_operator.cli.parsing import Parser

if TYPE_CHECKING:
    from deepseek_operator.catalog.catalog import Catalog

_FILES = ("filename", "catalog", "kubeconfig")
"""Arguments that are names of files, which the shell knows."""
_CLUSTER = ("kubeconfig", "context", "namespace")
"""Arguments that say which objects there are."""
_SECONDS = 3
"""A shell does not wait for a cluster that does not answer."""


class Directive(IntEnum):
    """How the shell goes on; cobra's values."""

    FILES = 0
    """Where there is no candidate it offers files."""
    NO_FILES = 4
    GOES_ON = 6
    """No files, and no space behind the word, whose rest is typed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One word that may stand there, and what it is."""

    word: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that may stand there."""

    candidates: tuple[Candidate, ...] = ()
    directive: Directive = Directive.NO_FILES

    def __str__(self) -> str:
        """As kubectl reads it."""
        lines = ["\t".join(filter(None, (one.word, one.text))) for one in self.candidates]
        return "\n".join([*lines, f":{self.directive.value}"])


Names = Callable[[dict[str, str]], Sequence[str]]
"""Names of the objects of a cluster, by the options that say which."""


@dataclass(slots=True)
class _Line:
    """A command line as far as it is typed."""

    parser: Parser
    given: dict[str, str]
    positionals: int = 0
    waiting: argparse.Action | None = None
    """The option whose value comes next."""


def complete(root: Parser, words: Sequence[str], *, names: Names) -> Answer:
    """What may stand where the last of the words does."""
    *typed, last = words or [""]
    line = _read(root, typed)
    option, separator, value = last.partition("=")
    known = _option(line.parser, option)
    if line.waiting is not None:
        return _values(line.waiting, line, last, names=names)
    if separator and known is not None:
        return _values(known, line, value, names=names, prefix=f"{option}=")
    if last.startswith("-"):
        return _starting(_options(line), last)
    if line.parser.verbs:
        verbs = line.parser.verbs.items()
        return _starting([Candidate(name, one.description or "") for name, one in verbs], last)
    positionals = [action for action in line.parser.arguments if not action.option_strings]
    if line.positionals < len(positionals):
        return _values(positionals[line.positionals], line, last, names=names)
    return Answer()


def _read(root: Parser, words: Sequence[str]) -> _Line:
    line = _Line(root, {})
    for word in words:
        name, separator, value = word.partition("=")
        option = _option(line.parser, name)
        if line.waiting is not None:
            line.given[line.waiting.dest] = word
            line.waiting = None
        elif option is not None and separator:
            line.given[option.dest] = value
        elif option is not None and option.nargs == 0:
            line.given[option.dest] = ""
        elif option is not None:
            line.waiting = option
        elif not word.startswith("-") and word in line.parser.verbs:
            line.parser = line.parser.verbs[word]
        elif not word.startswith("-"):
            line.positionals += 1
    return line


def _option(known: Parser, word: str) -> argparse.Action | None:
    return next((action for action in known.arguments if word in action.option_strings), None)


def _options(line: _Line) -> list[Candidate]:
    """Those that may still be given, by their long names."""
    return [
        Candidate(action.option_strings[-1], action.help or "")
        for action in line.parser.arguments
        if action.option_strings and (action.dest not in line.given or action.default == [])
    ]


def _values(
    action: argparse.Action, line: _Line, start: str, *, names: Names, prefix: str = ""
) -> Answer:
    if action.dest in _FILES:
        return Answer(directive=Directive.FILES)
    words = tuple(action.choices or ())
    if action.dest in ("price", "set"):
        known = SETTABLE if action.dest == "set" else dict.fromkeys(_catalog().accelerators, "")
        offered = [Candidate(f"{prefix}{word}=", text) for word, text in known.items()]
        return replace(_starting(offered, f"{prefix}{start}"), directive=Directive.GOES_ON)
    if action.dest == "quantization":
        words = QUANTIZATIONS
    if action.dest == "accelerators":
        words = tuple(_pools(start))
    if action.dest == "name":
        words = tuple(names({name: line.given[name] for name in _CLUSTER if name in line.given}))
    told = TASKS if action.dest == "task" else {}
    candidates = [Candidate(f"{prefix}{word}", told.get(word, "")) for word in words]
    return _starting(candidates, f"{prefix}{start}")


def _pools(start: str) -> Iterator[str]:
    """Each product in the nodes that are made with it: as many as are typed, else one node."""
    typed, is_typed, _ = start.partition("x")
    count = int(typed) if is_typed and typed.isdecimal() else None
    for name, entry in _catalog().accelerators.items():
        for size in entry.node_gpus:
            if count is None or size <= count:
                yield f"{size if count is None else count}x{name}:{size}"


def _catalog() -> "Catalog":
    # What most completions do without.
    from deepseek_operator.catalog import catalog  # noqa: PLC0415

    return catalog.shipped()


def _starting(candidates: Sequence[Candidate], start: str) -> Answer:
    return Answer(tuple(one for one in candidates if one.word.startswith(start)))


def names_in_cluster(given: dict[str, str]) -> Sequence[str]:
    """Names of the DeepSeekDeployments there, as kubectl tells them; none where it tells none in time."""
    options = [f"--{name}={value}" for name, value in given.items()]
    try:
        told = subprocess.run(
            ["kubectl", "get", "deepseekdeployments", "-o", "name", *options],
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return [line.rpartition("/")[2] for line in told.stdout.splitlines()]


def main() -> int:
    """Print what may stand where the last word does."""
    return quietly(_main)


def _main() -> int:
    print(complete(parser(), sys.argv[1:], names=names_in_cluster))
    return 0

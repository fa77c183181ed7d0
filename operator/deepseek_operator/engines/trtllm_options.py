"""What `trtllm-serve serve` takes, read from `data/trtllm.yaml`, and where an entry of engine.args goes. Pure.

Much of TensorRT-LLM can be set in its YAML options file only. An entry of engine.args is an option of the
command line or a key of that file, by its name: --log_level=debug, --kv_cache_config.dtype=fp8.
"""

import difflib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from deepseek_operator.catalog import reading

Options = dict[str, Any]
"""The content of a YAML options file."""

MOST_LEVELS = 16
"""Of a value in JSON: the engine's own keys have five, and what reads and writes YAML has a bound."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "list": (list,),
    "map": (dict,),
    "map or null": (dict, type(None)),
}


class OptionError(ValueError):
    """An entry that cannot be used; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Known:
    """The options and keys of one version."""

    version: str
    options: Mapping[str, str]
    """By name, `flag` or `value`."""
    aliases: Mapping[str, str]
    keys: Mapping[str, Any]
    """By name, a type or the keys below."""

    def is_option(self, name: str) -> bool:
        """Whether the command line has it."""
        return self.aliases.get(name, name) in self.options

    def is_flag(self, name: str) -> bool:
        """Whether the command line has it without a value."""
        return self.options.get(self.aliases.get(name, name)) == "flag"


@functools.cache
def known() -> Known:
    """Of the version that the operator is made for."""
    text = (resources.files("deepseek_operator.engines") / "data" / "trtllm.yaml").read_text()
    found = yaml.load(text, Loader=reading.LOADER)  # noqa: S506 - a safe loader, the fast one if there
    return Known(
        version=found["version"],
        options=found["options"],
        aliases=found["aliases"],
        keys=found["keys"],
    )


def split(entries: Iterable[str]) -> tuple[list[str], Options]:
    """Entries of engine.args as arguments of the command line, and as keys of the YAML file.

    OptionError where two of them contradict each other, or a value is nested beyond reason.
    """
    arguments: list[str] = []
    options: Options = {}
    for entry in entries:
        name, given, value = entry.removeprefix("--").partition("=")
        if _is_key(name, bool(given)):
            _put(options, name.split("."), _value(name, value) if given else True)
        else:
            arguments.append(entry)
    return arguments, options


def problems(options: Mapping[str, Any]) -> list[str]:
    """What the engine would refuse of a YAML file, in words; none where it takes it."""
    return list(_problems(options, known().keys, ""))


def unknown(arguments: Iterable[str]) -> list[str]:
    """Arguments that the command line does not have, or not so."""
    found = []
    for argument in arguments:
        name, given, _ = argument.removeprefix("--").partition("=")
        if not known().is_option(name):
            found.append(f"--{name}: no such option or key{_meant(name, _names())}")
        elif not given and not known().is_flag(name):
            found.append(f"--{name}: give its value, as --{name}=value")
    return found


def render(options: Mapping[str, Any]) -> str:
    """The YAML file; equal options are equal text."""
    return yaml.safe_dump(dict(options), sort_keys=True, default_flow_style=False)


def _is_key(name: str, has_value: bool) -> bool:
    """Whether an entry can only be meant for the file: the command line's flags take no value."""
    if name.partition(".")[0] not in known().keys:
        return False
    return not known().is_option(name) or (has_value and known().is_flag(name))


def _value(name: str, text: str) -> Any:
    """JSON where it is some, else the text itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    except RecursionError:
        raise _too_deep(name) from None
    if _is_deeper(found, MOST_LEVELS):
        raise _too_deep(name)
    return found


def _too_deep(name: str) -> OptionError:
    return OptionError(f"--{name}: lists and maps in each other have at most {MOST_LEVELS} levels")


def _is_deeper(value: Any, levels: int) -> bool:
    inner = [value]
    for _ in range(levels):
        parts = (one.values() if isinstance(one, dict) else one for one in inner if _has_parts(one))
        inner = [child for part in parts for child in part]
    return any(map(_has_parts, inner))


def _has_parts(value: Any) -> bool:
    return isinstance(value, dict | list)


def _put(options: Options, path: list[str], value: Any) -> None:
    *above, last = path
    for number, part in enumerate(above):
        options = options.setdefault(part, {})
        if not isinstance(options, dict):
            raise OptionError(f"--{'.'.join(above[: number + 1])} has a value, so it has no parts")
    if last in options:
        raise OptionError(f"--{'.'.join(path)} is given twice")
    options[last] = value


def _problems(options: Mapping[str, Any], keys: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in options.items():
        kind = keys.get(name)
        if kind is None:
            yield f"--{path}{name}: no such key{_meant(name, keys)}"
        elif isinstance(kind, str):
            if not _is_of(value, kind):
                yield f"--{path}{name}: expected {_ARTICLES.get(kind, 'a')} {kind}, got {json.dumps(value)}"
        elif isinstance(value, dict):
            yield from _problems(value, kind, f"{path}{name}.")
        else:
            yield f"--{path}{name}: expected keys below it, such as --{path}{name}.{next(iter(kind))}"


_ARTICLES = {"integer": "an"}


def _is_of(value: Any, kind: str) -> bool:
    """JSON's true is no number, as it is in Python."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _names() -> list[str]:
    return [*known().options, *known().aliases, *known().keys]


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""

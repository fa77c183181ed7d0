"""The reference of the command lines, from the parsers that read them."""

import argparse
from collections.abc import Iterable, Iterator

from deepseek_operator import __main__ as operator
from deepseek_operator.cli import __main__ as plugin
from deepseek_operator.cli.parsing import Parser
from dev.generate import markdown

_PAGE = f"""{markdown.GENERATED}

# Command line

What each verb is for, with examples, stands in [kubectl deepseek](../kubectl-deepseek.md).

"""

_CLUSTER = ("kubeconfig", "context", "namespace")
"""Arguments of every verb that asks a cluster, told once."""

_COMPLETION = """## kubectl_complete-deepseek

Is called by kubectl, with the words of the command line, [to complete them](../kubectl-deepseek.md#shell-completion).

"""

_SETTINGS = (
    "Its [settings](settings.md) are environment variables. It ends with 0 when it is told to stop, 1 when"
    " it cannot go on, and 2 where a setting or the command line is wrong.\n\n"
)


def render() -> str:
    """The page as Markdown."""
    return f"{_PAGE}{_plugin()}{_COMPLETION}{_operator()}"


def _plugin() -> str:
    parser = plugin.parser()
    codes = f"### Exit codes\n\n```text\n{parser.epilog}\n```\n\n"
    verbs = "".join(_verb(name, verb) for name, verb in parser.verbs.items())
    return f"## {parser.prog}\n\n{parser.description}\n\n{_options(parser.arguments)}{codes}{verbs}"


def _verb(name: str, verb: Parser) -> str:
    own = [action for action in verb.arguments if action.dest not in _CLUSTER]
    asks = (
        "" if len(own) == len(verb.arguments) else " Asks the cluster that the options above name."
    )
    title = f"### kubectl deepseek {name}\n\n"
    return f"{title}{verb.description}{asks}\n\n{_usage(verb)}{_options(own)}"


def _operator() -> str:
    parser = operator.parser()
    told = f"## {parser.prog}\n\n{parser.description} {_SETTINGS}"
    return f"{told}{_options(parser._actions)}".rstrip() + "\n"  # noqa: SLF001 - argparse tells them no other way


def _usage(verb: Parser) -> str:
    needed = [_word(action) for action in verb.arguments if action.required]
    return f"```sh\n{' '.join([verb.prog, *needed, '[OPTIONS]'])}\n```\n\n"


def _word(action: argparse.Action) -> str:
    """An argument that has to be given, as it stands in a command."""
    value = str(action.metavar or action.dest.upper())
    return f"{action.option_strings[-1]} {value}" if action.option_strings else value


def _options(actions: Iterable[argparse.Action]) -> str:
    header = ("Argument", "Allowed", "Description")
    return f"{markdown.table(header, _rows(actions))}\n\n"


def _rows(actions: Iterable[argparse.Action]) -> Iterator[tuple[str, str, str]]:
    for action in actions:
        if action.dest != "help":
            choices = ", ".join(map(str, action.choices or ()))
            yield _names(action), choices, str(action.help)


def _names(action: argparse.Action) -> str:
    value = f" {action.metavar or action.dest.upper()}" if action.nargs != 0 else ""
    if not action.option_strings:
        return markdown.code(value.strip())
    *short, long = action.option_strings
    return ", ".join(markdown.code(name) for name in [*short, f"{long}{value}"])

"""Runs inside an image of vLLM: its own parser reads command lines, one JSON list a line, and says what it does not take.

Nothing but the standard library and vLLM. What it prints after a line of dashes is JSON: the flags that it knows, and of
each command line what is wrong with it, or an empty text.
"""

import argparse
import contextlib
import importlib
import io
import json
import re
import sys
from typing import Any

MARK = "-" * 16


def main() -> int:
    """The answers, on standard output."""
    parser = built()
    known = sorted(
        option
        for action in parser._actions
        for option in action.option_strings
        if option[:2] == "--"
    )
    answers = [said_of(parser, json.loads(line)) for line in sys.stdin if line.strip()]
    print(MARK)
    print(json.dumps({"known": known, "answers": answers}))
    return 0


def built() -> Any:
    """The parser of `vllm serve`."""
    flexible = importlib.import_module("vllm.utils.argparse_utils").FlexibleArgumentParser
    make = importlib.import_module("vllm.entrypoints.launchers.cli_args").make_arg_parser
    return make(flexible(prog="vllm serve"))


def said_of(parser: argparse.ArgumentParser, args: list[str]) -> str:
    """What the parser says against these arguments."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parser.parse_args(args)
        except (SystemExit, ValueError) as error:
            lines = [line for line in said.getvalue().splitlines() if re.search(r"error: ", line)]
            return lines[-1] if lines else repr(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())

"""A command line that can be asked what it takes, so that shells can complete it."""

import argparse
from collections.abc import Mapping
from typing import Any


class Verbs:
    """The verbs of a command line."""

    def __init__(self, action: "argparse._SubParsersAction[Parser]") -> None:
        self._action = action

    def add(self, name: str, text: str) -> "Parser":
        """A verb, with what it is for."""
        return self._action.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


class Parser(argparse.ArgumentParser):
    """argparse's, which keeps what it was told."""

    def __init__(self, **given: Any) -> None:
        self.arguments: list[argparse.Action] = []
        self.verbs: Mapping[str, Parser] = {}
        super().__init__(**given)

    def add_argument(self, *names: Any, **given: Any) -> argparse.Action:
        """Keep it."""
        action = super().add_argument(*names, **given)
        self.arguments.append(action)
        return action

    def add_verbs(self) -> Verbs:
        """Verbs, of which one has to be given."""
        action = self.add_subparsers(
            dest="verb", required=True, metavar="VERB", parser_class=Parser
        )
        self.verbs = action.choices
        return Verbs(action)

"""The reference of the command lines."""

import pytest

from deepseek_operator import __main__ as operator
from deepseek_operator.cli import __main__ as plugin
from dev.generate import command_line

PAGE = command_line.render()
PARTS = {part.partition("\n")[0]: part for part in PAGE.split("\n### ")}


def test_every_verb_has_a_part() -> None:
    verbs = {title.removeprefix("kubectl deepseek ") for title in PARTS if " deepseek " in title}

    assert verbs >= set(plugin.parser().verbs)


@pytest.mark.parametrize("verb", list(plugin.parser().verbs))
def test_every_argument_of_a_verb_is_told_once(verb: str) -> None:
    cluster = PAGE.partition("### Exit codes")[0]
    own = PARTS[f"kubectl deepseek {verb}"].partition("\n## ")[0]

    for action in plugin.parser().verbs[verb].arguments:
        if action.dest != "help":
            word = action.option_strings[-1] if action.option_strings else action.dest.upper()
            told = [
                place for place in (cluster, own) if f"`{word} " in place or f"`{word}`" in place
            ]
            assert len(told) == 1, word


def test_what_has_to_be_given_stands_in_the_command() -> None:
    assert "\nkubectl deepseek plan --filename FILENAME [OPTIONS]\n" in PAGE
    assert "\nkubectl deepseek advise TASK --accelerators 16xH200:8 [OPTIONS]\n" in PAGE


def test_only_verbs_that_do_so_are_said_to_ask_the_cluster() -> None:
    asking = {title.split()[-1] for title, part in PARTS.items() if "Asks the cluster" in part}

    assert "status" in asking
    assert {"advise", "models", "accelerators"}.isdisjoint(asking)


def test_exit_codes_are_those_of_the_help() -> None:
    assert f"\n{plugin.parser().epilog}\n" in PAGE


def test_the_operator_has_its_options_too() -> None:
    own = PAGE.partition("\n## deepseek-operator")[2]

    actions = operator.parser()._actions
    assert all(f"`{action.option_strings[-1]}" in own for action in actions[1:])

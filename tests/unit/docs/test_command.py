"""The page of the command names what the command line takes."""

import re

from deepseek_operator.advice.tasks import Task
from deepseek_operator.cli import __main__ as cli
from dev.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "kubectl-deepseek.md").read_text()
ADVICE = (REPOSITORY / "docs" / "advice.md").read_text()


def test_every_verb_is_on_the_page_and_no_other() -> None:
    table = PAGE.partition("| verb |")[2].partition("\n\n")[0]
    told = {
        name for row in table.splitlines() for name in re.findall(r"`([a-z]+)`", row.split("|")[1])
    }

    assert told == set(cli.parser().verbs)


def test_every_argument_of_advice_is_on_its_page() -> None:
    options = {
        action.option_strings[-1]
        for action in cli.parser().verbs["advise"].arguments
        if action.option_strings
    } - {"--help", "--output"}

    assert options == set(
        re.findall(r"`(--[a-z-]+)", ADVICE.partition("| `TASK` |")[2].partition("\n\n")[0])
    )
    assert all(f"`{task}`" in ADVICE for task in Task)

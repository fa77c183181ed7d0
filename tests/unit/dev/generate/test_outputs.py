"""What commands print, in pages."""

import pytest

from dev import steps
from dev.generate import markdown, outputs
from dev.paths import REPOSITORY

COMMAND = "kubectl deepseek accelerators"
BEGIN, END = markdown.marks(COMMAND)


def test_a_page_shows_what_the_command_prints() -> None:
    page = outputs.printed(f"before\n{BEGIN}\nold\n{END}\nafter\n", root=REPOSITORY)

    assert page.startswith(f"before\n{BEGIN}\n\n```text\n$ {COMMAND}\nACCELERATOR ")
    assert "NVIDIA-H200" in page
    assert page.endswith(f"```\n\n{END}\nafter\n")
    assert outputs.shows(page)
    assert not outputs.shows("`kubectl deepseek accelerators`: lists them")


def test_files_are_those_of_the_repository() -> None:
    command = "kubectl deepseek plan -f examples/workload.yaml --accelerators 16xL40S:4"

    assert outputs.output(command, root=REPOSITORY).splitlines()[0].startswith("assistant: 20 ")


def test_a_part_without_an_end_is_told() -> None:
    with pytest.raises(steps.StepError, match="end of kubectl deepseek accelerators"):
        outputs.printed(f"{BEGIN}\n", root=REPOSITORY)


def test_a_command_that_fails_is_told() -> None:
    with pytest.raises(steps.StepError, match=r"nowhere\.yaml"):
        outputs.output(
            "kubectl deepseek plan -f nowhere.yaml --accelerators 8xH200:8", root=REPOSITORY
        )

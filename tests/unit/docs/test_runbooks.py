"""What runbooks and pages have one type can be typed: their label selectors select something."""

import re

import pytest

from dev.paths import REPOSITORY
from tests.chart import rendering

RELEASE_NAMESPACE = "deepseek-system"
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))
COMMAND = re.compile(
    r"kubectl (?:get|describe|logs) [^|\n`]*?(?:-n|--namespace)[ =]"
    + RELEASE_NAMESPACE
    + r"[^|\n`]*"
)
SELECTOR = re.compile(r"(?:-l|--selector)[ =]([^ ]+)")

KINDS = {
    "deploy": "Deployment",
    "deployment": "Deployment",
    "deployments": "Deployment",
    "pods": "Pod",
}

COMMANDS = [
    pytest.param(found[0].strip(), selector[1], id=f"{page.stem}-{number}")
    for page in PAGES
    for number, found in enumerate(COMMAND.finditer(page.read_text()))
    if (selector := SELECTOR.search(found[0]))
]


def labels_of(kind: str) -> dict[str, str]:
    deployment = rendering.only("Deployment")
    made = deployment if kind == "Deployment" else deployment["spec"]["template"]
    return dict(made["metadata"]["labels"])


def kinds_of(command: str) -> list[str]:
    verb, kinds = command.split()[1:3]
    return ["Pod"] if verb == "logs" else [KINDS[kind] for kind in kinds.split(",")]


def test_there_are_such_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(("command", "selector"), COMMANDS)
def test_what_is_selected_in_the_releases_namespace_is_there(command: str, selector: str) -> None:
    wanted = dict(pair.split("=") for pair in selector.split(","))

    for kind in kinds_of(command):
        assert wanted.items() <= labels_of(kind).items(), kind

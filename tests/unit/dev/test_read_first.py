"""What looks at a machine before anything else is read there, by whatever Python it has."""

import ast
from pathlib import Path

import pytest

from dev import answers, paths, preflight, routes

READ_FIRST = [Path(str(module.__file__)) for module in (preflight, answers, paths, routes)]


@pytest.mark.parametrize("file", READ_FIRST)
def test_a_python_that_is_too_old_for_all_else_can_read_the_check(file: Path) -> None:
    source = file.read_text()

    assert ast.parse(source, feature_version=(3, 7))
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]


def test_the_check_imports_nothing_of_ours_that_an_old_python_cannot() -> None:
    for file in READ_FIRST:
        nodes = [n for n in ast.parse(file.read_text()).body if isinstance(n, ast.ImportFrom)]
        ours = [name.name for node in nodes if node.module == "dev" for name in node.names]
        modules = [str(node.module) for node in nodes if str(node.module).startswith("dev.")]
        assert {*ours, *(module.removeprefix("dev.") for module in modules)} <= {
            "paths",
            "answers",
            "routes",
        }

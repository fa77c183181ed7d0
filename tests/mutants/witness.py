"""A pytest plugin that writes down which tests failed by an assertion, and which by anything else."""

import json
from pathlib import Path
from typing import Any

import pytest

DID_NOT_RAISE = "DID NOT RAISE"
"""How pytest.raises() words its assertion."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--witnesses", type=Path, help="file to append a JSON line a failure to")


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]
) -> None:
    if call.excinfo is None:
        return
    line = {
        "test": node.nodeid,
        "asserted": call.when == "call" and is_assertion(call.excinfo.value),
        "said": call.excinfo.exconly().splitlines()[0],
    }
    path = Path(str(node.config.getoption("--witnesses")))
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def is_assertion(error: BaseException) -> bool:
    """Whether the test itself said no; hypothesis groups what several examples said."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_assertion, error.exceptions))
    if isinstance(error, pytest.fail.Exception):
        return str(error.msg).startswith(DID_NOT_RAISE)
    return isinstance(error, AssertionError)

"""Logs: one JSON object a line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from deepseek_operator.logs import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, kopf, asyncio = (logging.getLogger(name) for name in ("", "kopf", "asyncio"))
    before = (root.handlers[:], root.level, kopf.level, asyncio.level)
    text = io.StringIO()
    configure_logging(stream=text)
    yield text
    root.handlers[:] = before[0]
    for logger, level in zip((root, kopf, asyncio), before[1:], strict=True):
        logger.setLevel(level)


def test_every_field_of_a_record_can_be_searched(stream: io.StringIO) -> None:
    logging.getLogger("a.b").info("reconciled %s", "x", extra={"key": "team/chat", "writes": 2})

    line = json.loads(stream.getvalue())
    assert {
        "level": "INFO", "logger": "a.b", "message": "reconciled x", "key": "team/chat", "writes": 2,
    }.items() <= line.items()  # fmt: skip
    assert "T" in line["time"]


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    logging.getLogger().error("failed", exc_info=ValueError("why"))

    assert stream.getvalue().count("\n") == 1
    assert "ValueError: why" in json.loads(stream.getvalue())["exc_info"]


@pytest.mark.parametrize(
    ("logger", "level", "heard"),
    [
        pytest.param("kopf.reactor", logging.INFO, False, id="kopf-chatter"),
        pytest.param("kopf.reactor", logging.WARNING, True, id="kopf-trouble"),
        pytest.param("deepseek_operator", logging.DEBUG, False, id="debug"),
        pytest.param("deepseek_operator", logging.INFO, True, id="ours"),
    ],
)
def test_kopf_speaks_only_when_something_is_wrong(
    stream: io.StringIO, logger: str, level: int, *, heard: bool
) -> None:
    logging.getLogger(logger).log(level, "hello")

    assert heard is ("hello" in stream.getvalue())

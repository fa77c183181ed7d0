"""What the log of a process that ended says, in one line."""

import re

_ERROR_LINE = re.compile(r"\b([A-Z]\w*(?:Error|Exception|Interrupt)|[Ee]rror|ERROR)\b\s*:\s*\S")
_EXCEPTION_LINE = re.compile(r"(?:^|\s)((?:\w+\.)*[A-Z]\w*(?:Error|Exception)): \S.*$")
_ECHO = re.compile(r"Engine core initialization failed|See root cause above|EngineDeadError")
_PYDANTIC = re.compile(r"ValidationError: 1 validation error for \w+$")
_LOG_PREFIX = re.compile(r"^\(\w+ pid=\d+\)")
_SECRET = re.compile(r"(hf_|sk-|Bearer )[A-Za-z0-9_.-]{8,}")


def telling_line(log: str) -> str:
    """The line of a log that says why: the last exception raised, else an error, else the last line.

    vLLM ends with "Engine core initialization failed. See root cause above": that echo is skipped, as
    the engine process's own exception stands before it.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    causes = [line for line in lines if not _ECHO.search(line)]
    for index in reversed(range(len(causes))):
        if match := _EXCEPTION_LINE.search(causes[index]):
            said = _with_details(match[0].strip(), causes[index + 1 :])
            return _SECRET.sub(r"\1***", said)
    for line in reversed(causes):
        if _ERROR_LINE.search(line):
            return _SECRET.sub(r"\1***", line)
    return _SECRET.sub(r"\1***", lines[-1]) if lines else ""


def _with_details(exception: str, following: list[str]) -> str:
    """A pydantic error with what is wrong: it stands in the line below, before its own remarks."""
    if not _PYDANTIC.search(exception) or not following:
        return exception
    detail = following[0].partition(" [type=")[0]
    return f"{exception}: {_LOG_PREFIX.sub('', detail).strip().removeprefix('Value error, ')}"

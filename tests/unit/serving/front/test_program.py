"""The front as a program, as its container runs it."""

import os
import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError

import pytest

from deepseek_serving.front.__main__ import main
from dev.paths import REPOSITORY


def test_it_serves_until_it_is_told_to_stop() -> None:
    # Nobody listens on port 1: what is open is passed on, and not answered.
    words = ["--port=0", "--engine-port=1", "--open=/health"]
    with subprocess.Popen(
        [sys.executable, "-m", "deepseek_serving.front", *words],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "serving"), "no_proxy": "*"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        assert said[2:] == ["leads", "to", "the", "engine", "on", "http://127.0.0.1:1"]
        codes = {path: status(f"http://127.0.0.1:{said[1]}{path}") for path in ("/health", "/x")}
        process.send_signal(signal.SIGTERM)

        assert process.wait() == 0
    assert codes == {"/health": 502, "/x": 404}


def status(url: str) -> int:
    """What a request is answered with."""
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])

    assert "--port" in capsys.readouterr().err

"""Latency targets of a command line."""

from pathlib import Path

import pytest

from tests.unit.cli.test_plan import document, run, write


@pytest.mark.parametrize(("text", "seconds"), [("0.5s", 0.5), ("05ms", 0.005), ("1.5s", 1.5)])
def test_a_time_is_less_than_a_second_too(
    text: str, seconds: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "{model: DeepSeek-R1-Distill-Qwen-7B}")

    run("plan", "-f", file, "--accelerators=1xL40S:1", "--time-per-output-token", text, "-o=json")

    assert document(capsys)["workload"]["timePerOutputToken"] == seconds

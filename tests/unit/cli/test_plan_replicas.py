"""How many replicas a plan is of."""

from pathlib import Path

import pytest

from tests.unit.cli.test_plan import SHORT, document, run, write


def test_one_replica_is_the_default_and_so_the_same_as_none_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for said in ("", ", replicas: 1"):
        file = write(tmp_path, f"{{model: DeepSeek-R1-Distill-Qwen-7B{said}}}")
        there = ("--accelerators", "64xH100:8", "--requests-per-second", "400", "-o", "json")
        run("plan", "-f", file, *SHORT, *there)
        told.append(document(capsys)["blocks"][0]["fleet"])

    assert told[0] == told[1]
    assert told[0]["replicas"] > 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(
            "", "neither replicas nor workload.requestsPerSecond is set", id="the-default"
        ),
        pytest.param(", replicas: 1", "replicas is set", id="one"),
        pytest.param(", replicas: 3", "replicas is set", id="several"),
    ],
)
def test_what_nobody_has_set_is_not_told_as_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, why: str
) -> None:
    file = write(tmp_path, f"{{model: DeepSeek-R1-Distill-Qwen-7B{said}}}")

    run("plan", "-f", file, *SHORT, "--accelerators", "64xH100:8")

    [line] = [one for one in capsys.readouterr().out.splitlines() if "  replicas  " in one]
    assert line.endswith(why)

"""The package beside an engine whose image does not hold it."""

import subprocess
import sys
from pathlib import Path

import pytest

from deepseek_serving.engine import install


def test_the_copy_runs_from_where_it_stands(tmp_path: Path) -> None:
    place = install.install(tmp_path)

    script = place / "engine" / "ready.py"
    result = subprocess.run(
        [sys.executable, "-S", script, "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert "--model" in result.stdout


def test_a_restarted_container_installs_over_what_is_there(tmp_path: Path) -> None:
    install.install(tmp_path)
    (tmp_path / "deepseek_serving/engine/ready.py").write_text("half a copy")

    install.install(tmp_path)

    assert (tmp_path / "deepseek_serving/engine/ready.py").read_text() != "half a copy"


def test_the_program_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main([str(tmp_path)]) == 0
    assert f"installed {tmp_path / 'deepseek_serving'}\n" == capsys.readouterr().out
    assert not list(tmp_path.rglob("__pycache__"))

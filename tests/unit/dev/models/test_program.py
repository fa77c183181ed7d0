"""What becomes of the models of former inputs."""

import os
from pathlib import Path

from dev.models import __main__ as models


def test_models_that_somebody_used_this_week_stay(tmp_path: Path) -> None:
    now = 1_000_000_000.0
    for name, age in (
        ("present", 0),
        ("of-another-copy", models.KEPT_SECONDS - 1),
        ("old", models.KEPT_SECONDS + 1),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model").write_text("")
        os.utime(tmp_path / name, (now - age, now - age))

    models.remove_old(tmp_path, now=now)

    assert {folder.name for folder in tmp_path.iterdir()} == {"present", "of-another-copy"}

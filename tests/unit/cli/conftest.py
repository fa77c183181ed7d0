"""Plans against clusters, as data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.clusters import plan, write
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest


@pytest.fixture
def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The plan of a spec as data, and the exit code in it."""

    async def made(api: FakeApi, spec: Manifest, *words: str, **metadata: Any) -> Manifest:
        code = await plan(api, write(tmp_path, spec, **metadata), "-o", "json", *words)
        found: Manifest = json.loads(capsys.readouterr().out)
        return {**found, "code": code}

    return made

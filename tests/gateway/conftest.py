"""The gateway's fixtures: an Envoy of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.rig import Gateway, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that has been told nothing yet."""
    async with running_gateway(tmp_path) as running:
        yield running

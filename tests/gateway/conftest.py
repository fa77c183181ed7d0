"""The gateway's fixtures: an Envoy of its own for each test, and one for each table of bad requests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.gateway.abuses import MOST_BODY
from tests.gateway.abusing import Abused
from tests.gateway.fake_wire import FakeWire
from tests.gateway.rig import Gateway, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that has been told nothing yet."""
    async with running_gateway(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Abused]:
    """Rows are cheap because they share it: none may leave a trace in it."""
    async with (
        running_gateway(tmp_path_factory.mktemp("abused")) as gateway,
        FakeWire() as wire,
    ):
        gateway.pods(only=[wire.endpoint])
        await gateway.tell({"only": 100}, limits={"bodyBytes": MOST_BODY})
        yield Abused(gateway, wire)


@pytest.fixture
def abused(shared: Abused) -> Abused:
    """It, with nothing written down."""
    shared.wire.requests.clear()
    shared.wire.nonsense.clear()
    return shared

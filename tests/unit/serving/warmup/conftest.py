"""A fake engine, and a warm-up against it."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest

from deepseek_serving.warmup import client
from deepseek_serving.warmup.failures import Failure
from deepseek_serving.warmup.result import Result
from deepseek_serving.warmup.runner import Warmup
from tests.unit.serving.warmup.fake_engine import FakeEngine
from tests.unit.serving.warmup.samples import TOKEN, spec


class WarmUp(Protocol):
    async def __call__(
        self, *, token: str = TOKEN, patience: float = client.WARDEN_SECONDS, **changes: Any
    ) -> Result: ...


def failure_of(result: Result) -> Failure:
    assert result.failure is not None
    return result.failure


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine().serve() as served:
        yield served


@pytest.fixture
async def warm_up(engine: FakeEngine) -> AsyncIterator[WarmUp]:
    async with client.open_session() as session:

        async def run(
            *, token: str = TOKEN, patience: float = client.WARDEN_SECONDS, **changes: Any
        ) -> Result:
            warmup = Warmup(
                spec=spec(**changes),
                engine=client.Engine(session, engine.url, clock=engine.clock),
                warden=client.Warden(session, engine.url, token=token, patience_seconds=patience),
                clock=engine.clock,
                poll_seconds=0.0,
                say=lambda _: None,
            )
            return await warmup.run()

        yield run

"""An event loop whose clock jumps to the next timer, ended with everything that still runs on it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.unit.test_queue import TurnedLoop


@contextmanager
def turned_loop() -> Iterator[TurnedLoop]:
    """The loop; whatever a failed test left running is cancelled before it is closed."""
    loop = TurnedLoop()
    try:
        yield loop
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
    finally:
        loop.close()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)

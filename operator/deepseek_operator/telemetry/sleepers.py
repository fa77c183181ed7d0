"""Listens at gateways of objects that sleep, so that the first request is noticed at once and no pass is made for it before.

A gateway keeps the question until somebody asks it, or half a minute. So nobody polls, and the API server is not asked at
all; should a word be lost, the object's next pass asks the same gateways.
"""

import asyncio
from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar

import aiohttp

from deepseek_operator.build.gateway import REPORT_PORT
from deepseek_operator.telemetry import bodies

KeyType = TypeVar("KeyType", bound=Hashable)

PATH = "/asked"
ASKED = b"asked\n"
"""What a gateway answers at which a request waits or has come; else that nobody has."""

_TIMEOUT_SECONDS = 60.0
"""Twice as long as a gateway keeps the question."""
_PAUSE_SECONDS = 2.0
"""After a word, the pass that it leads to is to end; and a gateway that does not answer is not asked all the time."""


class Sleepers(Generic[KeyType]):
    """Those who listen, by object."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        wake: Callable[[KeyType], None],
        *,
        port: int = REPORT_PORT,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        """`wake` is told of each object that somebody asked; `port` is the same on every pod."""
        self._session = session
        self._wake = wake
        self._port = port
        self._pause_seconds = pause_seconds
        self._listening: dict[KeyType, dict[str, asyncio.Task[None]]] = {}

    def follow(self, key: KeyType, addresses: Collection[str]) -> None:
        """From now on listen at these gateways of the object, and at no others; none where it does not sleep."""
        before = self._listening.pop(key, {})
        for address in before.keys() - set(addresses):
            before[address].cancel()
        if addresses:
            self._listening[key] = {
                address: before.get(address) or asyncio.create_task(self._listen(key, address))
                for address in addresses
            }

    async def close(self) -> None:
        """Listen nowhere any more."""
        tasks = [task for of_one in self._listening.values() for task in of_one.values()]
        self._listening.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, key: KeyType, address: str) -> None:
        while True:
            said = await bodies.page(
                self._session, address, self._port, PATH, seconds=_TIMEOUT_SECONDS
            )
            if said == ASKED:
                self._wake(key)
            if said is None or said == ASKED:
                await asyncio.sleep(self._pause_seconds)

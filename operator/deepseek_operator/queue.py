"""KeyQueue: keys to reconcile, each at most once in the queue and at most in one worker's hands."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

KeyType = TypeVar("KeyType", bound=Hashable)

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 120.0


class KeyQueue(Generic[KeyType]):
    """A work queue with the semantics of client-go's: coalescing, one worker a key, back-off.

    Beyond those a key settles before a pass and rests after it: what is asked for meanwhile is one
    pass at the end. A pass at a time of its own choice waits for neither.
    """

    def __init__(
        self,
        *,
        settle_seconds: float = 0.0,
        rest_seconds: float = 0.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`settle_seconds` from the first wish to the pass, `rest_seconds` after each pass.

        `jitter` gives numbers from 0 to 1 that spread retries.
        """
        self._settle_seconds = settle_seconds
        self._rest_seconds = rest_seconds
        self._resting: dict[KeyType, asyncio.TimerHandle] = {}
        self._ready: deque[tuple[KeyType, float]] = deque()
        """With the time at which it got there."""
        self._waiting: set[KeyType] = set()
        self._working: set[KeyType] = set()
        self._timers: dict[KeyType, asyncio.TimerHandle] = {}
        self._failures: dict[KeyType, int] = {}
        self._available = asyncio.Event()
        self._is_shut_down = False
        self._jitter = jitter

    def __len__(self) -> int:
        """Keys that wait for a worker now."""
        return len(self._ready)

    def oldest_seconds(self) -> float:
        """How long the first of them has waited; 0 where none waits."""
        return asyncio.get_running_loop().time() - self._ready[0][1] if self._ready else 0.0

    def add(self, key: KeyType) -> None:
        """Ask for a pass; while one runs or the key rests, for exactly one more after that."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key in self._working or key in self._resting:
            return
        if self._settle_seconds:
            self._rest(key, self._settle_seconds)
        else:
            self._push(key)

    def add_after(self, key: KeyType, seconds: float) -> None:
        """Ask for a pass after a while; an earlier time already asked for stays."""
        loop = asyncio.get_running_loop()
        pending = self._timers.get(key)
        if pending is not None:
            if pending.when() <= loop.time() + seconds:
                return
            pending.cancel()
        self._timers[key] = loop.call_later(seconds, self._fire, key)

    def shut_down(self) -> None:
        """Give out no key any more, also to those who wait for one; passes under way go on."""
        self._is_shut_down = True
        self._available.set()

    async def take(self) -> KeyType | None:
        """The next key, whose worker calls done() when the pass has ended; None once the queue is shut down."""
        while not self._ready and not self._is_shut_down:
            self._available.clear()
            await self._available.wait()
        if self._is_shut_down:
            return None
        key, _ = self._ready.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: KeyType) -> None:
        """The pass has ended; what was asked for meanwhile goes into the queue after the rest."""
        self._working.discard(key)
        if self._rest_seconds:
            self._rest(key, self._rest_seconds)
        elif key in self._waiting:
            self._push(key)

    def retry(self, key: KeyType) -> float:
        """Ask for a pass after this key's back-off, at the earliest after its rest; the seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds: float = min(FIRST_RETRY_SECONDS * 2 ** min(failures, 16), LAST_RETRY_SECONDS)
        seconds = max(seconds * (0.5 + self._jitter() / 2), self._rest_seconds)
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: KeyType) -> None:
        """The key's last pass succeeded: its back-off starts anew, and no earlier wish is left."""
        self._failures.pop(key, None)
        pending = self._timers.pop(key, None)
        if pending is not None:
            pending.cancel()

    def _fire(self, key: KeyType) -> None:
        del self._timers[key]
        resting = self._resting.pop(key, None)
        if resting is not None:
            resting.cancel()
        elif key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._push(key)

    def _rest(self, key: KeyType, seconds: float) -> None:
        self._resting[key] = asyncio.get_running_loop().call_later(seconds, self._rested, key)

    def _rested(self, key: KeyType) -> None:
        del self._resting[key]
        if key in self._waiting:
            self._push(key)

    def _push(self, key: KeyType) -> None:
        self._ready.append((key, asyncio.get_running_loop().time()))
        self._available.set()

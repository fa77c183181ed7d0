"""Users, and waiting for what becomes of them."""

import http.client
import time
from dataclasses import dataclass
from typing import Self

from dev.demo.load import LONG_EVERY, LONG_PROMPT, Load, stream
from tests.e2e.line import wait_until


@dataclass
class Crowd(Load):
    """Clients whose answers a test waits for; no more of them than a replica on this machine bears.

    What it is asked for at once costs an engine little more than one request alone. So if there is one at a time while
    nothing else runs, there is room for the start of a candidate on the same processors; more of them would tell how
    slow the machine is, and not what becomes of users in a rollout.
    """

    def __enter__(self) -> Self:
        self.period = max(self.period, self._seconds_of_an_answer())
        return super().__enter__()

    def _seconds_of_an_answer(self) -> float:
        """The mean of some that are asked for one after the other, as long as theirs; 0 where there are none."""
        started = time.monotonic()
        for number in range(LONG_EVERY):
            try:
                stream(
                    self.url,
                    self.name,
                    before=LONG_PROMPT if number == 0 else "",
                    headers=self.headers,
                    trust=self.trust,
                    max_tokens=self.tokens,
                )
            except (OSError, http.client.HTTPException):
                return 0.0
        return (time.monotonic() - started) / LONG_EVERY

    def wait_for_more(self, count: int = 8) -> None:
        """Until so many more were answered."""
        already = len(self.answers)
        wait_until(lambda: len(self.answers) >= already + count, what=f"{count} more answers")

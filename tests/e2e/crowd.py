"""Users, and waiting for what becomes of them."""

from dataclasses import dataclass

from dev.demo.load import Load
from tests.e2e.line import wait_until


@dataclass
class Crowd(Load):
    """Clients whose answers a test waits for."""

    def wait_for_more(self, count: int = 8) -> None:
        """Until so many more were answered."""
        already = len(self.answers)
        wait_until(lambda: len(self.answers) >= already + count, what=f"{count} more answers")

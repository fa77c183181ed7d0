"""Copies of users' requests that a candidate computes before it has a user: what is asked for, and what is known. Data."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a run asks of copies before its first step."""

    percent: int
    """Of the requests that may be copied, 1 to 100."""
    min_requests: int = 100
    """Copies that have to be answered."""
    min_duration: timedelta = timedelta(minutes=2)
    max_duration: timedelta = timedelta(minutes=30)
    """With too few requests for so long it goes on."""
    most: int = 16
    """Copies at once, at each gateway."""

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 100 or self.most < 1:
            raise ValueError(
                f"1 to 100 percent can be copied, not {self.percent}, and 1 at once, not {self.most}"
            )


@dataclass(frozen=True, slots=True)
class Mirrored:
    """To whom gateways are told to send copies."""

    revision: str
    percent: int
    most: int


@dataclass(frozen=True, slots=True)
class Copies:
    """What became of copies since the first; no user saw any of it."""

    answered: int = 0
    rejected: int = 0
    """Of the answers, those that call it the client's fault."""
    failed: int = 0
    dropped: int = 0
    """Not made, for want of room."""
    running: int = 0

    def __add__(self, other: "Copies") -> "Copies":
        return Copies(
            self.answered + other.answered,
            self.rejected + other.rejected,
            self.failed + other.failed,
            self.dropped + other.dropped,
            self.running + other.running,
        )

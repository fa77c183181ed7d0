"""Days of traffic: requests a second by the second of the day, and how many come by chance."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

HOUR = 3600.0
DAY = 24 * HOUR

_BURST_SECONDS = 300
_BURST_SPREAD = 0.35
"""Of the logarithm of what a burst makes of the requests."""


@dataclass(frozen=True, slots=True)
class Day:
    """One kind of day."""

    name: str
    said: str
    rate: Callable[[float], float]
    is_bursty: bool = False

    def arrivals(self, seconds: int, seed: int) -> list[int]:
        """Requests of each second."""
        chance = np.random.default_rng(seed)
        rates = np.array([self.rate(float(at)) for at in range(seconds)])
        if self.is_bursty:
            bursts = chance.lognormal(0.0, _BURST_SPREAD, seconds // _BURST_SECONDS + 1)
            rates *= np.repeat(bursts, _BURST_SECONDS)[:seconds]
        return [int(count) for count in chance.poisson(rates)]


def _diurnal(at: float) -> float:
    """Fewest at four at night, most at four in the afternoon."""
    return 4 + 36 * (1 - math.cos(2 * math.pi * (at / HOUR - 4) / 24)) / 2


def _step(at: float) -> float:
    return 30.0 if 12 * HOUR <= at < 18 * HOUR else 10.0


def _crowd(at: float) -> float:
    """Five times as many within a minute, for forty minutes."""
    since = at - 12 * HOUR
    if not 0 <= since < 40 * 60:
        return 8.0
    return 8.0 + 32.0 * min(1.0, since / 60)


def _nights(at: float) -> float:
    """Nobody from ten to seven; work begins over an hour and a half."""
    hour = at / HOUR
    if not 7 <= hour < 22:
        return 0.0
    begun, ending = min(1.0, (hour - 7) / 1.5), min(1.0, (22 - hour) / 3)
    return 28.0 * min(begun, ending)


def _sessions(at: float) -> float:
    """Somebody works with it six times a day, for twenty minutes."""
    hour, since = divmod(at, HOUR)
    return 0.2 if hour in (8, 10, 11, 14, 16, 20) and since < 20 * 60 else 0.0


DAYS = (
    Day("diurnal", "4 to 40 requests/s, slowly up and down", _diurnal),
    Day("bursty", "the same in bursts of five minutes", _diurnal, is_bursty=True),
    Day("step", "10 requests/s, 30 from noon to six", _step),
    Day("flash crowd", "8 requests/s, 40 for forty minutes, within one", _crowd),
    Day("idle nights", "none at night, 28 requests/s by half past eight", _nights),
    Day("sessions", "0.2 requests/s for twenty minutes, six times a day, else none", _sessions),
)

BY_NAME: Mapping[str, Day] = {day.name: day for day in DAYS}

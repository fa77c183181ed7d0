"""The operator with a clock that is wrong by SKEW_SECONDS, as that of a node may be; elapsed time is right."""

import datetime as dt
import os
import runpy
import time
from typing import Any

SKEW = float(os.environ["SKEW_SECONDS"])
_Real = dt.datetime
_time = time.time


class _Kind(type):
    """Times of the real kind, too, are of this one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Real)


class _Skewed(_Real, metaclass=_Kind):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _Real.now(tz) + dt.timedelta(seconds=SKEW)


if __name__ == "__main__":
    dt.datetime = _Skewed  # type: ignore[misc]
    time.time = lambda: _time() + SKEW
    runpy.run_module("deepseek_operator", run_name="__main__")

"""What the hub shall do wrong: rules by path, each for a number of requests."""

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

OF_HEADERS = (
    "status",  # answer with `status` and `headers`
    "redirect",  # through `count` further addresses
)
OF_CONTENT = (
    "ignore-ranges",  # send the whole file to a request for a part of it
    "other-range",  # answer with a range that begins a byte before the one asked for
    "short",  # end the connection after `after` bytes of an answer
    "reset",  # reset it there
    "stall",  # send nothing more from there on
    "slow",  # send `rate` bytes a second
    "flip",  # change the byte at `at` of the file
    "truncate",  # send a file that is `at` bytes long and say so
)
OF_LISTING = (
    "wrong-checksum",  # list another checksum than the file's
)
FAULTS = OF_HEADERS + OF_CONTENT + OF_LISTING


@dataclass
class Rule:
    """One fault for the paths that its pattern is found in; `times` None is for ever."""

    fault: str
    path: str = ""
    method: str = ""
    times: int | None = 1
    skip: int = 0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    at: int = 0
    count: int = 1
    rate: int = 0

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}: one of {', '.join(FAULTS)}")

    def applies(self, path: str, method: str) -> bool:
        """Whether it is this request's turn; counts it."""
        if not re.search(self.path, path) or self.method not in ("", method) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(frozen=True)
class Faults:
    """All that goes wrong in one answer."""

    rules: Mapping[str, Rule] = field(default_factory=dict)

    def get(self, fault: str) -> Rule | None:
        """The rule of a fault, where it is to happen."""
        return self.rules.get(fault)


class Rules:
    """The rules in force; tests change them while the hub runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, *rules: Rule) -> None:
        """Have these happen too."""
        with self._lock:
            self._rules.extend(rules)

    def replace(self, documents: list[dict[str, Any]]) -> None:
        """Have these happen and no others."""
        rules = [Rule(**document) for document in documents]
        with self._lock:
            self._rules = rules

    def for_listing(self, path: str) -> bool:
        """Whether this file is listed with a wrong checksum."""
        return "wrong-checksum" in self._take(path, "GET", OF_LISTING).rules

    def for_answer(self, path: str, method: str = "GET") -> Faults:
        """What goes wrong when this path is asked for; nothing of its content with HEAD."""
        faults = OF_HEADERS if method == "HEAD" else OF_HEADERS + OF_CONTENT
        return self._take(path, method, faults)

    def _take(self, path: str, method: str, faults: Collection[str]) -> Faults:
        with self._lock:
            known = [rule for rule in self._rules if rule.fault in faults]
            taken = [rule for rule in known if rule.applies(path, method)]
        return Faults({rule.fault: rule for rule in taken})

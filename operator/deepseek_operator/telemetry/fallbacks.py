"""How many answers of gateways were fallbacks since they were last asked, for the operator's metrics."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.observed import Manifest

Kinds = Mapping[tuple[str, str, str], int]
"""Answers by the revision whose turn it was, the one that gave them, and why."""

_MOST = 10_000
"""Gateways that are remembered; the one that told longest ago is forgotten first."""


class Fallbacks:
    """Remembers what each gateway told last: it counts since its Envoy started.

    What a gateway counted before it was first asked was told by another process of the operator, or
    belongs to nobody's time: only what grows is counted.
    """

    def __init__(self, count: Callable[[str, str, Kinds], None]) -> None:
        """`count` is given an object's namespace and name, and what has grown."""
        self._count = count
        self._last: dict[str, tuple[str, Counter[tuple[str, str, str]]]] = {}

    def hear(self, pod: Manifest, report: Manifest) -> None:
        """What a gateway's pod reports; one whose Envoy does not answer says nothing."""
        counted = report.get("counted") or {}
        if "requests" not in counted:
            return
        metadata, envoy = pod["metadata"], str(report.get("envoy", ""))
        now = _kinds(counted["requests"])
        last_envoy, before = self._last.get(metadata["uid"], (None, now))
        if last_envoy not in (None, envoy):
            # A new process, which began at nothing.
            before = Counter()
        self._last.pop(metadata["uid"], None)
        self._last[metadata["uid"]] = (envoy, now)
        if len(self._last) > _MOST:
            del self._last[next(iter(self._last))]
        name = metadata["labels"].get(names.GATEWAY_LABEL, "")
        self._count(metadata["namespace"], name, now - before)


def _kinds(requests: list[Mapping[str, Any]]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for item in requests:
        if item.get("reason"):
            found[str(item["chosen"]), str(item["served"]), str(item["reason"])] += int(
                item["count"]
            )
    return found

"""How often a candidate's engines were restarted since a moment, whichever pods come and go meanwhile. Pure.

A pod's counter begins anew with the pod that takes its place. So each pod is compared with itself, and what one has added stays
counted when it is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepseek_operator.api import names


@dataclass(frozen=True, slots=True)
class Crashes:
    """What is recorded of it."""

    seen: Mapping[str, int] = field(default_factory=dict)
    """Restarts of each pod that had any when it was last looked at, by a digest of its name."""
    count: int = 0
    """Restarts since the beginning."""

    def after(self, restarts: Mapping[str, int] | None) -> "Crashes":
        """With what there is now, by pod; None where nobody looked. A pod that is new has had all of its own since."""
        if restarts is None:
            return self
        now = _seen(restarts)
        more = sum(max(0, count - self.seen.get(pod, 0)) for pod, count in now.items())
        return Crashes(now, self.count + more)


def since(restarts: Mapping[str, int] | None) -> Crashes | None:
    """From now on: what was before does not count. None where nobody looked: it begins when somebody does."""
    return None if restarts is None else Crashes(_seen(restarts))


def _seen(restarts: Mapping[str, int]) -> dict[str, int]:
    """Digests, as a record has bounds; most pods have no restart."""
    return {names.digest(pod): count for pod, count in restarts.items() if count}

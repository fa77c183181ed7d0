"""What a person may ask of a run: `<verb>:<run>/<step>`, where the run and the step are those that were looked at. Pure.

A command for another run or step is stale: what it meant is over, and it does nothing but say so. Each text is heard
once, whatever became of it: nothing takes effect later that was refused. So who asks the same once more adds `#2`, then
`#3`, which mean nothing by themselves.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from deepseek_operator.api import names
from deepseek_operator.rollout.run import COMPARED, ENDED, Phase, Rollout, Run


class Verb(StrEnum):
    """What may be asked for."""

    APPROVE = "approve"
    """Let a step with a pause go on, once enough was seen of it."""
    PROMOTE = "promote"
    """All traffic to the candidate now, whatever the evidence; not without the pods for it."""
    ABORT = "abort"
    """Back to the stable revision, from wherever the run is."""
    ROLLBACK = "rollback"
    """Back to the revision before, while it is kept."""
    RETRY = "retry"
    """Once more with a revision that was rolled back."""


_SWAPPED = frozenset({Phase.PROMOTING, Phase.WATCHING})

_WHEN: Mapping[Verb, frozenset[Phase]] = {
    Verb.APPROVE: COMPARED,
    Verb.PROMOTE: COMPARED | {Phase.MIRRORING},
    Verb.ABORT: COMPARED | _SWAPPED | {Phase.STARTING, Phase.MIRRORING},
    Verb.ROLLBACK: _SWAPPED,
    # Also after another revision was promoted: what failed before is refused as ever.
    Verb.RETRY: ENDED,
}

_BEFORE_IT_STOPS = frozenset({Phase.PREPARING, Phase.AWAITING_APPROVAL, Phase.HELD})
_UNTIL_IT_SERVES = _BEFORE_IT_STOPS | {Phase.CLOSING, Phase.STOPPING, Phase.STARTING}

_WHEN_REPLACING: Mapping[Verb, frozenset[Phase]] = {
    **_WHEN,
    Verb.APPROVE: _BEFORE_IT_STOPS,
    Verb.PROMOTE: _BEFORE_IT_STOPS | {Phase.STARTING},
    Verb.ABORT: _UNTIL_IT_SERVES | _SWAPPED,
}

_AGAIN = "#"
"""Before how often the same was asked by now; no run and no step has it in its name."""

LONGEST = 128
"""Letters of a command: no verb, run and step together have as many."""

_SHOWN = 64
"""Letters of what was asked that an answer repeats: it is part of a status that has bounds."""


def read(rollout: Rollout, command: str | None) -> tuple[Rollout, Verb | None]:
    """The verb of a command that was not read before and can be carried out; the answer is recorded.

    One that is taken away may be given again. Of one that is too long to be any, a digest is recorded.
    """
    kept = command
    if command is not None and len(command) > LONGEST:
        kept = names.digest(command)
    if kept == rollout.command:
        return rollout, None
    if command is None:
        return replace(rollout, command=None), None
    verb, said = _meant(rollout.run, command)
    return replace(rollout, command=kept, answer=said), verb


def text(verb: Verb, at: str, *, before: str | None) -> str:
    """What asks it of a run and step; `before` is what stands there now, which is not heard a second time."""
    plain = f"{verb}:{at}"
    same, _, number = (before or "").partition(_AGAIN)
    if same != plain:
        return plain
    times = int(number) if len(number) < _SHOWN and number.isdecimal() else 1
    return f"{plain}{_AGAIN}{times + 1}"


def retried(
    rollout: Rollout, verb: Verb | None, *, target: str | None
) -> tuple[Rollout, Verb | None]:
    """The verb, unless it is a retry of what never failed: that is refused, and the answer says so."""
    if verb is not Verb.RETRY or (target is not None and rollout.failure_of(target) is not None):
        return rollout, verb
    said = "the spec cannot be served as it is"
    if target is not None:
        said = f"revision {target} was not rolled back"
    return replace(rollout, answer=f"{Verb.RETRY}: refused, {said}"), None


def _meant(run: Run | None, command: str) -> tuple[Verb | None, str]:
    word, _, of = command.partition(_AGAIN)[0].partition(":")
    name, _, step = of.partition("/")
    if word not in list(Verb):
        return None, f"{_shown(word)}: not one of {', '.join(Verb)}"
    if run is None or name != run.name or step != str(run.step):
        now = f"{run.name}/{run.step}" if run else "no run"
        return None, f"{word}: meant {_shown(of) or 'nothing'}, and now it is {now}"
    verb = Verb(word)
    if run.phase not in (_WHEN_REPLACING if run.plan.replaces else _WHEN)[verb]:
        return None, f"{word}: not while the run is {run.phase}"
    return verb, f"{word}: accepted"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

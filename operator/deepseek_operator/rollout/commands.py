"""What a person may ask of a run: `<verb>:<run>/<step>`, where the run and the step are those that were looked at. Pure.

A command for another run or step is stale: what it meant is over, and it does nothing but say so.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from deepseek_operator.rollout.run import COMPARED, Phase, Rollout, Run


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
    Verb.PROMOTE: COMPARED,
    Verb.ABORT: COMPARED | _SWAPPED | {Phase.STARTING},
    Verb.ROLLBACK: _SWAPPED,
    Verb.RETRY: frozenset({Phase.ROLLED_BACK}),
}


def read(rollout: Rollout, command: str | None) -> tuple[Rollout, Verb | None]:
    """The verb of a command that was not read before and can be carried out; the answer is recorded.

    One that is taken away may be given again.
    """
    if command == rollout.command:
        return rollout, None
    if command is None:
        return replace(rollout, command=None), None
    verb, said = _meant(rollout.run, command)
    return replace(rollout, command=command, answer=said), verb


def _meant(run: Run | None, command: str) -> tuple[Verb | None, str]:
    word, _, of = command.partition(":")
    name, _, step = of.partition("/")
    if word not in list(Verb):
        return None, f"{word}: not one of {', '.join(Verb)}"
    if run is None or name != run.name or step != str(run.step):
        now = f"{run.name}/{run.step}" if run else "no run"
        return None, f"{word}: meant {of or 'nothing'}, and now it is {now}"
    verb = Verb(word)
    if run.phase not in _WHEN[verb]:
        return None, f"{word}: not while the run is {run.phase}"
    return verb, f"{word}: accepted"

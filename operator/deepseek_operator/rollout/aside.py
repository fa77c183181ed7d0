"""What is kept of rollouts while the strategy has no runs, as BlueGreen: revisions that failed. Pure.

Users are changed over to what the spec asks for without a look at it. What was rolled back before is no news: it is refused
until a person asks for it once more, whatever the strategy says by then.
"""

from dataclasses import replace

from deepseek_operator.rollout import commands, retreat
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.run import ON_THE_WAY_BACK, Cause, Phase, Rollout, Run


def kept(rollout: Rollout, *, target: str, serving: str, command: str | None) -> Rollout | None:
    """What is recorded of it from now on; None where nothing has failed, and nothing is to be remembered."""
    rollout, verb = commands.retried(*commands.read(rollout, command), target=target)
    if verb is Verb.RETRY:
        rollout = rollout.without_failure_of(target)
    if rollout.run is not None and not rollout.run.is_over:
        rollout = cut_off(rollout, rollout.run, "rollout.strategy has no runs any more")
    return replace(rollout, stable=serving) if rollout.failures else None


def cut_off(rollout: Rollout, run: Run, said: str) -> Rollout:
    """Nobody goes on with the run; one that was on its way back has failed, though it did not come to its end."""
    if run.phase in ON_THE_WAY_BACK:
        ended = replace(run, phase=Phase.ROLLED_BACK, left=None)
        return retreat.with_failure(replace(rollout, run=ended))
    phase = Phase.SUCCEEDED if run.has_swapped else Phase.ROLLED_BACK
    ended = replace(run, phase=phase, cause=Cause.SUPERSEDED, said=said, hold=None)
    return replace(rollout, run=ended)

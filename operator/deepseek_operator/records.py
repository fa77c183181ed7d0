"""What status keeps of rollouts, as far as a pass can go on from it. Pure."""

from datetime import datetime

from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout import aside, record
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.run import Rollout, Run


def kept(
    stored: Manifest,
    serving: str,
    observed: Observed,
    *,
    target: str,
    now: datetime | None = None,
) -> tuple[Record, str | None]:
    """The record, or why it is put aside: unreadable, or of other revisions than there are."""
    text = stored.get("rollout", {}).get("record")
    anew = Record(Rollout(serving))
    if text is None:
        return anew, None
    try:
        found = record.load(text, now=now)
    except RecordError as error:
        return anew, f"what status kept of the rollout is unreadable: {error}"
    if found.rollout.stable != serving:
        return anew, "another revision serves than the rollout's record says"
    run = found.rollout.run
    gone = _gone(run, observed, {serving, target})
    if run is None or gone is None:
        return found, None
    said = f"nothing is there of revision {gone}"
    return Record(aside.cut_off(found.rollout, run, said)), said


def _gone(run: Run | None, observed: Observed, known: set[str]) -> str | None:
    """A revision of a run that nobody could be sent to, or come back to: neither what it is nor anything of it."""
    if run is None or run.is_over:
        return None
    for key in (run.candidate, run.stable):
        if key not in known and not observed.revision(key) and not observed.engine_set(key):
            return key
    return None

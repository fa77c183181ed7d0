"""Mutants of what a record is refused for: each lets through something that no pass can go on from, or that nobody decided."""

from tests.mutants.patch import Mutant

_RECORD = "tests/unit/rollout/test_record.py"
_REFUSED = f"{_RECORD}::test_what_is_never_recorded_is_refused_and_its_field_named"
_REPLACE = f"{_RECORD}::test_what_is_never_recorded_of_a_replace_is_refused_too"
_RECORDS = "tests/unit/test_records.py"
_SOUNDNESS = "rollout/soundness.py"


def _without(name: str, breaks: str, check: str, *caught_by: str) -> Mutant:
    """One of the checks is not made."""
    old = f"    {check},\n"
    return Mutant(name, breaks, _SOUNDNESS, old=old, new="", caught_by=caught_by or (_REFUSED,))


RECORDS = (
    Mutant(
        name="well-typed-is-good-enough",
        breaks="a record is gone on with whatever it says, if its types are right",
        file="rollout/record.py",
        old="    said = strange or soundness.flaw(found.rollout, now=now)\n",
        new="    said = strange\n",
        caught_by=(_REFUSED,),
    ),
    _without("any-weight-is-told", "gateways are told of 150 % of the requests", "_weight"),
    _without("any-step-is-gone-on-with", "a step that there is not ends every pass", "_step"),
    _without("held-for-nothing", "a run is held for nothing, and so for ever", "_hold"),
    _without("its-own-candidate", "a revision is compared with itself and promoted", "_revisions"),
    _without("any-number-of-a-run", "a command means a run that it was not given for", "_number"),
    _without("any-phase-of-any-run", "a Canary closes its stable revision", "_phase", _REPLACE),
    _without("any-cause-of-any-phase", "a promotion is taken for one that is watched", "_cause"),
    _without("copies-of-no-plan", "a run makes copies that its plan does not have", "_copies"),
    _without("examined-without-a-plan", "an examination that nobody asks for never ends", "_exam"),
    _without("any-time-of-a-run", "a run that a person never paused has no end", "_times"),
    _without("any-metric-is-compared", "a metric that nothing tells ends every pass", "_metrics"),
    _without("sums-of-another-metric", "evidence of another metric is added up", "_evidence"),
    Mutant(
        name="numbers-without-bounds",
        breaks="an alarm that is no number never goes off",
        file=_SOUNDNESS,
        old="        if isinstance(value, (int, float)) and not abs(value) <= _MOST:\n",
        new="        if isinstance(value, str) and len(value) > _MOST:\n",
        caught_by=(_REFUSED,),
    ),
    Mutant(
        name="dates-without-a-zone",
        breaks="a date without a zone ends every pass",
        file=_SOUNDNESS,
        old="        if isinstance(value, datetime):\n            if",
        new="        if isinstance(value, datetime) and value.tzinfo is not None:\n            if",
        caught_by=(f"{_RECORD}::test_no_date_is_without_a_zone",),
    ),
    Mutant(
        name="dates-to-come",
        breaks="a run waits for the year 2999",
        file=_SOUNDNESS,
        old="        if isinstance(value, datetime) and value > now + _APART:\n",
        new="        if isinstance(value, datetime) and value.year < 0:\n",
        caught_by=(_REFUSED, f"{_RECORD}::test_a_day_is_no_difference_of_clocks_but_hours_are"),
    ),
    Mutant(
        name="a-criterion-of-another-kind",
        breaks="a criterion that is none any more is read as one that says yes to all",
        file="rollout/record.py",
        old="        if not known:\n",
        new="        if not known and not place:\n",
        caught_by=(_REFUSED,),
    ),
    Mutant(
        name="a-bar-that-asks-for-nothing",
        breaks="a candidate is accepted on no evidence",
        file="rollout/evidence.py",
        old="        if not (self.alarm_at > 0 and self.accept_at > 0 and",
        new="        if not (self.alarm_at > 0 and",
        caught_by=(f"{_REFUSED}[no-bar]",),
    ),
    Mutant(
        name="back-to-who-is-gone",
        breaks="users are sent to a revision of which there is nothing",
        file="records.py",
        old="    if run is None or gone is None:\n",
        new="    if run is None or gone is None or not run.is_over:\n",
        caught_by=(
            f"{_RECORDS}::test_nobody_goes_back_to_a_revision_of_which_there_is_nothing",
            f"{_RECORDS}::test_nobody_is_sent_to_a_candidate_of_which_there_is_nothing",
        ),
    ),
)

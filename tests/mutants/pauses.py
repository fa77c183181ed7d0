"""Mutants of a pause: what ends it, and what of its time is held against a candidate."""

from tests.mutants.patch import Mutant

_PAUSES = "tests/unit/rollout/test_pauses.py"
_RESUMED = (
    "tests/properties/test_product.py::test_a_fault_breaks_no_promise_and_the_run_ends_after_it"
    "[Analyzing-0-paused-then-another-cause]"
)

PAUSES = (
    Mutant(
        name="a-pause-ends-with-its-run",
        breaks="a paused run goes back when its longest duration is over",
        file="rollout/retreat.py",
        old="run.has_swapped or _is_paused(scene):\n",
        new="run.has_swapped:\n",
        caught_by=(
            f"{_PAUSES}::test_no_pause_ends_because_the_longest_duration_does",
            _RESUMED,
        ),
    ),
    Mutant(
        name="a-pause-is-heard-too-late",
        breaks="a run goes back though a person paused it since the pass before",
        file="rollout/retreat.py",
        old="    return scene.is_paused or (hold is not None and hold.cause is Cause.PAUSED)\n",
        new="    return hold is not None and hold.cause is Cause.PAUSED\n",
        caught_by=(f"{_PAUSES}::test_who_pauses_just_in_time_is_in_time",),
    ),
    Mutant(
        name="a-pause-is-time-of-a-run",
        breaks="a good candidate goes back because it was paused for days",
        file="rollout/holds.py",
        old="    return run.paused + min(",
        new="    return run.paused + 0 * min(",
        caught_by=(
            f"{_PAUSES}::test_a_run_that_was_paused_for_days_goes_on_and_has_all_of_its_time",
        ),
    ),
    Mutant(
        name="a-pause-is-time-of-a-hold",
        breaks="what holds a run after a pause takes it back at once",
        file="rollout/holds.py",
        old="    is_anew = run.hold is None or not FOR_A_PERSON.isdisjoint((run.hold.cause, cause))\n",
        new="    is_anew = run.hold is None\n",
        caught_by=(
            f"{_PAUSES}::test_what_holds_it_after_a_person_did_has_all_of_its_time",
            _RESUMED,
        ),
    ),
    Mutant(
        name="every-hold-begins-anew",
        breaks="a run that is held for one cause after another is held for ever",
        file="rollout/holds.py",
        old="    is_anew = run.hold is None or not FOR_A_PERSON.isdisjoint((run.hold.cause, cause))\n",
        new="    is_anew = run.phase is not None\n",
        caught_by=(f"{_PAUSES}::test_one_hold_after_another_that_nobody_asked_for_counts_on",),
    ),
    Mutant(
        name="a-pause-of-before-counts-again",
        breaks="a comparison in the rollback window may take longer by a pause of before the promotion",
        file="rollout/retreat.py",
        old="        paused=timedelta(0),\n",
        new="",
        caught_by=(f"{_PAUSES}::test_what_is_compared_once_more_counts_from_there",),
    ),
    Mutant(
        name="a-pause-is-longer-than-its-run",
        breaks="a clock that jumps while a run is paused takes the end from it",
        file="rollout/holds.py",
        old="min(elapsed(run.hold.since, scene.now), max(timedelta(0), scene.spent))",
        new="elapsed(run.hold.since, scene.now)",
        caught_by=(f"{_PAUSES}::test_no_pause_is_longer_than_its_run_however_clocks_jump",),
    ),
    Mutant(
        name="nobody-is-served-while-it-is-paused",
        breaks="a Replace that has stopped a revision waits for the other one for ever while it is paused",
        file="rollout/scene.py",
        old="        return self.facts.paused and self.run.stopped is None\n",
        new="        return self.facts.paused\n",
        caught_by=(f"{_PAUSES}::test_a_replace_that_has_begun_to_stop_is_kept_by_nobody",),
    ),
    Mutant(
        name="a-typo-ends-a-pause",
        breaks="a Replace that is paused goes back because its spec cannot be served meanwhile",
        file="rollout/replacing.py",
        old="    elif facts.paused:\n",
        new="    elif facts.paused and facts.target is not None:\n",
        caught_by=(
            f"{_PAUSES}::test_a_replace_that_is_paused_before_anybody_stops_has_all_of_its_time",
        ),
    ),
)

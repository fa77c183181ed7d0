"""Mutants of what status keeps between passes: counters that fall, and a record that comes back."""

from tests.mutants.patch import Mutant

_STRETCHES = "tests/unit/rollout/test_stretches.py"
_RECORD = "tests/unit/rollout/test_record.py"

COUNTERS = (
    Mutant(
        name="fallen-counters-go-on",
        breaks="what a source counted since it started anew is counted as what it did in this stretch",
        file="rollout/stretches.py",
        old="        if bad < 0 or total < bad:\n            return None\n",
        new="        if bad < 0 or total < bad:\n            total, bad = outcomes.total, outcomes.bad\n",
        caught_by=(
            f"{_STRETCHES}::test_a_source_that_starts_anew_within_a_stretch_counts_from_there",
        ),
    ),
    Mutant(
        name="record-forgets",
        breaks="a pass after a restart decides on less than the pass before it had recorded",
        file="rollout/record.py",
        old="counter.kind, outcomes.total, outcomes.bad]",
        new="counter.kind, outcomes.total, 0]",
        caught_by=(f"{_RECORD}::test_every_moment_of_a_run_comes_back_as_it_was",),
    ),
    Mutant(
        name="decides-by-chance",
        breaks="the same record and the same facts give another decision each time",
        file="rollout/machine.py",
        old="    run = replace(run, tripped=run.tripped + 1 if _is_tripped(run, figures) else 0)\n",
        new="    run = replace(run, tripped=run.tripped + 1 if _is_tripped(run, figures) else 0)\n"
        "    run = replace(run, requests=run.requests + __import__('time').perf_counter_ns() % 7)\n",
        caught_by=(
            "tests/unit/rollout/test_machine.py::test_the_same_facts_give_the_same_decision",
        ),
    ),
)

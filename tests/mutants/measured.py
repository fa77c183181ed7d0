"""Mutants of what was measured beside what was derived: what is compared, and that nothing follows by itself."""

from tests.mutants.patch import Mutant

_MEASURED = "tests/unit/test_measured.py"
_SIZE = "tests/unit/sizing/test_size.py"

MEASURED = (
    Mutant(
        name="one-pod-speaks-for-all",
        breaks="a pod beside a noisy neighbour says how fast the revision is",
        file="measured.py",
        old="    measured, computed = median(by_sequences[sequences]),",
        new="    measured, computed = max(by_sequences[sequences]),",
        caught_by=(
            f"{_MEASURED}::test_the_most_at_once_speak_of_the_replica_and_the_median_of_its_pods",
        ),
    ),
    Mutant(
        name="any-revisions-warm-ups",
        breaks="another model's times are taken for this one's",
        file="measured.py",
        old='        if one["revision"] != revision or "failure" in one:\n',
        new='        if "failure" in one:\n',
        caught_by=(
            f"{_MEASURED}::test_the_most_at_once_speak_of_the_replica_and_the_median_of_its_pods",
        ),
    ),
    Mutant(
        name="not-all-are-decoding",
        breaks="more sequences than one step computes the prompts of are taken for all decoding at once",
        file="measured.py",
        old="int(group[1]) <= most:\n",
        new="int(group[1]) >= 1:\n",
        caught_by=(
            f"{_MEASURED}::test_the_most_at_once_speak_of_the_replica_and_the_median_of_its_pods",
        ),
    ),
    Mutant(
        name="a-rank-for-the-replica",
        breaks="eight ranks are computed as one that has all sequences",
        file="measured.py",
        old="        sequences / setting.layout.data,\n",
        new="        sequences,\n",
        caught_by=(f"{_MEASURED}::test_a_warm_ups_requests_are_the_ones_that_are_computed",),
    ),
    Mutant(
        name="unlike-is-compared",
        breaks="a replica that was sized by another catalog is told to be slow",
        file="measured.py",
        old="    return sized if all(frozen.get(name) == derived[name] for name in same) else None\n",
        new="    return sized if same else None\n",
        caught_by=(f"{_MEASURED}::test_what_was_sized_otherwise_is_not_compared",),
    ),
    Mutant(
        name="noise-is-a-correction",
        breaks="status advises another limit for what a warm-up measures within its noise",
        file="measured.py",
        old="_AS_COMPUTED = 0.1\n",
        new="_AS_COMPUTED = 0.0\n",
        caught_by=(f"{_MEASURED}::test_a_warm_up_is_a_few_rounds_and_near_is_equal",),
    ),
    Mutant(
        name="a-correction-that-corrects-nothing",
        breaks="a measured pace changes neither limits nor what a plan says",
        file="sizing/roofline.py",
        old="    return setting.decode_times * computed\n",
        new="    return computed\n",
        caught_by=(f"{_SIZE}::test_a_step_that_takes_longer_than_computed_lowers_batch_and_pace",),
    ),
    Mutant(
        name="a-ratio-of-a-ratio",
        breaks="what is measured of a revision that was sized with a ratio is told as the whole of it",
        file="measured.py",
        old="    times = round(ratio * sized.setting.decode_times, 2)\n",
        new="    times = round(ratio, 2)\n",
        caught_by=(
            "tests/unit/test_measured.py::test_what_it_was_sized_with_is_in_what_was_computed",
        ),
    ),
    Mutant(
        name="a-ratio-that-does-nothing",
        breaks="accelerator.decodeTimes is taken and no limit follows",
        file="overriding.py",
        old="        decode_times=block.accelerator.decode_times,\n",
        new="",
        caught_by=("tests/unit/test_overriding.py::test_the_field_says_how_long_decode_takes",),
    ),
    Mutant(
        name="bursts-are-told-as-slow",
        breaks="a replica with little to do tells how long a step takes with many",
        file="measured.py",
        old="        if one.stretch is not None and _BUSY * most <= one.stretch.sequences <= most\n",
        new="        if one.stretch is not None\n",
        caught_by=("tests/unit/test_measured.py::test_replicas_that_are_not_busy_tell_nothing",),
    ),
    Mutant(
        name="a-status-that-trembles",
        breaks="every pass of a run writes another ratio into status",
        file="measured.py",
        old='abs(float(seen["ratio"]) - float(before["ratio"])) < _AS_COMPUTED',
        new='abs(float(seen["ratio"]) - float(before["ratio"])) < 0',
        caught_by=(
            "tests/unit/test_measured.py::test_what_users_told_stands_in_status_until_it_clearly_differs",
        ),
    ),
)

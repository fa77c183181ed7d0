"""Mutants of shares, of engines that die, and of what stays refused: what a run goes on with that it should not."""

from tests.mutants.patch import Mutant

_SHARES = "tests/unit/rollout/test_shares.py"
_SPLIT = "tests/unit/test_split_in_rollouts.py"
_PLAN = "tests/unit/test_plan_of_a_run.py"
_CRASHES = "tests/unit/rollout/test_crashes.py"
_FAILURES = "tests/unit/test_failures_kept.py"

SHARES = (
    Mutant(
        name="any-split-will-do",
        breaks="a gateway that sends more than it was told to goes unnoticed",
        file="rollout/shares.py",
        old="        return abs(self.percent - weight) <= max(_POINTS, by_chance)\n",
        new="        return self.percent <= 100\n",
        caught_by=(
            f"{_SHARES}::test_a_split_that_is_not_what_was_asked_for_holds_the_run",
            f"{_SPLIT}::test_what_is_divided_otherwise_is_held_until_it_is_not_any_more",
        ),
    ),
    Mutant(
        name="held-for-one-pass",
        breaks="a split that is not what was asked for is forgotten with the next pass",
        file="rollout/machine.py",
        old="    run = _crashed(run, facts)\n",
        new="    run = replace(_crashed(run, facts), share=type(run.share)(Reached(run.weight, 100)))\n",
        caught_by=(
            f"{_SHARES}::test_a_split_that_is_not_what_was_asked_for_holds_the_run",
            f"{_SPLIT}::test_what_is_divided_otherwise_is_held_until_it_is_not_any_more",
            "tests/properties/test_product.py::test_nothing_but_evidence_promotes",
        ),
    ),
    Mutant(
        name="settled-but-cut-nowhere",
        breaks="where few requests come, those after a weight has settled are lost with those of before",
        file="counted.py",
        old="    if run.settled is not None and base.at < run.settled <= reading.at:\n",
        new="    if run.settled is not None and base.at < run.settled <= base.at:\n",
        caught_by=(f"{_SPLIT}::test_nothing_of_before_a_weight_had_settled_is_evidence",),
    ),
    Mutant(
        name="plan-follows-the-spec",
        breaks="who edits the steps in the midst of a run lowers the bar for what was seen already",
        file="rollout/machine.py",
        old="    run = _crashed(run, facts)\n",
        new="    run = replace(_crashed(run, facts), plan=replace(run.plan, steps=facts.plan.steps))\n",
        caught_by=(f"{_PLAN}::test_a_run_goes_on_by_the_plan_that_it_began_with",),
    ),
    Mutant(
        name="nobody-is-told-of-the-plan",
        breaks="who edits the steps in the midst of a run sees nothing of why they are not followed",
        file="canary.py",
        old="        return run is not None and bool(run.plan.asked) and run.plan.asked != self.asked\n",
        new="        return run is None\n",
        caught_by=(f"{_PLAN}::test_a_run_goes_on_by_the_plan_that_it_began_with",),
    ),
    Mutant(
        name="each-stretch-by-itself",
        breaks="a share that is a few points off is seen by nobody, however many requests there are",
        file="rollout/shares.py",
        old="        for seen in (found, together):\n",
        new="        for seen in (found,):\n",
        caught_by=(f"{_SHARES}::test_what_one_stretch_cannot_show_several_do",),
    ),
    Mutant(
        name="few-requests-make-it-good",
        breaks="a split that many requests showed to be wrong is right again after a few",
        file="rollout/shares.py",
        old="        if self.off is not None and together.both < min(self.off.both, most):\n",
        new="        if self.off is not None and together.both < 0:\n",
        caught_by=(f"{_SHARES}::test_what_did_not_agree_is_over_once_as_many_requests_do",),
    ),
    Mutant(
        name="unverified-is-passed",
        breaks="a step is passed though nobody has seen who got its requests",
        file="rollout/advance.py",
        old="    if scene.facts.is_sticky or seen.is_verified:\n",
        new="    if seen.off is None:\n",
        caught_by=(f"{_SHARES}::test_no_step_is_passed_before_its_share_was_seen",),
    ),
    Mutant(
        name="who-left-was-never-there",
        breaks="a slow candidate whose clients give up is held for a share that it has",
        file="rollout/counting.py",
        old="    if flags & GONE:\n        return users\n",
        new="    if flags & GONE:\n        return {}\n",
        caught_by=(f"{_SPLIT}::test_whose_clients_go_away_has_its_share_all_the_same",),
    ),
    Mutant(
        name="counted-when-it-ends",
        breaks="a candidate whose answers take a minute is held at each step until they have ended",
        file="rollout/counting.py",
        old="        counts[counter] = counts.get(counter, Outcomes()) + Outcomes(int(running), 0)\n",
        new="        counts[counter] = counts.get(counter, Outcomes()) + Outcomes(0 * int(running), 0)\n",
        caught_by=(f"{_SPLIT}::test_whose_answers_take_long_has_its_share_at_once",),
    ),
    Mutant(
        name="cancelled-is-failed",
        breaks="a client that cancels its stream over HTTP/2 is an error of the revision",
        file="rollout/counting.py",
        old='GONE = frozenset({"DC", "DPE", "DR", "DT"})\n',
        new='GONE = frozenset({"DC", "DPE", "DT"})\n',
        caught_by=("tests/unit/rollout/test_counting.py::test_each_kind_of_request_is_judged",),
    ),
    Mutant(
        name="heavy-users-are-a-leak",
        breaks="with a sticky header a run is held for what a few clients ask",
        file="rollout/holds.py",
        old="    if off is None or facts.is_sticky:\n",
        new="    if off is None:\n",
        caught_by=(
            f"{_SHARES}::test_where_clients_stay_with_a_revision_requests_tell_nothing_of_a_share",
        ),
    ),
    Mutant(
        name="restarts-of-pods-that-are-gone",
        breaks="a pod that takes another's place may die as often as that one had, before anybody minds",
        file="rollout/crashes.py",
        old="        more = sum(max(0, count - self.seen.get(pod, 0)) for pod, count in now.items())\n",
        new="        more = max(0, sum(now.values()) - sum(self.seen.values()))\n",
        caught_by=(f"{_CRASHES}::test_restarts_are_counted_pod_by_pod",),
    ),
    Mutant(
        name="late-requests-are-nobodys",
        breaks="who is still sent to a revision that was rolled back is told of by nobody",
        file="rollout/retreat.py",
        old="    return replace(run, left={**begun, **left}, late=max(run.late, late))\n",
        new="    return replace(run, left={**begun, **left}, late=run.late)\n",
        caught_by=(
            "tests/unit/rollout/test_draining.py::test_a_request_that_comes_after_that_is_told_of",
            f"{_SPLIT}::test_requests_that_come_after_a_rollback_are_told_of",
        ),
    ),
    Mutant(
        name="failures-go-with-the-strategy",
        breaks="a revision that was rolled back gets all requests once the strategy is another one",
        file="canary.py",
        old="    if target == serving or rollout.failure_of(target) is None:\n",
        new="    if rollout.failures:\n",
        caught_by=(f"{_FAILURES}::test_what_was_rolled_back_stays_refused_under_another_strategy",),
    ),
    Mutant(
        name="on-its-way-back-is-not-failed",
        breaks="another strategy while a bad revision is on its way back gives it all requests",
        file="rollout/aside.py",
        old="    if run.phase in ON_THE_WAY_BACK:\n",
        new="    if not run:\n",
        caught_by=(f"{_FAILURES}::test_whoever_is_on_the_way_back_has_failed",),
    ),
)

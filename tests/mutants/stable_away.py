"""Mutants of a stable revision that has lost its pods: who is blamed for it, and who goes back to nobody."""

from tests.mutants.patch import Mutant

_NOBODY = "tests/unit/rollout/test_nobody_to_go_back_to.py"

STABLE_AWAY = (
    Mutant(
        name="blamed-for-the-stable-revision",
        breaks="a candidate whose pods are ready is rolled back because they were not, as the stable revision's are away",
        file="rollout/holds.py",
        old="    return silent if silent is None or facts.stable.ready else _stable_short(facts)\n",
        new="    return silent if facts.stable.ready else None\n",
        caught_by=(f"{_NOBODY}::test_a_candidate_is_not_blamed_for_pods_of_the_stable_revision",),
    ),
    Mutant(
        name="back-to-nobody",
        breaks="users are taken from the candidate, which answers, to a revision without pods, as a hold took too long",
        file="rollout/facts.py",
        old="        return is_away and bool(self.candidate.ready)\n",
        new="        return is_away and not self.candidate.ready\n",
        caught_by=(f"{_NOBODY}::test_users_stay_with_who_answers",),
    ),
    Mutant(
        name="promoted-and-back-to-nobody",
        breaks="a promotion that a gateway does not take up is taken back to a revision without pods",
        file="rollout/retreat.py",
        old=" + limits.hold and not scene.facts.leaves_nobody\n",
        new=" + limits.hold\n",
        caught_by=(
            f"{_NOBODY}::test_a_promotion_that_a_gateway_does_not_take_up_is_not_taken_back_to_nobody",
        ),
    ),
    Mutant(
        name="no-time-for-the-other-pods",
        breaks="with the first pod of the stable revision that is back the run is rolled back at once",
        file="rollout/holds.py",
        old="        held = replace(run.hold, since=since)\n",
        new="        held = replace(run.hold, since=since and run.hold.since)\n",
        caught_by=(f"{_NOBODY}::test_a_pod_that_is_back_has_the_others_waited_for",),
    ),
)

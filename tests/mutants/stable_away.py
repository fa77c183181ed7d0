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
)

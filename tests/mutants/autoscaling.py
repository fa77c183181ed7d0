"""Mutants of the number that the operator decides: what it does without figures, in rollouts, and how late it lets go."""

from tests.mutants.patch import Mutant

_LAW = "tests/unit/autoscaling/test_law.py"
_SCALING = "tests/unit/test_scaling.py"

AUTOSCALING = (
    Mutant(
        name="silence-is-idleness",
        breaks="an engine that does not tell its figures lets the others go",
        file="autoscaling/law.py",
        old="    if sight.load.silent:\n",
        new="    if sight.load.silent > 99:\n",
        caught_by=(f"{_LAW}::test_one_silent_engine_keeps_all",),
    ),
    Mutant(
        name="fewer-in-a-rollout",
        breaks="a step of a Canary loses the pods that it was given for",
        file="autoscaling/law.py",
        old="    if scene.run:\n",
        new="    if scene.run == '-':\n",
        caught_by=(f"{_LAW}::test_none_goes_while_a_rollout_is_under_way_and_it_says_so",),
    ),
    Mutant(
        name="all-at-once",
        breaks="an hour's replicas go in one decision",
        file="autoscaling/law.py",
        old="    wanted = max(enough, there - max(1, there // _STEP_PART))\n",
        new="    wanted = enough\n",
        caught_by=(f"{_LAW}::test_fewer_come_only_after_the_delay_and_one_by_one",),
    ),
    Mutant(
        name="no-trend",
        breaks="a replica is asked for when it is needed, and there minutes later",
        file="autoscaling/seeing.py",
        old="    grown = 1 - (1 + _NO_TREND) * fmean(older) / fmean(recent)\n",
        new="    grown = 0.0\n",
        caught_by=(f"{_LAW}::test_requests_that_grow_have_their_replica_before_it_is_needed",),
    ),
    Mutant(
        name="more-for-those-that-wait",
        breaks="while a pod finds no node ever more pods wait for one",
        file="autoscaling/law.py",
        old="    if sight.scene.is_unplaced:\n",
        new="    if sight.scene.is_unplaced and there > 99:\n",
        caught_by=(f"{_LAW}::test_no_more_are_asked_for_while_a_pod_finds_no_node",),
    ),
    Mutant(
        name="pods-before-the-number",
        breaks="pods follow a number that no status has",
        file="plan.py",
        old='        scaling.numbers(status.get("autoscaling", ())),\n',
        new="        {},\n",
        caught_by=(f"{_SCALING}::test_status_is_written_before_pods_follow",),
    ),
    Mutant(
        name="the-old-one-stays-short",
        breaks="users of the serving revision wait for a rollout to end",
        file="plan.py",
        old="    roles = scaled.raised(roles)\n",
        new="",
        caught_by=(f"{_SCALING}::test_the_old_revision_gets_more_while_the_new_one_starts",),
    ),
)

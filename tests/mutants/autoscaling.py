"""Mutants of the number that the operator decides: what it does without figures, in rollouts, and how late it lets go."""

from tests.mutants.patch import Mutant

_LAW = "tests/unit/autoscaling/test_law.py"
_SCALING = "tests/unit/test_scaling.py"
_SLEEP = "tests/unit/autoscaling/test_sleep.py"
_SLEEPING = "tests/unit/test_sleeping.py"
_HOLDING = "tests/unit/serving/gateway/test_holding.py"

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
        old="    roles = aim.scaled.raised(roles)\n",
        new="",
        caught_by=(f"{_SCALING}::test_the_old_revision_gets_more_while_the_new_one_starts",),
    ),
    Mutant(
        name="what-is-not-told-is-nothing",
        breaks="the last replica goes though a gateway does not say that nobody is on the way",
        file="autoscaling/sleep.py",
        old="    if load.silent or scene.through != 0 or scene.asks.held:\n",
        new="    if load.silent or scene.through or scene.asks.held:\n",
        caught_by=(f"{_SLEEP}::test_what_is_not_known_to_be_idle_is_busy",),
    ),
    Mutant(
        name="asleep-in-a-rollout",
        breaks="a Canary has nothing left to compare with",
        file="autoscaling/sleep.py",
        old="    if aim.sleep is None or scene.run or scene.needed or state.idle_since is None:\n",
        new="    if aim.sleep is None or state.idle_since is None:\n",
        caught_by=(f"{_SLEEP}::test_none_goes_below_what_a_rollout_needs",),
    ),
    Mutant(
        name="a-silence-is-forgotten",
        breaks="a pause of all figures counts as time in which nobody asked",
        file="autoscaling/law.py",
        old="        return replace(before, held=why, idle_since=None)\n",
        new="        return replace(before, held=why)\n",
        caught_by=(f"{_SLEEP}::test_what_is_not_known_to_be_idle_is_busy",),
    ),
    Mutant(
        name="wakes-in-its-own-time",
        breaks="the first request waits for the next look",
        file="autoscaling/law.py",
        old="    if not before.replicas:\n        return sleep.asleep(before, scene, aim)\n    if timedelta(0) <= scene.now - before.at < PERIOD:\n        return before\n",
        new="    if timedelta(0) <= scene.now - before.at < PERIOD:\n        return before\n    if not before.replicas:\n        return sleep.asleep(before, scene, aim)\n",
        caught_by=(f"{_SLEEP}::test_the_first_request_brings_one_back_before_the_next_look",),
    ),
    Mutant(
        name="who-sleeps-is-not-compared-with",
        breaks="a Canary of one that sleeps is promoted without a comparison",
        file="canary.py",
        old="    return known if deployment.spec.autoscaling is None else max(1, known)\n",
        new="    return known\n",
        caught_by=(
            f"{_SLEEPING}::test_a_canary_that_begins_asleep_goes_through_its_steps_and_rests_afterwards",
        ),
    ),
    Mutant(
        name="the-fallback-goes-too",
        breaks="while a model sleeps nobody answers in its place, though somebody is to",
        file="fallbacks.py",
        old="    if deployment.spec.serves_nobody:\n",
        new="    if deployment.spec.replicas == 0:\n",
        caught_by=(f"{_SLEEPING}::test_a_fallback_goes_on_and_answers_first",),
    ),
    Mutant(
        name="sent-on-before-envoy-knows",
        breaks="a request that waited goes where there is no pod yet",
        file="serving/deepseek_serving/gateway/holding.py",
        old="        await held.follow(self.rule, held.awake & self.awake)\n",
        new="        await held.follow(self.rule, self.awake)\n",
        caught_by=(f"{_HOLDING}::test_a_request_waits_until_envoy_has_a_pod",),
    ),
    Mutant(
        name="a-place-for-ever",
        breaks="a client that goes away keeps its place",
        file="serving/deepseek_serving/gateway/holding.py",
        old="            self.waiting[revision] -= 1\n",
        new="            pass\n",
        caught_by=(
            f"{_HOLDING}::test_no_more_wait_than_may_whatever_they_are_meant_for",
            f"{_HOLDING}::test_who_has_waited_for_as_long_as_may_be_is_late",
        ),
    ),
)

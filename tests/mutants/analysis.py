"""Mutants of what is compared beside failures: what engines tell, and what it means."""

from tests.mutants.patch import Mutant

_COUNTS = "tests/unit/rollout/test_engine_counts.py"
_METRICS = "tests/unit/rollout/test_metrics.py"
_CANARY = "tests/unit/test_canary.py"
_FIGURES = "tests/unit/engines/test_vllm_figures.py"
_MIX = "tests/unit/rollout/test_mix.py"
_ENGINES = "tests/unit/telemetry/test_engines.py"

ANALYSIS = (
    Mutant(
        name="heavy-users-blame-the-candidate",
        breaks="times of requests that differ in length are compared",
        file="rollout/mix.py",
        old="        if differs:\n",
        new="        if guard.learns:\n",
        caught_by=(
            f"{_MIX}::test_while_it_differs_only_what_depends_on_it_is_put_aside",
            f"{_CANARY}::test_times_of_requests_that_differ_are_not_compared",
        ),
    ),
    Mutant(
        name="promoted-unlike",
        breaks="a candidate is promoted by the times of requests that differ in length",
        file="rollout/mix.py",
        old="acceptance=() if differs else (bar.accept_at,))",
        new="acceptance=(bar.accept_at,))",
        caught_by=(f"{_MIX}::test_while_it_differs_only_what_depends_on_it_is_put_aside",),
    ),
    Mutant(
        name="chance-is-a-difference",
        breaks="times are not compared whenever chance gives the candidate a few long requests more",
        file="rollout/mix.py",
        old="    return is_no_chance and more >=",
        new="    return more >=",
        caught_by=(f"{_MIX}::test_a_mix_that_only_chance_divides_seldom_differs",),
    ),
    Mutant(
        name="silent-engine-is-consent",
        breaks="a run goes on while an engine of the candidate tells nothing",
        file="rollout/engine_counts.py",
        old='    if engine.figures is None:\n        return f"the engine of pod {engine.pod} does not answer with its figures"\n',
        new="    if engine.figures is None:\n        return None\n",
        caught_by=(f"{_COUNTS}::test_what_is_missing_is_named",),
    ),
    Mutant(
        name="a-part-is-enough",
        breaks="an engine that tells some of the metrics counts as one that tells all",
        file="rollout/engine_counts.py",
        old="        if outcomes is None:\n            return None\n",
        new="        if outcomes is None:\n            continue\n",
        caught_by=(f"{_COUNTS}::test_who_does_not_tell_everything_is_no_source",),
    ),
    Mutant(
        name="one-source-for-all-processes",
        breaks="a restarted engine is taken for the process before it",
        file="engines/figures.py",
        old='        return f"{self.pod}/{started or self.restarts}"\n',
        new="        return self.pod\n",
        caught_by=(f"{_COUNTS}::test_an_engine_is_a_source_under_its_pod_and_process",),
    ),
    Mutant(
        name="warm-up-counts-as-requests",
        breaks="an engine that does not serve yet is asked, and its warm-up counts",
        file="telemetry/engines.py",
        old="        said = await self._answer(pod) if is_ready(pod) else None\n",
        new="        said = await self._answer(pod)\n",
        caught_by=(f"{_ENGINES}::test_a_pod_that_does_not_serve_is_not_asked",),
    ),
    Mutant(
        name="each-pass-asks-each-engine",
        breaks="every pass costs every engine a page",
        file="telemetry/engines.py",
        old="        said = self._said.get(key)\n",
        new="        said = None\n",
        caught_by=(
            f"{_ENGINES}::test_what_was_said_stands_for_a_while_and_another_process_is_asked_at_once",
        ),
    ),
    Mutant(
        name="unlike-models-compared",
        breaks="a large model is rolled back for being slower than a distilled one",
        file="rollout/metrics.py",
        old="    if always or (are_alike and not never):\n",
        new="    if not never:\n",
        caught_by=(
            f"{_METRICS}::test_what_is_compared",
            f"{_CANARY}::test_a_model_that_is_slower_by_nature_is_promoted",
        ),
    ),
    Mutant(
        name="limits-only-between-like-models",
        breaks="a limit of the user's own does not hold for a model that is slower by nature",
        file="rollout/metrics.py",
        old="    chosen += _limits(analysis)\n",
        new="    chosen += _limits(analysis) if are_alike else []\n",
        caught_by=(f"{_CANARY}::test_a_limit_of_the_users_own_stops_any_model",),
    ),
    Mutant(
        name="limit-below-what-was-asked",
        breaks="a limit is counted by an edge below it, so answers within it are late",
        file="engines/figures.py",
        old="    return next((edge for edge in edges if edge >= limit), edges[-1])\n",
        new="    return max((edge for edge in edges if edge <= limit), default=edges[0])\n",
        caught_by=(f"{_FIGURES}::test_a_limit_is_counted_by_the_nearest_edge_that_is_not_below",),
    ),
    Mutant(
        name="idle-baseline-blames",
        breaks="a candidate is slow because the stable revision has little left to do",
        file="rollout/evidence.py",
        old="        return min(self.relative.alarm(window), self.absolute.alarm(window))\n",
        new="        return self.relative.alarm(window)\n",
        caught_by=(f"{_METRICS}::test_slow_is_who_is_slower_than_the_other_is_and_than_it_was",),
    ),
    Mutant(
        name="traffic-before-anything-is-learned",
        breaks="a weight is set before it is known what to compare with",
        file="rollout/advance.py",
        old="    if missing is None and facts.metrics is None and run.has_to_learn:\n",
        new="    if missing is None and facts.metrics is None and not run.has_to_learn:\n",
        caught_by=(f"{_CANARY}::test_no_weight_is_set_before_it_is_known_what_to_compare_with",),
    ),
    Mutant(
        name="late-answers-trip-the-breaker",
        breaks="a bad hour of both revisions rolls the candidate back without any statistics",
        file="rollout/machine.py",
        old="        if metric.measure and metric.name not in counting.FAILURES:\n",
        new='        if metric.measure == "never":\n',
        caught_by=(f"{_CANARY}::test_a_bad_hour_of_both_is_held_against_nobody",),
    ),
    Mutant(
        name="given-up-is-cut-short",
        breaks="requests that clients gave up count as answers that ended",
        file="rollout/engine_counts.py",
        old='_WHOLE = frozenset({"stop"})\n',
        new='_WHOLE = frozenset({"stop", "abort", "error"})\n',
        caught_by=(f"{_COUNTS}::test_what_is_bad",),
    ),
)

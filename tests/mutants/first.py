"""Mutants of the first rollout, and of what becomes of an object whose status is lost."""

from tests.mutants.patch import Mutant

_BASELINE = "tests/unit/test_baseline.py"
_SWITCH = "tests/unit/rollout/test_switch.py"
_OBSERVE = "tests/unit/test_observe.py"
_HISTORIES = "tests/properties/test_first_rollout.py"

FIRST = (
    Mutant(
        name="lost-canary-is-promoted",
        breaks="without a status a candidate whose pods are ready takes over unseen",
        file="rollout/switch.py",
        old="        and not (by_evidence and serving is not None)\n",
        new="",
        caught_by=(
            f"{_BASELINE}::test_a_canary_whose_status_is_lost_begins_anew_with_what_serves",
            f"{_SWITCH}::test_no_revision_takes_over_here_where_evidence_decides",
        ),
    ),
    Mutant(
        name="gateways-are-not-asked-who-serves",
        breaks="without a status what was promoted is replaced by what is kept beside it",
        file="plan.py",
        old="routed=passage.routed_revision(deployment, given.observed),",
        new="routed=None,",
        caught_by=(f"{_BASELINE}::test_what_was_promoted_stays_though_its_status_is_lost",),
    ),
    Mutant(
        name="candidate-taken-for-stable",
        breaks="without a status the first revision that gateways were told of serves: the candidate",
        file="build/gateway_document.py",
        old='told["routes"][-1])["revision"]',
        new='told["routes"][0])["revision"]',
        caught_by=(
            f"{_BASELINE}::test_a_canary_whose_status_is_lost_begins_anew_with_what_serves",
        ),
    ),
    Mutant(
        name="ready-target-taken-for-stable",
        breaks="without a status and a gateway's document the candidate serves, because it is newer",
        file="rollout/switch.py",
        old="if revision_of(item) not in {target, *standing} and ready_replicas(item)",
        new="if revision_of(item) not in {*standing} and ready_replicas(item)",
        caught_by=(f"{_SWITCH}::test_without_a_status_what_there_is_tells_who_serves",),
    ),
    Mutant(
        name="stand-in-taken-for-stable",
        breaks="without a status a fallback is taken for what served",
        file="rollout/switch.py",
        old="if revision_of(item) not in {target, *standing} and ready_replicas(item)",
        new="if revision_of(item) not in {target} and ready_replicas(item)",
        caught_by=(f"{_SWITCH}::test_without_a_status_what_there_is_tells_who_serves",),
    ),
    Mutant(
        name="forgotten-while-its-pods-are-away",
        breaks="a revision that has no ready pod when the status is lost is replaced unseen",
        file="observed.py",
        old='and condition.get("reason") == "NewReplicaSetAvailable"',
        new='and condition.get("reason") == "FoundNewReplicaSet"',
        caught_by=(
            f"{_SWITCH}::test_without_a_status_what_there_is_tells_who_serves",
            _HISTORIES,
        ),
    ),
    Mutant(
        name="model-starts-beside-its-baseline",
        breaks="the model starts before what it is to be compared with serves",
        file="rollout/switch.py",
        old="kept = {first.key: first.replicas}",
        new="kept = {first.key: first.replicas, target: target_replicas}",
        caught_by=(
            f"{_BASELINE}::test_while_the_baseline_starts_nothing_is_made_of_the_model_and_status_says_so",
            _HISTORIES,
        ),
    ),
    Mutant(
        name="baseline-comes-back",
        breaks="the first rollout begins anew though something serves",
        file="rollout/switch.py",
        old="if serving is None and first is not None:",
        new="if serving != target and first is not None:",
        caught_by=(
            f"{_SWITCH}::test_what_the_first_rollout_began_with_is_over_once_somebody_serves",
        ),
    ),
    Mutant(
        name="nothing-is-skipped",
        breaks="rollout.skipInitial does nothing",
        file="baseline.py",
        old="if baseline is None or deployment.spec.rollout.skip_initial:",
        new="if baseline is None:",
        caught_by=(
            f"{_BASELINE}::test_the_initial_rollout_is_skipped_on_request",
            f"{_BASELINE}::test_a_baseline_that_does_not_come_may_be_skipped_later",
        ),
    ),
    Mutant(
        name="baseline-of-nobody",
        breaks="the baseline takes accelerators while the spec wants no replicas",
        file="baseline.py",
        old="baseline.replicas if deployment.spec.replicas else 0",
        new="baseline.replicas",
        caught_by=(
            f"{_BASELINE}::test_without_replicas_nobody_starts_and_the_baseline_still_comes_first",
        ),
    ),
    Mutant(
        name="baseline-stalls-the-model",
        breaks="what kept the baseline from serving is held against the model after it",
        file="baseline.py",
        old="return said if is_of_baseline(said.message) is of_baseline else None",
        new="return said",
        caught_by=(f"{_BASELINE}::test_what_stalls_the_baseline_is_not_held_against_the_model",),
    ),
    Mutant(
        name="first-generation-is-always-new",
        breaks="an object of two revisions that has lost its status is taken for a new one",
        file="observe.py",
        old="has_one = deployment.spec.rollout.from_ is None",
        new="has_one = True",
        caught_by=(f"{_OBSERVE}::test_an_object_of_the_first_generation_may_have_lost_its_status",),
    ),
)

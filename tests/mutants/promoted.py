"""Mutants of what follows a promotion, and of what it takes to bear one: who is watched, who comes back, who is held."""

from tests.mutants.patch import Mutant

_STANDARDS = "tests/unit/rollout/test_standards.py"
_DEMANDS = "tests/unit/rollout/test_demands.py"
_PROMOTING = "tests/unit/rollout/test_promoting.py"
_PRODUCT = "tests/properties/test_product.py"

PROMOTED = (
    Mutant(
        name="window-is-blind",
        breaks="a candidate that turns bad after its promotion is watched and kept",
        file="rollout/advance.py",
        old="    run = standards.alone(run)\n",
        new="    run = replace(run, evidence={})\n",
        caught_by=(
            f"{_STANDARDS}::test_a_promoted_candidate_that_turns_bad_goes_back",
            f"{_PRODUCT}::test_a_fault_in_the_rollback_window_brings_the_old_revision_back",
        ),
    ),
    Mutant(
        name="a-bad-hour-takes-it-back",
        breaks="a promoted candidate is rolled back for what hits both revisions",
        file="rollout/retreat.py",
        old="            return _compared_again(scene, words(metric, found))\n",
        new="            return scene.back(Cause.EVIDENCE_BAD, words(metric, found))\n",
        caught_by=(f"{_STANDARDS}::test_what_hits_both_takes_nobody_back",),
    ),
    Mutant(
        name="doubts-without-end",
        breaks="a run is compared again and again, and its rollback window never closes",
        file="rollout/standards.py",
        old="    fine = _times(max(share, floor.good), 2.0**run.doubts)\n",
        new="    fine = max(share, floor.good)\n",
        caught_by=(f"{_STANDARDS}::test_doubts_that_are_not_confirmed_come_to_an_end",),
    ),
    Mutant(
        name="compared-with-half-a-revision",
        breaks="users are sent back to a stable revision that lacks pods, for a comparison",
        file="rollout/retreat.py",
        old="    if run.phase is not Phase.WATCHING or stable.sure < max(1, stable.wanted):\n",
        new="    if run.phase is not Phase.WATCHING or not stable:\n",
        caught_by=(f"{_STANDARDS}::test_nobody_is_sent_to_a_stable_revision_that_lacks_pods",),
    ),
    Mutant(
        name="promoting-without-end",
        breaks="a gateway that never takes a promotion up keeps a run from ending",
        file="rollout/machine.py",
        old="    retreat.unacknowledged,\n",
        new="",
        caught_by=(
            f"{_PROMOTING}::test_a_gateway_that_never_takes_it_up_is_told_of_and_then_it_goes_back",
            f"{_PRODUCT}::test_gateways_that_never_answer_again_leave_nobody_half_way",
        ),
    ),
    Mutant(
        name="promoting-is-blind",
        breaks="a candidate of which most requests fail is not seen while a gateway takes its promotion up",
        file="rollout/run.py",
        old="JUDGED = COMPARED | {Phase.MIRRORING, Phase.PROMOTING, Phase.WATCHING}\n",
        new="JUDGED = COMPARED | {Phase.MIRRORING, Phase.WATCHING}\n",
        caught_by=(f"{_PROMOTING}::test_it_is_judged_while_a_gateway_has_not_taken_it_up",),
    ),
    Mutant(
        name="replaced-back-for-a-silent-gateway",
        breaks="a Replace that serves stops serving, for a gateway that does not answer",
        file="rollout/replacing.py",
        old="    if is_unheard and elapsed(run.since, scene.now) <= limits.acknowledge + limits.hold:\n",
        new="    if is_unheard and elapsed(run.since, scene.now) > limits.acknowledge + limits.hold:\n"
        '        return scene.back(Cause.HELD_TOO_LONG, "not acknowledged")\n'
        "    if is_unheard:\n",
        caught_by=(f"{_PROMOTING}::test_a_replace_goes_on_instead",),
    ),
    Mutant(
        name="a-load-that-no-pod-was-sized-for",
        breaks="one large replica gets the load of eight small ones",
        file="rollout/demands.py",
        old="    if bears >= asked or (",
        new="    if bears > 0 or (",
        caught_by=(
            f"{_DEMANDS}::test_what_its_pods_are_not_sized_for_waits_for_a_person_and_says_why",
            "tests/unit/test_capacity_in_rollouts.py::test_one_large_replica_does_not_get_the_load_of_eight_small_ones",
        ),
    ),
    Mutant(
        name="an-estimate-against-what-is-seen",
        breaks="a revision is held though the stable one bears all of the traffic with no more",
        file="rollout/demands.py",
        old="facts.stable_bears is not None and bears >= facts.stable_bears",
        new="facts.stable_bears is not None and bears > 2 * facts.stable_bears",
        caught_by=(f"{_DEMANDS}::test_who_is_short",),
    ),
    Mutant(
        name="too-few-pods-are-a-failure",
        breaks="a revision is rolled back, and not tried again, for want of replicas that a person could add",
        file="rollout/run.py",
        old="FOR_A_PERSON = frozenset({Cause.PAUSED, Cause.CANDIDATE_SHORT})\n",
        new="FOR_A_PERSON = frozenset({Cause.PAUSED})\n",
        caught_by=(
            f"{_DEMANDS}::test_what_its_pods_are_not_sized_for_waits_for_a_person_and_says_why",
        ),
    ),
    Mutant(
        name="any-approval-is-for-too-few-pods",
        breaks="who approved a step has approved that its pods are too few for the next, unseen",
        file="rollout/demands.py",
        old="    if run.hold is None or run.hold.cause is not Cause.CANDIDATE_SHORT:\n        return run\n",
        new="",
        caught_by=(f"{_DEMANDS}::test_an_approval_of_before_is_none_of_this",),
    ),
)

"""Mutants of copies: what a candidate computes before it has a user, and what users notice of it."""

from tests.mutants.patch import Mutant

_ENVOY = "tests/gateway/test_mirror.py"
_TOLD = "tests/unit/serving/gateway/test_mirrors.py"
_MACHINE = "tests/unit/rollout/test_mirroring.py"
_ROLLOUTS = "tests/unit/test_mirror_in_rollouts.py"
_COPIES = "tests/unit/rollout/test_copies.py"

MIRROR = (
    Mutant(
        name="pinned-requests-copied",
        breaks="what somebody asks of one revision is asked of another too",
        file="serving/deepseek_serving/gateway/mirrors.py",
        old='        {"name": _PIN_HEADER, "present_match": False},\n',
        new="",
        caught_by=(f"{_ENVOY}::test_what_is_never_copied",),
    ),
    Mutant(
        name="opting-out-is-not-heard",
        breaks="a request that says that it is not to be copied is",
        file="serving/deepseek_serving/gateway/mirrors.py",
        old='        {"name": OPT_OUT_HEADER, "present_match": False},\n',
        new="",
        caught_by=(f"{_ENVOY}::test_what_is_never_copied",),
    ),
    Mutant(
        name="long-requests-copied",
        breaks="a gateway holds bodies of any length for copies",
        file="serving/deepseek_serving/gateway/mirrors.py",
        old="    longest = min(_BODY_BYTES, limits.body_bytes)\n",
        new="    longest = limits.body_bytes\n",
        caught_by=(f"{_ENVOY}::test_a_long_request_is_answered_and_not_copied",),
    ),
    Mutant(
        name="a-copy-waits-for-ever",
        breaks="a candidate that hangs keeps its copies, and none of them counts as failed",
        file="serving/deepseek_serving/gateway/mirrors.py",
        old="            _append(_FIRST_BYTE_HEADER, first_byte),\n",
        new="",
        caught_by=(f"{_ENVOY}::test_a_candidate_that_hangs_has_so_many_copies_and_no_more",),
    ),
    Mutant(
        name="copies-in-the-users-cluster",
        breaks="copies take the room of users' requests",
        file="serving/deepseek_serving/gateway/mirrors.py",
        old="    return document.mirror.most if document.mirror and is_mirror(name) else None\n",
        new="    return None if document.mirror and is_mirror(name) else None\n",
        caught_by=(f"{_TOLD}::test_copies_have_a_cluster_of_their_own_with_little_room",),
    ),
    Mutant(
        name="copies-count-as-requests",
        breaks="a drain waits for answers that nobody reads",
        file="serving/deepseek_serving/gateway/counts.py",
        old="            and not mirrors.is_mirror(matched",
        new="            or not mirrors.is_mirror(matched",
        caught_by=(f"{_TOLD}::test_copies_that_run_are_no_requests_that_run",),
    ),
    Mutant(
        name="dropped-copies-have-failed",
        breaks="a candidate is blamed for copies that were never made",
        file="serving/deepseek_serving/gateway/counts.py",
        old='        failed=max(0, counted.get("5xx", 0) - dropped) + refused,\n',
        new='        failed=counted.get("5xx", 0) + refused,\n',
        caught_by=(f"{_TOLD}::test_what_became_of_copies",),
    ),
    Mutant(
        name="the-clients-fault-fails-a-copy",
        breaks="what both revisions would reject counts as a candidate's answer",
        file="rollout/counting.py",
        old='            int(item["ended"]) - int(item["rejected"]), int(item["failed"])\n',
        new='            int(item["ended"]), int(item["failed"])\n',
        caught_by=(
            f"{_COPIES}::test_a_copy_is_no_request_and_what_is_the_clients_fault_is_left_out",
        ),
    ),
    Mutant(
        name="no-copies-before-users",
        breaks="the first step begins at once, whatever is asked of copies",
        file="rollout/advance.py",
        old="    return first_weight(scene, ready) if run.plan.mirror is None else",
        new="    return first_weight(scene, ready) if run.plan else",
        caught_by=(
            f"{_MACHINE}::test_a_good_candidate_computes_copies_and_then_has_its_first_users",
        ),
    ),
    Mutant(
        name="copies-speak-for-users",
        breaks="evidence of copies counts as evidence of what users get",
        file="rollout/advance.py",
        old="        evidence={},\n        tripped=0,\n",
        new="        tripped=0,\n",
        caught_by=(f"{_MACHINE}::test_what_was_seen_of_copies_is_no_evidence_of_what_users_get",),
    ),
    Mutant(
        name="copies-judged-by-nobody",
        breaks="a candidate that is bad at copies gets users",
        file="rollout/run.py",
        old="JUDGED = COMPARED | {Phase.MIRRORING, Phase.PROMOTING, Phase.WATCHING}\n",
        new="JUDGED = COMPARED | {Phase.PROMOTING, Phase.WATCHING}\n",
        caught_by=(f"{_MACHINE}::test_no_user_meets_a_candidate_that_is_bad_at_copies",),
    ),
    Mutant(
        name="copies-taken-for-granted",
        breaks="figures count before every gateway makes copies",
        file="rollout/mirroring.py",
        old="    if scene.facts.acknowledged == run.weight:\n        run =",
        new="    if scene.now:\n        run =",
        caught_by=(f"{_MACHINE}::test_nothing_counts_before_every_gateway_makes_copies",),
    ),
    Mutant(
        name="a-silent-candidate-gets-users",
        breaks="a candidate that answers no copy counts as one of an hour with few requests",
        file="rollout/mirroring.py",
        old="    if not is_silent and copies.failed <= copies.answered:\n",
        new="    if not is_silent or copies.failed <= copies.answered:\n",
        caught_by=(f"{_MACHINE}::test_a_candidate_that_hangs_goes_back_in_words",),
    ),
    Mutant(
        name="copies-for-ever",
        breaks="with few requests a run waits for copies until its last day",
        file="rollout/mirroring.py",
        old="    if run.requests < mirror.min_requests and not _is_over(scene, mirror):\n",
        new="    if run.requests < mirror.min_requests:\n",
        caught_by=(f"{_MACHINE}::test_with_few_requests_it_goes_on_when_its_time_is_over",),
    ),
    Mutant(
        name="copies-without-figures",
        breaks="a candidate gets users though nobody tells what became of its copies",
        file="rollout/mirroring.py",
        old="    if not facts.sees:\n        return f",
        new="    if not facts.plan:\n        return f",
        caught_by=(f"{_MACHINE}::test_nothing_goes_on_while_something_is_missing",),
    ),
    Mutant(
        name="copies-beside-users",
        breaks="gateways go on making copies while the candidate has users",
        file="rollout/mirroring.py",
        old="    if mirror is None or not run.mirrors:\n",
        new="    if mirror is None:\n",
        caught_by=(f"{_ROLLOUTS}::test_a_good_candidate_computes_copies_first_and_is_promoted",),
    ),
    Mutant(
        name="copies-end-with-a-hold",
        breaks="a paused run makes no copies, and nobody sees that its candidate is bad",
        file="rollout/run.py",
        old="        return Phase.MIRRORING in (self.phase, self.hold.phase if self.hold else None)\n",
        new="        return self.phase is Phase.MIRRORING\n",
        caught_by=(f"{_MACHINE}::test_a_pause_holds_it_with_its_copies_and_they_are_still_judged",),
    ),
    Mutant(
        name="minutes-of-before-the-copies",
        breaks="copies are compared with what users got in the hour before",
        file="rollout/mirroring.py",
        old="    return base if base.at >= since else None\n",
        new="    return base\n",
        caught_by=(f"{_MACHINE}::test_no_stretch_has_minutes_of_before_or_copies_beside_users",),
    ),
)

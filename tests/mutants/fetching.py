"""Mutants of what brings weights: when they are fetched, who shares them, who may wait for them."""

from tests.mutants.patch import Mutant

_FETCHING = "tests/unit/test_fetching.py"
_PLAN = "tests/unit/test_plan_weights.py"
_OBSERVE = "tests/unit/test_observe_weights.py"
_EXECUTE = "tests/unit/test_execute_sharing.py"
_COPYING = "tests/unit/test_copying.py"
_SHARING = "tests/unit/kube/test_sharing.py"
_BUILD = "tests/unit/build/test_weights.py"
_REPORT = "tests/unit/test_report.py"

FETCHING = (
    Mutant(
        name="pods-before-weights",
        breaks="pods hold accelerators while their weights are fetched",
        file="wanted.py",
        old="    return is_possible or observed.engine_set(shape.key) is not None\n",
        new="    return is_possible or observed is not None\n",
        caught_by=(f"{_PLAN}::test_no_pod_is_made_before_its_weights_are_there",),
    ),
    Mutant(
        name="lost-weights-stop-what-serves",
        breaks="pods that serve are deleted when the claim of their weights is lost",
        file="wanted.py",
        old="    return is_possible or observed.engine_set(shape.key) is not None\n",
        new="    return is_possible\n",
        caught_by=(f"{_PLAN}::test_pods_that_serve_stay_when_their_claim_is_lost",),
    ),
    Mutant(
        name="old-volumes-stay",
        breaks="a claim that nothing uses any more is never let go",
        file="plan.py",
        old="leave=preparation.unused(deployment, observed) if all_known else ()",
        new="leave=()",
        caught_by=(
            f"{_PLAN}::test_the_claim_of_the_old_revision_is_left_with_the_swap_and_not_before",
            f"{_EXECUTE}::test_the_last_one_that_leaves_deletes_the_volume",
        ),
    ),
    Mutant(
        name="unread-revision-loses-its-volume",
        breaks="a claim is left whose pods serve from a shape that cannot be read",
        file="plan.py",
        old="leave=preparation.unused(deployment, observed) if all_known else ()",
        new="leave=preparation.unused(deployment, observed)",
        caught_by=(f"{_PLAN}::test_nothing_is_left_while_a_revision_cannot_be_read",),
    ),
    Mutant(
        name="each-attempt-forgets-the-cause",
        breaks="Stalled flaps with each new attempt of a fetch that fails for ever",
        file="baseline.py",
        old="    return last if weights.progress.total is None else None\n",
        new="    return None\n",
        caught_by=(f"{_PLAN}::test_it_stays_stalled_until_the_next_attempt_gets_further",),
    ),
    Mutant(
        name="cause-of-the-spec-before",
        breaks="a new spec is Stalled with what kept the one before it",
        file="baseline.py",
        old="return _last_stalled(stored, of_baseline=False) if is_same else None",
        new="return _last_stalled(stored, of_baseline=False)",
        caught_by=(f"{_PLAN}::test_another_spec_is_not_stalled_by_what_stalled_the_last",),
    ),
    Mutant(
        name="stuck-job-is-kept",
        breaks="a Job that cannot start is kept though the spec was mended",
        file="fetching.py",
        old="    return (job,) if alone or is_old else ()\n",
        new="    return ()\n",
        caught_by=(f"{_FETCHING}::test_a_job_in_trouble_gives_way_to_a_changed_spec",),
    ),
    Mutant(
        name="fetched-again-though-complete",
        breaks="weights that are all there are fetched again once their Job is gone",
        file="fetching.py",
        old="    if is_complete(claim):\n",
        new="    if is_complete(claim) and observed.job(name):\n",
        caught_by=(f"{_FETCHING}::test_a_claim_that_says_it_is_filled_needs_no_job",),
    ),
    Mutant(
        name="old-job-vouches-for-a-new-volume",
        breaks="an empty claim is taken for a filled one because a Job of before has succeeded",
        file="fetching.py",
        old="    return claim is None or _created(job) < _created(claim)\n",
        new="    return False and job is claim\n",
        caught_by=(
            f"{_FETCHING}::test_a_job_that_filled_another_volume_says_nothing_of_this_one",
            f"{_EXECUTE}::test_who_comes_back_to_a_source_has_it_fetched_anew",
        ),
    ),
    Mutant(
        name="failed-job-ignored",
        breaks="a claim is marked as filled though its Job has failed",
        file="fetching.py",
        old='    if _ended(job) == "Failed":\n'
        "        return _after_failure(scene, job, share=(claim,))\n",
        new="",
        caught_by=(
            f"{_FETCHING}::test_a_failed_fetch_has_the_reason_and_the_words_of_its_pod",
            f"{_PLAN}::test_a_first_fetch_that_fails_is_why_nobody_is_served",
        ),
    ),
    Mutant(
        name="retried-without-pause",
        breaks="a fetch that a person must help is tried again and again without a pause",
        file="fetching.py",
        old="due = _ended_at(job) + RETRY <= scene.now",
        new="due = _ended_at(job) <= scene.now",
        caught_by=(
            f"{_FETCHING}::test_a_failed_job_is_kept_for_a_while_and_then_made_anew",
            f"{_FETCHING}::test_a_listing_that_failed_says_why_and_is_tried_again_later",
        ),
    ),
    Mutant(
        name="never-retried",
        breaks="a fetch that has failed is never tried again, whatever a person mends",
        file="fetching.py",
        old="(job,) if due else _mended(scene, job, failure)",
        new="()",
        caught_by=(f"{_FETCHING}::test_a_failed_job_is_kept_for_a_while_and_then_made_anew",),
    ),
    Mutant(
        name="size-of-another-source",
        breaks="a volume has the size that the catalog knows of other weights",
        file="fetching.py",
        old='    if model is not None and f"hf://{model.repository}" == scene.shape.source:\n',
        new="    if model is not None:\n",
        caught_by=(f"{_FETCHING}::test_the_catalog_knows_the_size_of_its_own_source_alone",),
    ),
    Mutant(
        name="size-without-margin",
        breaks="a volume is full before the last file is there",
        file="build/weights.py",
        old="weights_bytes * MARGIN / GIB",
        new="weights_bytes / GIB",
        caught_by=(
            f"{_BUILD}::test_a_volume_has_room_beside_the_weights",
            f"{_FETCHING}::test_a_volume_has_the_room_that_the_source_asks_for_and_more",
        ),
    ),
    Mutant(
        name="secrets-as-arguments",
        breaks="the user's variables stand in the arguments of a Job, readable by everybody",
        file="build/weights.py",
        old='                    "args": arguments,\n',
        new='                    "args": [*arguments, *map(str, environment)],\n',
        caught_by=(f"{_BUILD}::test_a_secret_stays_a_reference_and_stands_in_no_argument",),
    ),
    Mutant(
        name="fetched-with-every-variable",
        breaks="a Job has variables that only the engine is to read",
        file="build/weights.py",
        old='if item["name"] in _FETCH_VARIABLES]',
        new="]",
        caught_by=(f"{_BUILD}::test_a_job_has_only_those_variables_that_fetching_reads",),
    ),
    Mutant(
        name="other-owners-dropped",
        breaks="who joins takes a volume away from those who use it",
        file="kube/sharing.py",
        old='[_put("/metadata/ownerReferences", [*owners, *missing])] if missing',
        new='[_put("/metadata/ownerReferences", missing)] if missing',
        caught_by=(
            f"{_SHARING}::test_who_joins_becomes_an_owner_beside_the_others",
            f"{_EXECUTE}::test_objects_of_one_source_end_with_one_claim_one_job_and_all_as_owners",
        ),
    ),
    Mutant(
        name="volume-deleted-while-others-use-it",
        breaks="the first object that leaves a volume deletes it",
        file="kube/sharing.py",
        old="    if not others:\n",
        new="    if others is not None:\n",
        caught_by=(
            f"{_SHARING}::test_who_leaves_leaves_the_others",
            f"{_EXECUTE}::test_who_leaves_leaves_the_volume_to_the_others",
        ),
    ),
    Mutant(
        name="volume-shrinks",
        breaks="an object that asks for less has a volume shrunk, which the server refuses",
        file="kube/sharing.py",
        old="    if parse_quantity(wanted) <= parse_quantity(current):\n",
        new="    if parse_quantity(wanted) == parse_quantity(current):\n",
        caught_by=(f"{_SHARING}::test_a_volume_grows_and_never_shrinks",),
    ),
    Mutant(
        name="join-of-any-version",
        breaks="of two objects that join at once only one becomes an owner",
        file="kube/sharing.py",
        old="    return [*_of_this_version(present), *operations] if operations else None\n",
        new="    return operations or None\n",
        caught_by=(
            f"{_SHARING}::test_every_change_is_of_the_version_that_was_read",
            f"{_EXECUTE}::test_a_join_that_meets_another_version_is_a_conflict",
        ),
    ),
    Mutant(
        name="kept-volume-goes",
        breaks="a volume that is to be kept goes with the last object that uses it",
        file="kube/sharing.py",
        old='        return [_put("/metadata/ownerReferences", [])] if owners else []\n',
        new="        return []\n",
        caught_by=(
            f"{_SHARING}::test_what_somebody_wants_kept_loses_its_owners",
            f"{_EXECUTE}::test_what_one_wants_kept_stays_when_all_have_left",
        ),
    ),
    Mutant(
        name="deleted-under-who-has-just-joined",
        breaks="the last one that leaves deletes a volume that another object has joined meanwhile",
        file="execute.py",
        old="        await kube.delete(resource, present, unchanged=True)\n",
        new="        await kube.delete(resource, present)\n",
        caught_by=(f"{_EXECUTE}::test_who_joins_while_the_last_one_leaves_keeps_the_volume",),
    ),
    Mutant(
        name="foreign-claim-shared",
        breaks="weights are fetched into a claim of that name that somebody else made",
        file="execute.py",
        old="            if not sharing.is_shared(present, desired):\n",
        new="            if not present:\n",
        caught_by=(f"{_EXECUTE}::test_a_foreign_claim_of_that_name_is_left_alone_and_named",),
    ),
    Mutant(
        name="left-once-or-never",
        breaks="a claim stays for good if somebody else wrote it while it was left",
        file="observe_weights.py",
        old='    sources += [item.get("data", {}).get("source", "") for item in observed.revisions]\n',
        new="",
        caught_by=(
            f"{_EXECUTE}::test_a_volume_is_left_even_if_the_first_try_met_another_version",
            f"{_OBSERVE}::test_an_object_that_leaves_its_fetched_weights_still_reads_its_claims",
        ),
    ),
    Mutant(
        name="a-tenth-told-at-each-pass",
        breaks="each pass over a fetch writes an event",
        file="report.py",
        old="tenth <= earlier",
        new="tenth < earlier",
        caught_by=(f"{_REPORT}::test_no_tenth_is_told_twice_and_nothing_that_is_not_known",),
    ),
    Mutant(
        name="copies-for-any-trouble",
        breaks="whatever a provisioner complains of, each pod fetches a copy of its own",
        file="fetching.py",
        old="wants_many and _NO_SHARING.search(said)):\n",
        new="wants_many and said):\n",
        caught_by=(f"{_COPYING}::test_otherwise_the_claim_is_waited_for[another-trouble]",),
    ),
    Mutant(
        name="copies-against-the-users-word",
        breaks="who asks for a shared volume gets copies and is not told",
        file="fetching.py",
        old="    if claim is None or cache.access_mode is not None or has_pods or is_grouped:\n",
        new="    if claim is None or has_pods or is_grouped:\n",
        caught_by=(f"{_COPYING}::test_who_asks_for_sharing_is_told_that_it_cannot_be",),
    ),
    Mutant(
        name="copies-are-forgotten",
        breaks="pods that have their copies are restarted with a claim that is never filled",
        file="fetching.py",
        old="    if running is not None and copies.is_copied(template_of(running)):\n",
        new="    if running is not None and not running:\n",
        caught_by=(f"{_COPYING}::test_once_copied_it_stays_so_and_nothing_more_is_written",),
    ),
    Mutant(
        name="copies-beside-a-claim",
        breaks="the claim that cannot be provisioned stays beside the copies",
        file="preparation.py",
        old=" for fetching in self.fetched.values() if fetching.is_shared}\n",
        new=" for fetching in self.fetched.values()}\n",
        caught_by=(f"{_COPYING}::test_where_nodes_cannot_share_a_volume_each_pod_fetches_a_copy",),
    ),
)

"""Mutants of what is decided: which revision serves, what is kept, what a revision is."""

from tests.mutants.patch import Mutant

_PLAN = "tests/unit/test_plan.py"
_SWITCH = "tests/unit/rollout/test_switch.py"
_REVISIONS = "tests/unit/rollout/test_revisions.py"
_RECONCILE = "tests/unit/test_reconcile.py"

DECISIONS = (
    Mutant(
        name="take-over-early",
        breaks="the next revision takes over with its first ready pod, not at full strength",
        file="rollout/switch.py",
        old="needed = min(1, replicas) if serving is None else replicas",
        new="needed = min(1, replicas)",
        caught_by=(
            f"{_PLAN}::test_one_pod_short_of_full_strength_changes_nothing",
            f"{_SWITCH}::test_a_revision_takes_over_once_it_can_carry_the_users",
        ),
    ),
    Mutant(
        name="strength-of-an-older-generation",
        breaks="ready pods that were counted before the last change count as full strength",
        file="observed.py",
        old="return is_current(engine_set) and ready_replicas(engine_set) >= wanted",
        new="return ready_replicas(engine_set) >= wanted",
        caught_by=(f"{_SWITCH}::test_a_status_of_an_older_generation_is_no_strength",),
    ),
    Mutant(
        name="effects-before-recorded-status",
        breaks="users are sent to the new revision before status says that it serves",
        file="reconcile.py",
        old="    writes = await _write_status("
        "kube, deployment.metadata, plan.status, stored=stored)\n    try:\n",
        new="    await execute(kube, deployment, observed, plan)\n"
        "    writes = await _write_status("
        "kube, deployment.metadata, plan.status, stored=stored)\n    try:\n",
        caught_by=(f"{_RECONCILE}::test_taking_over_is_stored_before_anything_follows_from_it",),
    ),
    Mutant(
        name="nothing-is-recorded-first",
        breaks="a pass that decides who serves writes that last",
        file="plan.py",
        old="return replace(followed, records=True)",
        new="return replace(followed, records=False)",
        caught_by=(
            f"{_PLAN}::test_taking_over_is_recorded_with_what_follows_from_it",
            f"{_RECONCILE}::test_taking_over_is_stored_before_anything_follows_from_it",
        ),
    ),
    Mutant(
        name="decision-followed-from-before",
        breaks="what is carried out with a decision is what was to be done before it",
        file="plan.py",
        old="return replace(followed, records=True)",
        new="return replace(plan, records=True)",
        caught_by=(f"{_PLAN}::test_taking_over_is_recorded_with_what_follows_from_it",),
    ),
    Mutant(
        name="unservable-target-deletes-what-serves",
        breaks="a spec that cannot be served lets go of the revision that serves",
        file="rollout/switch.py",
        old="if serving is not None and (serving != target or not target_can_start):",
        new="if serving is not None and serving != target and target_can_start:",
        caught_by=(
            f"{_PLAN}::test_a_spec_that_cannot_be_served_leaves_what_serves_alone",
            f"{_SWITCH}::test_nothing_of_a_spec_that_cannot_be_served_is_made",
        ),
    ),
    Mutant(
        name="unreadable-revision-is-deleted",
        breaks="pods that serve are deleted when their frozen shape cannot be read",
        file="wanted.py",
        old='    return child["kind"] in (*ENGINE_SETS, "Service") and key in set(roles.kept)',
        new='    return child["kind"] == "Deployments" and key in set(roles.kept)',
        caught_by=(
            f"{_PLAN}::test_users_leave_an_unreadable_revision_once_the_next_is_ready",
            f"{_PLAN}::test_a_serving_revision_of_a_newer_operator_is_left_as_it_runs",
        ),
    ),
    Mutant(
        name="lost-status-is-guessed",
        breaks="without a status the new revision is served at once, whoever served before",
        file="rollout/switch.py",
        old="serving = stored_serving or "
        "recovered(observed, told, target=target, standing=standing)",
        new="serving = stored_serving",
        caught_by=(
            f"{_PLAN}::test_a_lost_status_is_read_off_the_cluster",
            f"{_SWITCH}::test_a_lost_status_is_read_off_the_cluster",
        ),
    ),
    Mutant(
        name="key-includes-replicas",
        breaks="scaling makes a new revision",
        file="rollout/revisions.py",
        old='KEY_FIELDS = ("model", ',
        new='KEY_FIELDS = ("replicas", "model", ',
        caught_by=(
            f"{_REVISIONS}::test_what_makes_the_same_pods_has_the_same_key",
            "tests/properties/test_keys.py::test_replicas_never_make_a_revision",
        ),
    ),
    Mutant(
        name="key-ignores-engine-flags",
        breaks="other engine flags make no new revision, so pods never get them",
        file="rollout/revisions.py",
        old="        include=set(KEY_FIELDS),\n",
        new='        include=set(KEY_FIELDS),\n        exclude={"engine": {"args"}},\n',
        caught_by=(
            f"{_REVISIONS}::test_what_makes_other_pods_has_another_key",
            f"{_REVISIONS}::test_the_keys_of_running_clusters_stay",
        ),
    ),
    Mutant(
        name="key-differs-for-written-defaults",
        breaks="writing a default into the spec makes a new revision",
        file="rollout/revisions.py",
        old="        exclude_defaults=True,\n",
        new="        exclude_unset=True,\n",
        caught_by=(
            f"{_REVISIONS}::test_what_makes_the_same_pods_has_the_same_key",
            f"{_REVISIONS}::test_the_keys_of_running_clusters_stay",
        ),
    ),
    Mutant(
        name="frozen-shape-ignored",
        breaks="a revision is resolved anew on each pass: a new operator restarts every pod",
        file="shapes.py",
        old="        if frozen is None:\n",
        new="        if target:\n",
        caught_by=(
            f"{_PLAN}::test_a_new_operators_images_restart_no_pod",
            f"{_PLAN}::test_a_revision_that_comes_back_has_the_pods_it_had",
            f"{_PLAN}::test_a_shape_is_resolved_only_for_a_revision_that_was_never_frozen",
            "tests/unit/test_catalog_in_passes.py::test_no_revision_that_exists_becomes_another_one",
        ),
    ),
    Mutant(
        name="running-pods-do-not-count-as-frozen",
        breaks="a ControllerRevision that was deleted comes back with other pods in it",
        file="fallbacks.py",
        old="    running = observed.engine_set(key)\n    if running is not None:\n",
        new="    running = None\n    if running is not None:\n",
        caught_by=(
            f"{_PLAN}::test_a_deleted_controller_revision_is_frozen_again_from_the_running_pods",
        ),
    ),
    Mutant(
        name="history-without-end",
        breaks="ControllerRevisions that nothing uses are never deleted",
        file="wanted.py",
        old="return [*unwanted, *history[HISTORY_LIMIT:]]",
        new="return unwanted",
        caught_by=(f"{_PLAN}::test_history_is_kept_to_its_limit_and_numbered_in_order",),
    ),
    Mutant(
        name="history-loses-the-newest",
        breaks="of the old ControllerRevisions the newest is deleted first",
        file="wanted.py",
        old="        reverse=True,\n",
        new="        reverse=False,\n",
        caught_by=(f"{_PLAN}::test_history_is_kept_to_its_limit_and_numbered_in_order",),
    ),
    Mutant(
        name="trouble-is-not-looked-at-again",
        breaks="pods that do not serve and send no event are never looked at again",
        file="plan.py",
        old="return TROUBLE_SECONDS if waiting or fetching or leaving else at_rest",
        new="return None",
        caught_by=(
            f"{_PLAN}::test_the_first_pass_makes_everything",
            f"{_PLAN}::test_a_pod_lost_by_the_serving_revision_is_told_beside_those_left",
        ),
    ),
)

"""Mutants of what is written: children, deletes, status; and whether anything has to be."""

from tests.mutants.patch import Mutant

_TELLING = "tests/unit/test_telling.py"
_RECONCILE = "tests/unit/test_reconcile.py"
_EXECUTE = "tests/unit/test_execute.py"
_STALE = "tests/unit/test_stale_leader.py"
_SETBACKS = "tests/unit/test_execute_setbacks.py"
_DRIFT = "tests/unit/kube/test_drift.py"
_CLIENT = "tests/unit/kube/test_client.py"
_OBSERVE = "tests/unit/test_observe.py"
_CRD = "tests/unit/api/test_crd.py"

_STATUS_WRITE = '        await kube.apply(resources.DEEPSEEK_DEPLOYMENT, body, sub="status")\n'

_ROUTES = (
    '    if desired and desired[0]["kind"] == "Service":\n'
    "        # After the Services that it names, before the pods: weights wait for ready ones anyway.\n"
    "        desired += passage.routes(deployment, observed, roles)\n"
)
_PODS = "    desired += _engine_sets(deployment, observed, roles, shapes, preparation)\n"

WRITES = (
    Mutant(
        name="write-status-twice",
        breaks="a pass writes status two times",
        file="reconcile.py",
        old=_STATUS_WRITE,
        new='        one = await kube.apply(resources.DEEPSEEK_DEPLOYMENT, body, sub="status")\n'
        '        body["metadata"] = {**metadata.model_dump(include={"name", "namespace"})}\n'
        '        body["metadata"]["resourceVersion"] = one["metadata"]["resourceVersion"]\n'
        + _STATUS_WRITE,
        caught_by=(f"{_RECONCILE}::test_no_pass_makes_more_than_ten_calls_or_two_status_writes",),
    ),
    Mutant(
        name="write-status-each-pass",
        breaks="status is written though nothing in it changed",
        file="reconcile.py",
        old="    if status == stored:\n",
        new="    if not status:\n",
        caught_by=(f"{_RECONCILE}::test_a_settled_object_costs_reads_only",),
    ),
    Mutant(
        name="status-with-defaults",
        breaks="the server adds fields to a status, which is then written in every pass",
        file="api/crd.py",
        old="schema.without_defaults(schema.structural_schema(DeepSeekDeploymentStatus))",
        new="schema.structural_schema(DeepSeekDeploymentStatus)",
        caught_by=(f"{_CRD}::test_the_server_adds_nothing_to_a_status",),
    ),
    Mutant(
        name="status-without-resource-version",
        breaks="a status made from an old read overwrites what was written since",
        file="reconcile.py",
        old='            "resourceVersion": metadata.resource_version,\n',
        new="",
        caught_by=(f"{_RECONCILE}::test_a_status_that_somebody_else_wrote_first_drops_the_pass",),
    ),
    Mutant(
        name="adopt-a-foreign-object",
        breaks="an object of that name that somebody else made is taken over",
        file="execute.py",
        old="        if not drift.belongs_to(present, deployment.metadata.name, "
        "deployment.metadata.uid):\n",
        new="        if not present:\n",
        caught_by=(
            f"{_RECONCILE}::test_somebody_elses_object_of_that_name_is_left_alone_and_named",
        ),
    ),
    Mutant(
        name="apply-instead-of-create",
        breaks="a child is made by an apply, which takes over whatever has its name",
        file="execute.py",
        old="    try:\n        await kube.create(resource, desired)\n"
        "    except AlreadyExistsError:\n        metadata",
        new="    try:\n        await kube.apply(resource, desired)\n"
        "    except AlreadyExistsError:\n        metadata",
        caught_by=(f"{_EXECUTE}::test_a_new_child_is_created_and_never_applied",),
    ),
    Mutant(
        name="children-that-nobody-may-change",
        breaks="a ControllerRevision is stored in bytes that make every later change a refused one",
        file="kube/client.py",
        old="            body=_yaml(manifest),\n            content_type=YAML,\n",
        new="            body=manifest,\n",
        caught_by=(
            f"{_CLIENT}::test_a_create_is_sent_in_a_form_that_the_server_has_to_write_anew",
        ),
    ),
    Mutant(
        name="refusal-kept-to-itself",
        breaks="a refused child is not told as the reason why nobody is served",
        file="plan.py",
        old="        given.obstacle\n        or baselines.does_not_come(",
        new="        baselines.does_not_come(",
        caught_by=(
            f"{_EXECUTE}::test_a_refused_child_is_why_nobody_is_served",
            f"{_EXECUTE}::test_a_refused_child_of_the_next_revision_is_told_beside_what_serves",
        ),
    ),
    Mutant(
        name="a-refusal-ends-the-pass",
        breaks="what the server refuses of one revision keeps the pods of another shut",
        file="execute.py",
        old="            self._note(manifest, is_new=is_new)\n",
        new="            raise\n",
        caught_by=(
            f"{_SETBACKS}::test_a_gate_opens_while_the_next_revision_is_refused",
            f"{_SETBACKS}::test_a_warm_up_begins_while_the_next_revision_is_refused",
        ),
    ),
    Mutant(
        name="pods-without-a-service",
        breaks="pods are made that nobody can reach, and count as ready",
        file="execute.py",
        old="            self.unmade.add(key)\n",
        new="            pass\n",
        caught_by=(
            f"{_SETBACKS}::test_no_pod_comes_of_a_revision_that_lacks_its_shape_or_its_service",
            f"{_SETBACKS}::test_no_pod_is_added_to_a_revision_whose_service_cannot_come_back",
            f"{_SETBACKS}::test_no_pod_comes_where_clients_would_have_no_address",
        ),
    ),
    Mutant(
        name="let-go-while-clients-come",
        breaks="the old pods go though the clients' Service still leads to them",
        file="execute.py",
        old="            self.way_in = True\n",
        new="            pass\n",
        caught_by=(
            f"{_SETBACKS}::test_the_old_revision_stays_while_clients_cannot_be_led_away_from_it",
        ),
    ),
    Mutant(
        name="gate-without-its-answer",
        breaks="a pod is opened whose answer nothing keeps for the next one to be compared with",
        file="execute.py",
        old="            self.unkept.add(key)\n",
        new="            pass\n",
        caught_by=(f"{_SETBACKS}::test_a_gate_stays_shut_on_an_answer_that_is_not_kept",),
    ),
    Mutant(
        name="weights-after-pods",
        breaks="a Deployment that cannot be written keeps users at a bad candidate",
        file="wanted.py",
        old=_ROUTES + _PODS,
        new=_PODS + _ROUTES,
        caught_by=(
            f"{_SETBACKS}::test_users_are_taken_back_though_the_candidates_pods_cannot_be_changed",
        ),
    ),
    Mutant(
        name="a-refusal-slows-the-run",
        breaks="while something is refused a run is looked at once a minute",
        file="reconcile.py",
        old="return STALLED_SECONDS if seconds is None or seconds >= TROUBLE_SECONDS else seconds",
        new="return seconds and STALLED_SECONDS or STALLED_SECONDS",
        caught_by=(
            f"{_SETBACKS}::test_a_run_is_looked_at_as_often_as_ever_beside_what_is_refused",
        ),
    ),
    Mutant(
        name="another-objects-child-is-ours",
        breaks="a child that another object controls is ours by its label",
        file="kube/drift.py",
        old='    if controllers:\n        return bool(controllers[0].get("uid") == owner_uid)\n',
        new="    del controllers, owner_uid\n",
        caught_by=(
            f"{_OBSERVE}::test_what_another_object_controls_is_not_a_child",
            f"{_DRIFT}::test_an_object_is_ours_by_the_uid_of_its_controller",
        ),
    ),
    Mutant(
        name="children-of-others-observed",
        breaks="whatever carries our label is observed as a child, and then deleted",
        file="observe_children.py",
        old=" for item in found if belongs_to(item, metadata.name, metadata.uid))\n",
        new=" for item in found)\n",
        caught_by=(f"{_OBSERVE}::test_what_another_object_controls_is_not_a_child",),
    ),
    Mutant(
        name="delete-without-uid",
        breaks="a delete hits an object made anew under the same name",
        file="kube/client.py",
        old='preconditions = {"uid": metadata["uid"]}',
        new="preconditions: dict[str, str] = {}",
        caught_by=(
            f"{_RECONCILE}::test_what_has_the_name_of_a_leftover_by_now_is_not_deleted",
            f"{_CLIENT}::test_a_delete_means_this_very_object",
        ),
    ),
    Mutant(
        name="update-without-uid",
        breaks="an update hits somebody else's object that took the name meanwhile",
        file="execute.py",
        old='if _says_who_is_asked(desired) else ("uid",)',
        new="if _says_who_is_asked(desired) else ()",
        caught_by=(f"{_EXECUTE}::test_a_repair_means_the_very_object_that_was_read",),
    ),
    Mutant(
        name="update-without-version",
        breaks="a leader that stood still writes what gateways were told before another one led",
        file="execute.py",
        old='known = ("uid", "resourceVersion") if',
        new='known = ("uid",) if',
        caught_by=(
            f"{_STALE}::test_an_old_document_is_never_written_over_a_newer_one",
            f"{_STALE}::test_a_service_does_not_lead_back_to_who_was_let_go",
        ),
    ),
    Mutant(
        name="a-create-that-came-late-overwrites",
        breaks="a leader that stood still meets by its name what another one has made, and writes over it",
        file="execute.py",
        old="            await _expect_unchanged(kube, deployment)\n",
        new="            pass\n",
        caught_by=(f"{_STALE}::test_a_create_that_came_late_overwrites_nothing",),
    ),
    Mutant(
        name="a-delete-that-came-late",
        breaks="a leader that stood still deletes a route that another one has written meanwhile",
        file="execute.py",
        old="        await kube.delete(resource, unwanted, unchanged=True)\n        return 1\n",
        new="        await kube.delete(resource, unwanted)\n        return 1\n",
        caught_by=(f"{_STALE}::test_a_route_that_another_leader_wrote_is_not_deleted",),
    ),
    Mutant(
        name="conflicts-are-silent",
        breaks="a decision whose pass met a conflict is told to nobody",
        file="reconcile.py",
        old="    except Conflict:\n        # The next one",
        new="    except OSError:\n        # The next one",
        caught_by=(f"{_STALE}::test_a_decision_is_told_though_its_pass_ends_in_a_conflict",),
    ),
    Mutant(
        name="dropped-field-stays",
        breaks="a field that is not wanted any more stays, owned by the create",
        file="kube/drift.py",
        old="if _applied_fields(manifest) == _applied_fields(desired):",
        new="if _applied_fields(desired):",
        caught_by=(f"{_DRIFT}::test_fields_are_turned_only_before_one_may_be_dropped",),
    ),
    Mutant(
        name="additions-stay",
        breaks="a container that somebody adds to a revision's pods stays",
        file="kube/drift.py",
        old=" or bool(additions.removal(observed, desired))",
        new="",
        caught_by=(f"{_EXECUTE}::test_what_somebody_added_to_pods_is_taken_away",),
    ),
    Mutant(
        name="fights-for-ever",
        breaks="pods restart without end over what a controller adds to them",
        file="kube/additions.py",
        old="return [one for one in found if counts.get(one.name, 0) < TIMES]",
        new="return [one for one in found if counts.get(one.name, 0) < 10**9]",
        caught_by=(
            f"{_EXECUTE}::test_pods_do_not_restart_for_ever_over_what_a_controller_adds",
            f"{_EXECUTE}::test_what_a_webhook_adds_anew_each_time_is_left_and_nothing_is_written_for_it",
        ),
    ),
    Mutant(
        name="volume-taken-from-under-a-mount",
        breaks="a volume is taken away while something still mounts it, which the server refuses for ever",
        file="kube/additions.py",
        old='if volume["name"] not in mounted]',
        new="if volume]",
        caught_by=(
            "tests/unit/kube/test_additions.py::test_a_volume_stays_while_a_mount_of_ours_was_moved_to_it",
        ),
    ),
    Mutant(
        name="drift-never-seen",
        breaks="a child that somebody edited stays as it was edited",
        file="kube/drift.py",
        old="return not _covers(observed, desired) or",
        new="return False or",
        caught_by=(
            f"{_DRIFT}::test_what_somebody_changed_is_drift",
            f"{_RECONCILE}::test_a_hand_edited_child_is_repaired",
        ),
    ),
    Mutant(
        name="drift-always-seen",
        breaks="every pass writes every child",
        file="kube/drift.py",
        old="return not _covers(observed, desired)",
        new="return True",
        caught_by=(
            f"{_DRIFT}::test_what_the_server_makes_of_it_is_no_drift",
            f"{_RECONCILE}::test_a_settled_object_costs_reads_only",
        ),
    ),
    Mutant(
        name="selector-keys-may-be-added",
        breaks="a key that somebody added to a selector stays, and users lose their pods",
        file="kube/drift.py",
        old='frozenset({"selector", "labelSelector", "nodeSelector", ',
        new="frozenset({",
        caught_by=(f"{_DRIFT}::test_what_somebody_changed_is_drift",),
    ),
    Mutant(
        name="empty-maps-are-missed",
        breaks="every pass applies a selector with an empty map, which the server does not keep",
        file="kube/drift.py",
        old="        return bool(_stored(found) == _stored(value))\n",
        new="        return bool(found == value)\n",
        caught_by=(f"{_DRIFT}::test_what_a_selector_has_that_is_empty_is_left_out_by_the_server",),
    ),
    Mutant(
        name="fields-of-the-create-stay",
        breaks="a field that is not wanted any more stays in children for ever",
        file="kube/drift.py",
        old="    if not created:\n",
        new="    if created is not None:\n",
        caught_by=(
            f"{_RECONCILE}::test_a_field_that_is_no_longer_wanted_leaves_the_child",
            f"{_DRIFT}::test_fields_of_our_create_become_fields_of_our_apply",
        ),
    ),
    Mutant(
        name="conflict-is-a-failure",
        breaks="a 409 is an error like any other, not a reason to read again",
        file="kube/errors.py",
        old='kind = AlreadyExistsError if reason == "AlreadyExists" else VersionConflictError',
        new='kind = AlreadyExistsError if reason == "AlreadyExists" else ApiError',
        caught_by=(f"{_CLIENT}::test_an_answer_that_is_not_success_is_an_error_of_its_kind",),
    ),
    Mutant(
        name="refused-event-fails-the-pass",
        breaks="a pass fails because an event could not be written",
        file="reconcile.py",
        old="    with contextlib.suppress(ApiError):\n        try:\n            await kube.create(resources.EVENT",
        new="    with contextlib.nullcontext():\n        try:\n            await kube.create(resources.EVENT",
        caught_by=(f"{_EXECUTE}::test_an_event_that_is_not_taken_fails_no_pass",),
    ),
    Mutant(
        name="told-before-it-is-done",
        breaks="a rollback waits for a store of events that does not answer",
        file="reconcile.py",
        old="    writes = await _write_status(kube, deployment.metadata, plan.status, stored=stored)\n",
        new=(
            "    writes = await _write_status(kube, deployment.metadata, plan.status, stored=stored)\n"
            "    await _tell(kube, deployment.metadata, plan.status, stored=stored, now=now)\n"
        ),
        caught_by=(f"{_TELLING}::test_what_is_decided_is_done_before_it_is_told",),
    ),
    Mutant(
        name="webhooks-of-others-end-the-pass",
        breaks="an admission webhook that does not answer keeps all else from being made, without a word in status",
        file="kube/errors.py",
        old='    "failed calling webhook",\n',
        new="",
        caught_by=(
            f"{_TELLING}::test_a_webhook_that_does_not_answer_is_told_and_keeps_nothing_else_from_being_made",
        ),
    ),
)

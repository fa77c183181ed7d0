"""Mutants of what is told: conditions, causes, events."""

from tests.mutants.patch import Mutant

_STATUS = "tests/unit/build/test_status.py"
_CONDITIONS = "tests/unit/api/test_conditions.py"
_DIAGNOSIS = "tests/unit/test_diagnosis.py"
_LOGS = "tests/unit/test_log_lines.py"
_SYMPTOMS = "tests/unit/test_symptoms.py"
_PLAN = "tests/unit/test_plan.py"
_REPORT = "tests/unit/test_report.py"
_RESOLVE = "tests/unit/test_resolve.py"
_RECONCILE = "tests/unit/test_reconcile.py"

_ROLLOUT = "tests/unit/build/test_rollout_conditions.py"
_AFFINITY = "tests/unit/api/test_affinity.py"

TELLING = (
    Mutant(
        name="held-for-ever-in-metrics",
        breaks="an alert goes on for a run that is held no more",
        file="object_metrics.py",
        old="            self._gauge.remove(namespace, name, *labels)\n",
        new="            self._gauge.labels(namespace, name, *labels)\n",
        caught_by=("tests/unit/test_metrics.py::test_an_object_is_in_one_phase_at_a_time",),
    ),
    Mutant(
        name="rollbacks-counted-by-passes",
        breaks="a run that was rolled back is counted with each pass over it",
        file="metrics.py",
        old="(last.name != run.name or not last.is_over)",
        new="last.name",
        caught_by=("tests/unit/test_metrics.py::test_a_run_that_ends_is_counted_once",),
    ),
    Mutant(
        name="alarm-told-for-ever",
        breaks="an alarm is told of a run that is decided",
        file="object_metrics.py",
        old='    if rollout.get("phase") not in JUDGED:\n',
        new="    if not rollout:\n",
        caught_by=(
            "tests/unit/test_object_metrics.py::test_an_alarm_is_told_while_it_can_still_go_off",
        ),
    ),
    Mutant(
        name="event-for-each-time",
        breaks="what happens again and again is told by ever more events",
        file="report.py",
        old='    content = f"{metadata.uid}/{kind}/{reason}/{message}"\n',
        new='    content = f"{metadata.uid}/{kind}/{reason}/{message}/{stamp}"\n',
        caught_by=(
            "tests/unit/test_events.py::test_an_object_that_comes_and_goes_is_told_by_events_that_are_counted",
        ),
    ),
    Mutant(
        name="unreadable-monitors-are-made",
        breaks="PodMonitors are applied by an operator that may not even read them",
        file="observe_monitors.py",
        old="    except RefusedError:\n        return observed\n",
        new="    except RefusedError:\n        return replace(observed, monitoring=monitoring)\n",
        caught_by=(
            "tests/unit/test_observe_monitors.py::test_where_they_cannot_be_read_none_is_made",
        ),
    ),
    Mutant(
        name="way-back-without-pods",
        breaks="a revision that has lost pods is said to be one change of weights away",
        file="build/rollout_conditions.py",
        old="    if ready < wanted:\n",
        new="    if wanted < 0:\n",
        caught_by=(f"{_ROLLOUT}::test_the_way_back_is_not_short_when_pods_of_it_are_lost",),
    ),
    Mutant(
        name="blind-and-healthy",
        breaks="a run that is held for want of figures is said to have them",
        file="build/rollout_conditions.py",
        old="    if reason in BLIND:\n",
        new="    if not reason:\n",
        caught_by=(f"{_ROLLOUT}::test_a_run_that_is_held_for_want_of_figures_cannot_be_judged",),
    ),
    Mutant(
        name="fields-of-no-warm-up",
        breaks="what only a warm-up reads is taken and ignored where none is wanted",
        file="api/rules.py",
        old="!has(self.enabled) || self.enabled || !has(self.{field})",
        new="true || !has(self.{field})",
        caught_by=("tests/unit/api/test_rules.py::test_what_cannot_be_served_is_refused_in_words",),
    ),
    Mutant(
        name="owned-flags-cut-short",
        breaks="a flag that the operator owns is taken where it is cut short, as vLLM's parser takes it",
        file="api/rules.py",
        old="begins_one = f\"{text}.contains(' ' + {_FLAG_NAME})\"\n",
        new="begins_one = f\"{text}.contains(' ' + {_FLAG_NAME} + ' ')\"\n",
        caught_by=(
            "tests/unit/api/test_engine_args.py::test_the_beginning_of_an_owned_flag_is_refused",
        ),
    ),
    Mutant(
        name="any-affinity",
        breaks="a field of pod.affinity that Kubernetes does not know is taken and ignored",
        file="api/pod.py",
        old="affinity: Affinity | None",
        new="affinity: dict[str, str] | None",
        caught_by=(f"{_AFFINITY}::test_the_definition_has_it_wherever_pods_are_described",),
    ),
    Mutant(
        name="experts-apart-whatever-is-asked",
        breaks="the operator's flag overrides the user's, which is taken and ignored",
        file="engines/vllm.py",
        old='if has_experts and not any(flag.endswith("-expert-parallel") for flag in _given(request)):',
        new="if has_experts:",
        caught_by=(
            "tests/unit/engines/test_vllm.py::test_experts_are_kept_together_for_who_asks_for_it",
        ),
    ),
    Mutant(
        name="ready-without-ready-pods",
        breaks="Ready stays True when the last pod of the serving revision is gone",
        file="build/status.py",
        old="    if ready and not given.roles.shut:\n",
        new="    if given.roles.serving is not None:\n",
        caught_by=(_STATUS,),
    ),
    Mutant(
        name="ready-is-what-was-wanted",
        breaks="status claims as many ready replicas as are wanted",
        file="build/status.py",
        old='        "readyReplicas": ready_replicas(given.observed.engine_set(key)),\n',
        new='        "readyReplicas": given.roles.replicas.get(key, 0),\n',
        caught_by=(f"{_PLAN}::test_pods_that_leave_an_unreadable_revision_are_not_claimed_ready",),
    ),
    Mutant(
        name="rolled-out-too-soon",
        breaks="RolledOut is True though replicas are missing",
        file="build/status.py",
        old="        and is_at_strength(given.observed.engine_set(key), wanted)\n",
        new="",
        caught_by=(_STATUS,),
    ),
    Mutant(
        name="transition-at-each-pass",
        breaks="the transition time of a condition changes at every pass",
        file="api/conditions.py",
        old='    if before is not None and before.get("status") == condition.status:\n',
        new='    if before is not None and before.get("status") is None:\n',
        caught_by=(
            f"{_CONDITIONS}::test_a_new_reason_alone_is_no_transition",
            f"{_PLAN}::test_a_served_object_needs_nothing",
        ),
    ),
    Mutant(
        name="event-at-each-message",
        breaks="an event is written whenever the message of a condition changes",
        file="report.py",
        old='for field in ("status", "reason")',
        new='for field in ("status", "reason", "message")',
        caught_by=(f"{_REPORT}::test_a_new_message_alone_is_not_told",),
    ),
    Mutant(
        name="ended-well-for-ever",
        breaks="an engine that ends with code 0 again and again is never named as the cause",
        file="pod_states.py",
        old='if end and (end.get("exitCode") != 0 or _runs_for_ever(pod, container)):',
        new='if end and end.get("exitCode") != 0:',
        caught_by=(f"{_SYMPTOMS}::test_the_cause_is_named_where_statuses_hide_it",),
    ),
    Mutant(
        name="done-and-blamed",
        breaks="a container that comes before the engine and is done is called a failure",
        file="pod_states.py",
        old='    return not is_first and spec.get("restartPolicy", "Always") == "Always"\n',
        new='    return spec.get("restartPolicy", "Always") == "Always"\n',
        caught_by=(f"{_SYMPTOMS}::test_nothing_is_said_of_what_goes_its_way",),
    ),
    Mutant(
        name="evicted-in-front",
        breaks="a pod that was evicted hides the one in its place",
        file="observed.py",
        old="    return (*(pod for pod in there if not is_over(pod)), *over)\n",
        new="    return (*over, *(pod for pod in there if not is_over(pod)))\n",
        caught_by=(
            "tests/unit/test_observe_pods.py::test_a_pod_that_is_over_gives_way_to_the_one_in_its_place",
        ),
    ),
    Mutant(
        name="evicted-without-a-word",
        breaks="nothing says that a node evicted a pod or turned it away",
        file="diagnosis.py",
        old="CHECKS_OF_THE_LAST: tuple[Check, ...] = (pod_failed, out_of_memory, engine_failed)\n",
        new="CHECKS_OF_THE_LAST: tuple[Check, ...] = (out_of_memory, engine_failed)\n",
        caught_by=(f"{_SYMPTOMS}::test_the_cause_is_named_where_statuses_hide_it",),
    ),
    Mutant(
        name="any-probe-is-to-blame",
        breaks="a container that was killed is said to be so by a probe that failed an hour before",
        file="complaints.py",
        old="    return began[:_SECONDS] <= at[:_SECONDS] <= ended[:_SECONDS]\n",
        new="    return bool(began or at or ended)\n",
        caught_by=(f"{_SYMPTOMS}::test_the_cause_is_named_where_statuses_hide_it",),
    ),
    Mutant(
        name="the-gate-is-the-nodes-fault",
        breaks="a node is said to be away while a pod waits for its readiness gate",
        file="pod_states.py",
        old='    is_taken_back = ready.get("status") == "False" and not ready.get("reason")\n',
        new='    is_taken_back = ready.get("status") == "False"\n',
        caught_by=(f"{_SYMPTOMS}::test_nothing_is_said_of_what_goes_its_way",),
    ),
    Mutant(
        name="a-trouble-of-long-ago",
        breaks="a volume that came late is told of while the image is pulled",
        file="complaints.py",
        old="if item.reason in VOLUME | SETUP | _GOES_ON]",
        new="if item.reason in VOLUME | SETUP]",
        caught_by=(f"{_SYMPTOMS}::test_the_cause_is_named_where_statuses_hide_it",),
    ),
    Mutant(
        name="the-log-of-another-pod",
        breaks="the log that is read is not that of the pod that is told of",
        file="observe_pods.py",
        old="    there = sorted(in_order(pods),",
        new="    there = sorted(pods,",
        caught_by=(
            "tests/unit/test_observe_pods.py::test_logs_and_events_are_read_of_the_pod_that_is_told_of",
        ),
    ),
    Mutant(
        name="refused-without-a-word",
        breaks="nothing says that a quota refuses the pods of a group, or of a Job",
        file="diagnosis.py",
        old="        if item.reason == complaints.REFUSED\n",
        new="        if not item.reason\n",
        caught_by=(
            "tests/unit/test_missing_pods.py::test_groups_whose_pods_are_refused_say_so_by_an_event",
        ),
    ),
    Mutant(
        name="restarts-are-counted-aloud",
        breaks="each restart of a crashing engine changes status and writes an event",
        file="diagnosis.py",
        old='return ", restarting" if count else ""',
        new='return f", {count} restarts" if count else ""',
        caught_by=(f"{_DIAGNOSIS}::test_a_growing_count_of_restarts_does_not_change_the_message",),
    ),
    Mutant(
        name="secrets-are-told",
        breaks="a token in an engine's log is repeated in the object's status",
        file="log_lines.py",
        old="[A-Za-z0-9_.-]{8,}",
        new="[A-Za-z0-9_.-]{800,}",
        caught_by=(f"{_LOGS}::test_a_secret_in_a_log_is_not_repeated",),
    ),
    Mutant(
        name="echo-told-as-cause",
        breaks="the cause of a failed engine is the echo at the end of its log",
        file="log_lines.py",
        old="if not _ECHO.search(line)]",
        new="]",
        caught_by=(f"{_LOGS}::test_the_telling_line_is_the_last_exception_or_error",),
    ),
    Mutant(
        name="nearest-names-missing",
        breaks="a misspelt model is refused without the names that were perhaps meant",
        file="resolve.py",
        old='            f"use a name of the catalog (nearest: {nearest}){may_be_refused(catalog)}",\n',
        new='            f"use a name of the catalog{may_be_refused(catalog)}",\n',
        caught_by=(f"{_RESOLVE}::test_an_unknown_model_without_source_stalls_with_three_names",),
    ),
    Mutant(
        name="stall-flaps",
        breaks="an object whose child's name is taken says for a moment that nothing stalls it",
        file="reconcile.py",
        old="        if last is not None:\n",
        new="        if not stored:\n",
        caught_by=(
            f"{_RECONCILE}::test_a_pass_that_records_who_serves_does_not_say_that_nothing_stalls",
        ),
    ),
)

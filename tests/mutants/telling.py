"""Mutants of what is told: conditions, causes, events."""

from tests.mutants.patch import Mutant

_STATUS = "tests/unit/build/test_status.py"
_CONDITIONS = "tests/unit/api/test_conditions.py"
_DIAGNOSIS = "tests/unit/test_diagnosis.py"
_PLAN = "tests/unit/test_plan.py"
_REPORT = "tests/unit/test_report.py"
_RESOLVE = "tests/unit/test_resolve.py"
_RECONCILE = "tests/unit/test_reconcile.py"

TELLING = (
    Mutant(
        name="ready-without-ready-pods",
        breaks="Ready stays True when the last pod of the serving revision is gone",
        file="build/status.py",
        old="    if ready:\n",
        new="    if given.roles.serving is not None:\n",
        caught_by=(_STATUS,),
    ),
    Mutant(
        name="ready-is-what-was-wanted",
        breaks="status claims as many ready replicas as are wanted",
        file="build/status.py",
        old='        "readyReplicas": ready_replicas(given.observed.deployment(key)),\n',
        new='        "readyReplicas": given.roles.replicas.get(key, 0),\n',
        caught_by=(f"{_PLAN}::test_pods_that_leave_an_unreadable_revision_are_not_claimed_ready",),
    ),
    Mutant(
        name="rolled-out-too-soon",
        breaks="RolledOut is True though replicas are missing",
        file="build/status.py",
        old="        and is_at_strength(given.observed.deployment(key), wanted)\n",
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
        file="diagnosis.py",
        old="[A-Za-z0-9_.-]{8,}",
        new="[A-Za-z0-9_.-]{800,}",
        caught_by=(f"{_DIAGNOSIS}::test_a_secret_in_a_log_is_not_repeated",),
    ),
    Mutant(
        name="echo-told-as-cause",
        breaks="the cause of a failed engine is the echo at the end of its log",
        file="diagnosis.py",
        old="if not _ECHO.search(line)]",
        new="]",
        caught_by=(f"{_DIAGNOSIS}::test_the_telling_line_is_the_last_exception_or_error",),
    ),
    Mutant(
        name="nearest-names-missing",
        breaks="a misspelt model is refused without the names that were perhaps meant",
        file="resolve.py",
        old='            f"use a name of the catalog (nearest: {nearest})",\n',
        new='            "use a name of the catalog",\n',
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

"""Mutants of warming up: who may open a pod for users, for which process, and on whose word."""

from tests.mutants.patch import Mutant

_WARMING = "tests/unit/test_warming.py"
_PLAN = "tests/unit/test_plan_warmup.py"
_STATUS = "tests/unit/build/test_status.py"
_OBSERVE = "tests/unit/test_observe.py"
_EXECUTE = "tests/unit/test_execute_warmup.py"
_BUILD = "tests/unit/build/test_warmup.py"
_TEMPLATE = "tests/unit/build/test_template.py"
_REVISIONS = "tests/unit/rollout/test_revisions.py"
_AGREEMENT = "tests/unit/rollout/test_agreement.py"
_REPORT = "tests/unit/test_report.py"
_KILLED = "tests/unit/test_killed.py"

WARMING = (
    Mutant(
        name="asked-for-at-each-pass",
        breaks="while a warm-up's pod is awaited each pass asks for its Job again",
        file="warming.py",
        old="        jobs = (made,) if present is None else ()\n",
        new="        jobs = (made,)\n",
        caught_by=(
            f"{_KILLED}::test_killed_before_any_call_it_ends_the_same_and_does_nothing_twice",
        ),
    ),
    Mutant(
        name="opened-without-a-result",
        breaks="a pod opens though its warm-up failed and left no word of success",
        file="warming.py",
        old='    if end.get("exitCode") != 0 or not result.get("opened"):\n',
        new="    if end is None:\n",
        caught_by=(
            f"{_WARMING}::test_a_run_that_left_no_result_has_failed",
            f"{_PLAN}::test_nothing_opens_without_a_result",
        ),
    ),
    Mutant(
        name="exit-code-alone-opens",
        breaks="a pod opens on exit code 0 though the run says that it has not opened",
        file="warming.py",
        old='    if end.get("exitCode") != 0 or not result.get("opened"):\n',
        new='    if end.get("exitCode") != 0:\n',
        caught_by=(
            f"{_WARMING}::test_nothing_opens_unless_the_run_says_that_it_has_opened",
            f"{_PLAN}::test_nothing_opens_without_a_result",
        ),
    ),
    Mutant(
        name="open-for-any-process",
        breaks="a container that was restarted serves cold behind the gate of the one before",
        file="warming.py",
        old='    return gate.get("status") == "True" and opened_for == process\n',
        new='    return gate.get("status") == "True" and bool(opened_for or process)\n',
        caught_by=(
            f"{_WARMING}::test_a_pod_that_is_open_for_another_process_is_shut_and_warmed_up_anew",
        ),
    ),
    Mutant(
        name="warmed-up-again-though-open",
        breaks="each pass warms up pods that are open",
        file="warming.py",
        old='    return gate.get("status") == "True" and opened_for == process\n',
        new='    return gate.get("status") == "True" and opened_for == process == ""\n',
        caught_by=(f"{_WARMING}::test_a_pod_that_is_open_for_its_process_needs_nothing",),
    ),
    Mutant(
        name="left-open-while-gone",
        breaks="a pod whose engine has ended stays open for its next process",
        file="warming.py",
        old='        shut = _shut(scene, pod) if _gate(pod).get("status") == "True" else ()\n'
        "        return Warming((WarmUp(name, Phase.COLD),), gates=shut)\n",
        new="        return Warming((WarmUp(name, Phase.COLD),))\n",
        caught_by=(f"{_WARMING}::test_a_gate_that_is_open_is_shut_once_its_engine_is_gone",),
    ),
    Mutant(
        name="asked-before-it-started",
        breaks="a warm-up begins while its engine still loads, and fails",
        file="warming.py",
        old='container.get("started") and running:',
        new="running:",
        caught_by=(
            f"{_WARMING}::test_an_engine_that_cannot_be_asked_yet_is_cold_and_gets_no_job",
            f"{_OBSERVE}::test_runs_are_read_only_while_a_started_engine_is_shut",
        ),
    ),
    Mutant(
        name="dispute-ignored",
        breaks="a pod that answers otherwise than the first is opened",
        file="warming.py",
        old="    if dispute is not None:\n",
        new="    if dispute is not None and scene.reference is None:\n",
        caught_by=(
            f"{_WARMING}::test_a_pod_that_answers_otherwise_stays_shut_and_what_serves_is_not_touched",
            f"{_PLAN}::test_a_later_pod_that_answers_otherwise_stays_shut",
        ),
    ),
    Mutant(
        name="reference-forgotten",
        breaks="what the first pod answered is dropped by the next pass",
        file="warming.py",
        old="    return None if found is None else str(found)\n",
        new="    return None\n",
        caught_by=(
            f"{_WARMING}::test_what_a_revision_keeps_it_goes_on_keeping",
            f"{_PLAN}::test_what_a_revision_keeps_outlives_every_pass_that_reads_no_pods",
        ),
    ),
    Mutant(
        name="reference-not-kept",
        breaks="no revision holds its first pod's answer, and none is ever compared",
        file="build/children.py",
        old="    if reference is not None:\n",
        new="    if reference is not None and number < 0:\n",
        caught_by=(f"{_PLAN}::test_what_the_first_pod_answers_is_kept_by_its_revision",),
    ),
    Mutant(
        name="two-of-one-pass-not-compared",
        breaks="pods that end in the same pass are not compared with each other",
        file="warming.py",
        old="            scene = _Scene(deployment, shape, observed, found.reference, now)\n",
        new="            scene = _Scene(deployment, shape, observed, reference, now)\n",
        caught_by=(
            f"{_WARMING}::test_of_two_pods_that_end_in_one_pass_the_second_is_compared_with_the_first",
        ),
    ),
    Mutant(
        name="rounding-is-a-dispute",
        breaks="pods that only round differently keep each other from users",
        file="rollout/agreement.py",
        old="max(FLOOR, _SPREADS * max(",
        new="min(FLOOR, _SPREADS * max(",
        caught_by=(
            f"{_AGREEMENT}::test_what_agrees_or_cannot_be_compared_is_no_dispute",
            f"{_AGREEMENT}::test_what_runs_on_one_pod_differ_by_is_forgiven_four_times",
        ),
    ),
    Mutant(
        name="job-of-any-process",
        breaks="a restarted container is opened by the warm-up of the one before",
        file="build/warmup.py",
        old="    identity = f\"{pod['metadata']['uid']}/{container_id}\"\n",
        new="    identity = f\"{pod['metadata']['uid']}/{container_id and ''}\"\n",
        caught_by=(
            f"{_BUILD}::test_a_job_is_named_by_pod_and_process",
            f"{_WARMING}::test_a_run_of_another_process_says_nothing_of_this_one",
        ),
    ),
    Mutant(
        name="warmed-up-without-pause",
        breaks="a warm-up that fails is begun again and again without a pause",
        file="warming.py",
        old="    due = at + RETRY <= scene.now\n",
        new="    due = at <= scene.now\n",
        caught_by=(
            f"{_WARMING}::test_a_failed_job_is_kept_for_a_while_and_then_made_anew",
            f"{_PLAN}::test_a_failed_warm_up_is_deleted_for_another_once_it_has_been_told_for_a_while",
        ),
    ),
    Mutant(
        name="failed-warm-up-stays",
        breaks="a warm-up that failed is never tried again, and its pod is shut for ever",
        file="warming.py",
        old="        delete=(job,) if due and job is not None else (),\n",
        new="        delete=(job,) if due and job is None else (),\n",
        caught_by=(
            f"{_WARMING}::test_a_failed_job_is_kept_for_a_while_and_then_made_anew",
            f"{_WARMING}::test_a_pod_that_answers_otherwise_is_asked_again_after_a_while",
        ),
    ),
    Mutant(
        name="run-looks-like-an-engine",
        breaks="the pods of a warm-up's Job count as engine pods, and Services may select them",
        file="build/warmup.py",
        old="                        names.WARMUP_LABEL: deployment.metadata.name,\n",
        new="                        names.WARMUP_LABEL: deployment.metadata.name,\n"
        "                        **object_labels(deployment),\n",
        caught_by=(f"{_BUILD}::test_a_warm_up_run_is_no_engine_pod",),
    ),
    Mutant(
        name="engines-own-limits-not-read",
        breaks="a warm-up goes by what is usual and not by the limits of its engine",
        file="build/warmup.py",
        old="        **choice.warmup_limits(engine, on_gpu=on_gpu, options=_options(shape)),\n",
        new='        **choice.warmup_limits({**engine, "args": engine["args"][-6:]}, on_gpu=on_gpu),\n',
        caught_by=(f"{_BUILD}::test_an_engines_limits_are_those_it_was_started_with",),
    ),
    Mutant(
        name="gate-of-any-pod",
        breaks="a pod that has the name by now is opened in the place of the one that was warmed up",
        file="build/warmup.py",
        old='for name in ("name", "namespace", "uid")},',
        new='for name in ("name", "namespace")},',
        caught_by=(
            f"{_BUILD}::test_a_gate_is_our_one_condition_of_the_very_pod",
            f"{_EXECUTE}::test_a_pod_that_is_another_by_now_is_not_opened",
        ),
    ),
    Mutant(
        name="gate-outside-the-status",
        breaks="a gate is written to the pod itself, where the server drops it",
        file="execute.py",
        old='            await kube.apply(resources.POD, gate, sub="status")\n',
        new="            await kube.apply(resources.POD, gate)\n",
        caught_by=(f"{_EXECUTE}::test_a_gate_is_written_to_the_status_of_its_pod",),
    ),
    Mutant(
        name="begun-job-counts-as-a-write",
        breaks="passes never come to rest beside a Job that is there already",
        file="execute.py",
        old="        await kube.create(resources.JOB, job)\n    except AlreadyExistsError:\n"
        "        return 0\n",
        new="        await kube.create(resources.JOB, job)\n    except AlreadyExistsError:\n"
        "        return 1\n",
        caught_by=(
            f"{_EXECUTE}::test_a_warm_up_begins_once",
            f"{_EXECUTE}::test_a_job_that_is_there_already_is_left_as_it_is",
        ),
    ),
    Mutant(
        name="second-lock-left-out",
        breaks="pods have no readiness gate: users reach whatever answers its probe",
        file="build/template.py",
        old='            **({"readinessGates": [{"conditionType": names.WARM_GATE}]} '
        "if request.warmed else {}),\n",
        new="",
        caught_by=(f"{_TEMPLATE}::test_a_pod_is_shut_by_two_locks_until_it_has_been_warmed_up",),
    ),
    Mutant(
        name="first-lock-left-out",
        breaks="a restarted engine serves cold while there is no operator to shut its gate",
        file="engines/probes.py",
        old='["--require-warm", f"--state={WARM_STATE_PATH}"] if request.warmed else []',
        new='[f"--state={WARM_STATE_PATH}"] if request.warmed else []',
        caught_by=(f"{_TEMPLATE}::test_a_pod_is_shut_by_two_locks_until_it_has_been_warmed_up",),
    ),
    Mutant(
        name="key-ignores-the-locks",
        breaks="turning the warm-up off changes nothing, for the pods keep their locks",
        file="rollout/revisions.py",
        old='        chosen["warmup"] = False\n',
        new="        del warmed\n",
        caught_by=(f"{_REVISIONS}::test_pods_without_locks_are_a_revision_of_their_own",),
    ),
    Mutant(
        name="silence-told-for-a-warm-up",
        breaks="a pod that is being warmed up is said to answer nobody",
        file="status_told.py",
        old="    return cold if is_past or found.reason is Reason.NOT_ANSWERING else found\n",
        new="    return cold if is_past else found\n",
        caught_by=(f"{_PLAN}::test_an_engine_that_is_being_warmed_up_is_not_said_to_be_silent",),
    ),
    Mutant(
        name="warm-up-hides-a-crash",
        breaks="an engine that crashes over and over is said to be warming up",
        file="status_told.py",
        old="    is_past = ended and cold.reason is not Reason.WARMING_UP\n",
        new="    is_past = ended and cold is not None\n",
        caught_by=(f"{_PLAN}::test_an_engine_that_crashes_is_said_to_crash",),
    ),
    Mutant(
        name="result-forgotten",
        breaks="what a warm-up told is gone from the status as soon as nobody looks at its Job",
        file="warmth.py",
        old="    return one is not None and (not one.pods or entry",
        new="    return one is not None and (entry",
        caught_by=(f"{_STATUS}::test_what_a_warm_up_told_is_kept_when_nobody_looks_any_more",),
    ),
    Mutant(
        name="lost-result-is-awaited",
        breaks="a pod whose warm-up Job has ended without a pod stays shut until the Job is removed",
        file="warming.py",
        old="        if ended is not None:\n            return ended\n",
        new="        del ended\n",
        caught_by=(f"{_WARMING}::test_a_job_that_ended_and_left_no_run_has_failed",),
    ),
    Mutant(
        name="cold-pod-passed-for-warm",
        breaks="a pod that serves though its warm-up failed is said to be warm",
        file="build/status.py",
        old='if "failure" in entry]\n    if forgiven:\n',
        new='if "failure" in entry]\n    if forgiven and not given.warmth:\n',
        caught_by=(
            f"{_STATUS}::test_a_pod_that_serves_though_its_warm_up_failed_is_named_as_long_as_it_serves",
        ),
    ),
    Mutant(
        name="warm-up-told-at-each-pass",
        breaks="each pass after a warm-up writes another event of it",
        file="report.py",
        old='        if (entry["pod"], entry["at"]) not in old\n',
        new='        if entry["pod"] not in old\n',
        caught_by=(f"{_REPORT}::test_each_pod_that_is_warmed_up_is_told_once",),
    ),
    Mutant(
        name="runs-read-for-ever",
        breaks="runs of warm-ups are listed though every engine is open",
        file="observe.py",
        old="    if not any(map(needs_warmup, pods)):\n",
        new="    if not pods:\n",
        caught_by=(f"{_OBSERVE}::test_runs_are_read_only_while_a_started_engine_is_shut",),
    ),
)

"""Mutants of plans against a cluster, and of what a cluster tells as data."""

from tests.mutants.patch import Mutant

_CLI = "tests/unit/cli"
_AGAINST = f"{_CLI}/test_against.py"
_ADMISSION = f"{_CLI}/test_admission.py"
_CHANGES = f"{_CLI}/test_changes.py"
_MAKING = f"{_CLI}/test_making.py"
_TIMING = f"{_CLI}/test_timing.py"
_OUTPUT = f"{_CLI}/test_output.py"
_NOTES = f"{_CLI}/test_plan_notes.py"
_CATALOG = f"{_CLI}/test_plan_catalog.py"
_AS_MADE = f"{_CLI}/test_plan_as_made.py"

PLANNING: tuple[Mutant, ...] = (
    Mutant(
        name="a-layout-that-no-object-has",
        breaks="a plan says that sizes fit with which no object runs",
        file="cli/answers.py",
        old="        return _unservable(derived.sized) or derived.sized\n",
        new="        return derived.sized\n",
        caught_by=(f"{_AS_MADE}::test_a_layout_that_no_object_can_have_is_refused",),
    ),
    Mutant(
        name="a-minute-is-not-sixty-seconds",
        breaks="a plan tells of changes that change nothing",
        file="cli/changes.py",
        old="        if _plain(field, old.get(field)) != _plain(field, new.get(field))\n",
        new="        if old.get(field) != new.get(field)\n",
        caught_by=(f"{_CHANGES}::test_what_means_the_same_is_no_change",),
    ),
    Mutant(
        name="what-is-left-out-is-nothing",
        breaks="a field that is set to the operator's own default is told as a change",
        file="cli/changes.py",
        old='    return {**_DEFAULTS, "servedName": name, **dict(_leaves(dumped, ""))}\n',
        new='    return {"servedName": name, **dict(_leaves(dumped, ""))}\n',
        caught_by=(f"{_CHANGES}::test_what_means_the_same_is_no_change",),
    ),
    Mutant(
        name="a-diff-tells-secrets",
        breaks="a plan prints the value of a variable, which may be a token",
        file="cli/changes.py",
        old="    return HIDDEN if value is not None and _SECRET.search(field) else value\n",
        new="    return value if field else HIDDEN\n",
        caught_by=(f"{_CHANGES}::test_values_of_variables_are_not_shown",),
    ),
    Mutant(
        name="a-certificate-without-new-gateways",
        breaks="a plan says that gateways take up what their pods are replaced for",
        file="cli/changes.py",
        old='    ("gateway.tls", _REPLACED),\n',
        new="",
        caught_by=(f"{_CHANGES}::test_what_is_said_of_a_change_is_what_the_operator_writes",),
    ),
    Mutant(
        name="a-plan-that-writes",
        breaks="a plan makes or changes the object",
        file="kube/client.py",
        old='_DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}\n',
        new='_DRY_RUN = {"fieldValidation": "Strict"}\n',
        caught_by=(
            f"{_ADMISSION}::test_a_new_object_is_made_by_the_server_for_show",
            f"{_ADMISSION}::test_an_object_that_is_there_is_patched_for_show",
        ),
    ),
    Mutant(
        name="a-refusal-fits",
        breaks="a plan of what the API server refuses ends with 0",
        file="cli/offline.py",
        old="        if self.admission is not None and self.admission.refused:\n",
        new="        if self.admission is not None and self.admission.not_asked:\n",
        caught_by=(f"{_ADMISSION}::test_what_the_server_refuses_is_refused_in_its_words",),
    ),
    Mutant(
        name="what-the-operator-will-not-do-fits",
        breaks="a plan of what the operator would not serve ends with 0",
        file="cli/offline.py",
        old="        if self.making is not None and self.making.stalled:\n",
        new="        if self.making is not None and self.making.stalled and not self.blocks:\n",
        caught_by=(f"{_AGAINST}::test_what_is_not_known_and_what_cannot_be_is_told_on_a_screen",),
    ),
    Mutant(
        name="no-permission-is-a-refusal",
        breaks="whoever may not patch is told that the object is refused",
        file="cli/admission.py",
        old="    if error.code == 403 and _NO_PERMISSION.search(error.message):\n",
        new='    if error.code == 403 and "nobody" in error.message:\n',
        caught_by=(f"{_ADMISSION}::test_a_server_that_was_not_asked_refuses_nothing",),
    ),
    Mutant(
        name="children-of-the-next-pass",
        breaks="a plan tells of the objects of one pass as if they were all",
        file="cli/making.py",
        old="    if not stalled and shape is not None:\n",
        new="    if stalled and shape is not None:\n",
        caught_by=(f"{_MAKING}::test_what_is_told_is_what_there_is_in_the_end",),
    ),
    Mutant(
        name="children-of-leaders-alone",
        breaks="a group is told to have the accelerators of its leader",
        file="cli/making.py",
        old="    return leader + (nodes_of(engine_set) - 1) * holders.accelerators_of(worker)\n",
        new="    return leader + 0 * holders.accelerators_of(worker)\n",
        caught_by=(f"{_MAKING}::test_accelerators_are_those_of_all_replicas_and_nodes",),
    ),
    Mutant(
        name="what-another-was-derived-to",
        breaks="derived values are compared with those of a revision that does not serve",
        file="cli/planning.py",
        old='        return told if told.get("revision") == revision else None\n',
        new='        return told if told.get("revision") else None\n',
        caught_by=(f"{_AGAINST}::test_what_was_derived_of_another_revision_is_not_compared",),
    ),
    Mutant(
        name="the-contexts-namespace-wins",
        breaks="a file is compared with an object of another namespace than kubectl would change",
        file="cli/planning.py",
        old="    return named or given.namespace\n",
        new="    return named\n",
        caught_by=(f"{_AGAINST}::test_the_namespace_is_the_one_that_kubectl_would_take",),
    ),
    Mutant(
        name="fetched-again",
        breaks="a plan reckons with a fetch of weights that are there",
        file="cli/timing.py",
        old="    if known.fetched.is_complete:\n",
        new="    if known.fetched.is_complete and not planned:\n",
        caught_by=(f"{_CLI}/test_against_time.py::test_weights_that_are_there_take_no_time",),
    ),
    Mutant(
        name="steps-of-any-rate",
        breaks="a Canary with few requests is told to be as quick as one with many",
        file="rollout/estimate.py",
        old="    return max(least.total_seconds(), needed)\n",
        new="    return max(least.total_seconds(), 0 * needed)\n",
        caught_by=(f"{_TIMING}::test_few_requests_make_its_steps_longer_and_tell_of_its_decision",),
    ),
    Mutant(
        name="no-kind-is-no-object",
        breaks="a cluster without the CRD is told as one without the object",
        file="cli/lookup.py",
        old="    except NotFoundError:\n        raise",
        new="    except NotFoundError:\n        return None\n        raise",
        caught_by=(
            f"{_CLI}/test_main.py::test_a_cluster_that_knows_no_such_objects_is_told_apart",
        ),
    ),
    Mutant(
        name="the-operators-record-is-everybodys",
        breaks="status as data has 64 KiB that nobody but the operator may read anything into",
        file="cli/show.py",
        old='    return {name: value for name, value in entry.items() if name != "record"}\n',
        new="    return {name: value for name, value in entry.items() if name}\n",
        caught_by=(f"{_OUTPUT}::test_status_is_the_objects_own_but_for_what_is_the_operators",),
    ),
    Mutant(
        name="a-watch-repeats-itself",
        breaks="a program that watches is told the same again and again",
        file="cli/live.py",
        old="        if news != shown:\n",
        new="        if news != shown or options.watch:\n",
        caught_by=(f"{_OUTPUT}::test_a_watched_status_is_a_line_of_json_for_each_change",),
    ),
    Mutant(
        name="children-of-the-shipped-catalog",
        breaks="a plan with a catalog of one's own says that the operator would make nothing",
        file="cli/offline.py",
        old="Observed(cluster=peaks.cluster_of(pools), catalog=known),",
        new="Observed(cluster=peaks.cluster_of(pools)),",
        caught_by=(f"{_CATALOG}::test_the_objects_that_are_made_are_of_the_added_entries_too",),
    ),
    Mutant(
        name="a-plan-of-something-else",
        breaks="a plan says that it fits where the operator derives nothing",
        file="cli/answers.py",
        old="    if unknown is not None:\n        raise",
        new="    if unknown is None:\n        raise",
        caught_by=(f"{_NOTES}::test_what_is_not_derived_or_not_taken_is_not_planned",),
    ),
    Mutant(
        name="a-plan-for-the-nodes-that-are-there",
        breaks="a product that is named is planned for these nodes, where the operator takes the largest",
        file="cli/answers.py",
        old="        if serving.accelerator.product is not None:\n",
        new="        if serving.accelerator.product is None:\n",
        caught_by=(f"{_AS_MADE}::test_the_layout_is_that_of_the_children",),
    ),
    Mutant(
        name="a-rate-that-lays-out",
        breaks="a plan with a rate has another layout than the operator makes",
        file="sizing/size.py",
        old="    return _yield(larger) > _WORTH_MORE * _yield(smaller)\n",
        new="    rate = larger.question.workload.requests_per_second\n"
        "    return rate is None and _yield(larger) > _WORTH_MORE * _yield(smaller)\n",
        caught_by=(f"{_AS_MADE}::test_the_layout_is_that_of_the_children",),
    ),
    Mutant(
        name="what-the-server-refuses-is-planned",
        breaks="a plan without a cluster says that an object fits which cannot be applied",
        file="cli/owned.py",
        old="if flag.startswith(begun)), None",
        new="if flag == name), None",
        caught_by=(f"{_CLI}/test_owned.py::test_a_plan_refuses_what_the_rules_refuse",),
    ),
)

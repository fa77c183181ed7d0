"""Mutants of a Replace: who has pods, who is stopped for whom, and who comes back."""

from tests.mutants.patch import Mutant

_REPLACE = "tests/unit/test_replace.py"
_BACK = "tests/unit/test_replace_back.py"
_EXAMINED = "tests/unit/test_quality_in_replaces.py"
_FALLBACK = "tests/unit/test_fallbacks_in_replaces.py"
_NUMBERS = "tests/unit/test_replicas_in_replaces.py"
_HISTORIES = "tests/properties/test_replace.py"
_MACHINE = "rollout/replacing.py"

REPLACING = (
    Mutant(
        name="defaults-that-are-refused",
        breaks="a Replace that examines answers is refused for a default that nobody wrote",
        file="api/strategies.py",
        old="    if path in _DEFAULTS:\n",
        new="    if not path:\n",
        caught_by=(
            "tests/unit/api/test_defaulted.py::test_a_replace_that_examines_answers_is_admitted",
        ),
    ),
    Mutant(
        name="both-have-pods",
        breaks="the new revision's pods start beside the old one's",
        file=_MACHINE,
        old="    candidate = {run.candidate} if run.place in _WITHOUT_CANDIDATE else set()\n",
        new="    candidate: set[str] = set()\n",
        caught_by=(
            f"{_REPLACE}::test_the_old_revision_stops_before_the_new_one_starts",
            _HISTORIES,
        ),
    ),
    Mutant(
        name="stopped-is-the-number",
        breaks="where a load does not tell the number, the pods that a Replace took are what comes back",
        file="replicas.py",
        old="        had = 0 if running is None else replicas_of(running)\n",
        new='        had = 0 if running is None else int(running["spec"]["replicas"])\n',
        caught_by=(
            f"{_NUMBERS}::test_a_revision_that_is_not_sized_comes_back_with_the_pods_that_it_had",
        ),
    ),
    Mutant(
        name="stopped-for-no-pods",
        breaks="the old revision stops for one of which no number of pods is known",
        file="replicas.py",
        old="        shape = shape if had else None\n",
        new="        shape = None if running is None else shape\n",
        caught_by=(f"{_NUMBERS}::test_nothing_stops_for_a_revision_whose_number_is_not_known",),
    ),
    Mutant(
        name="stopped-for-nothing",
        breaks="the old revision is stopped before the new one's weights are there",
        file=_MACHINE,
        old="    if facts.unprepared:\n        return facts.unprepared\n",
        new="",
        caught_by=(f"{_REPLACE}::test_nothing_stops_before_the_weights_are_there",),
    ),
    Mutant(
        name="stopped-under-the-gateway",
        breaks="pods go while gateways may still send them requests",
        file=_MACHINE,
        old="    if facts.acknowledged is None or not is_idle:\n",
        new="    if not is_idle:\n",
        caught_by=(f"{_BACK}::test_a_gateway_that_does_not_leave_the_old_one_ends_it_there",),
    ),
    Mutant(
        name="answers-cut-off",
        breaks="running answers of the old revision are cut",
        file=_MACHINE,
        old="    is_idle = facts.in_flight == 0 or waited > limits.drain\n",
        new="    is_idle = facts.in_flight != -1 or waited > limits.drain\n",
        caught_by=(f"{_REPLACE}::test_running_answers_end_before_their_pods_go",),
    ),
    Mutant(
        name="answers-of-the-other",
        breaks="the old revision's running answers are not looked at before it stops",
        file="replaced.py",
        old="    return run.stable if roles.shut else None\n",
        new="    return run.candidate if roles.shut else None\n",
        caught_by=(f"{_REPLACE}::test_running_answers_end_before_their_pods_go",),
    ),
    Mutant(
        name="accelerators-taken-for-free",
        breaks="new pods start while old ones still end",
        file="replaced.py",
        old=" + len(ending)\n",
        new="\n",
        caught_by=(f"{_REPLACE}::test_pods_that_are_still_ending_hold_accelerators",),
    ),
    Mutant(
        name="gives-up-its-pods-last",
        breaks="a pass that is cut off leaves pods of both revisions",
        file="replaced.py",
        old="        replicas={**dict.fromkeys(first, 0), **roles.replicas, **dict.fromkeys(empty, 0)},\n",
        new="        replicas={**roles.replicas, **dict.fromkeys([*first, *empty], 0)},\n",
        caught_by=(f"{_BACK}::test_a_pass_that_is_cut_off_never_leaves_both_with_pods",),
    ),
    Mutant(
        name="replicas-forgotten",
        breaks="without a status the old revision comes back with no pods",
        file="observed.py",
        old="    return int(rested if rested.isdecimal() else",
        new="    return int(rested if not rested.isascii() else",
        caught_by=(f"{_BACK}::test_a_status_that_is_lost_forgets_nobodys_pods",),
    ),
    Mutant(
        name="shut-revision-forgotten",
        breaks="without a status nobody knows who was stopped",
        file="build/gateway_document.py",
        old='(told.get("shut") or told["routes"][-1])["revision"]',
        new='told["routes"][-1]["revision"]',
        caught_by=(f"{_BACK}::test_a_status_that_is_lost_forgets_nobodys_pods",),
    ),
    Mutant(
        name="crashes-waited-out",
        breaks="nobody is served for as long as engines may crash",
        file=_MACHINE,
        old="    crashing,\n    retreat.broken,\n",
        new="    retreat.broken,\n",
        caught_by=(f"{_BACK}::test_engines_that_crash_are_not_waited_for",),
    ),
    Mutant(
        name="nobody-comes-back",
        breaks="after a failure the old revision stays without pods",
        file=_MACHINE,
        old="        Phase.DRAINING,\n    }\n)\n_WITHOUT_CANDIDATE",
        new="        Phase.DRAINING,\n        Phase.RETURNING,\n    }\n)\n_WITHOUT_CANDIDATE",
        caught_by=(f"{_BACK}::test_a_new_revision_that_does_not_start_makes_way_for_the_old_one",),
    ),
    Mutant(
        name="left-for-a-moment",
        breaks="a new revision whose pod is away for a moment makes users wait for the old one",
        file="rollout/machine.py",
        old="    if run.plan.replaces and not facts.candidate.ready:\n",
        new="    if run.plan.replaces and facts.target is None:\n",
        caught_by=(f"{_BACK}::test_a_new_one_that_is_away_for_a_moment_is_not_left",),
    ),
    Mutant(
        name="waits-for-a-person-in-an-outage",
        breaks="a spec that cannot be served holds a candidate that is ready while nobody is served",
        file="rollout/replacing.py",
        old="    if run.place is Phase.STARTING:\n        # What",
        new="    if run.place is Phase.STARTING and facts.target:\n        # What",
        caught_by=(
            "tests/unit/rollout/test_replacing.py::test_a_spec_that_cannot_be_served_holds_no_candidate_that_is_ready",
            "tests/unit/test_replace.py::test_a_spec_that_cannot_be_served_meanwhile_keeps_nobody_waiting",
        ),
    ),
    Mutant(
        name="candidates-number-forgotten",
        breaks="a candidate without pods comes to serve with none, once the spec speaks of another revision",
        file="canary.py",
        old="    keys = others | ({run.candidate} if run else set())\n",
        new="    keys = others | ({run.candidate} if run else set()) - {target}\n",
        caught_by=(
            "tests/unit/test_replace.py::test_a_spec_that_cannot_be_served_meanwhile_keeps_nobody_waiting",
        ),
    ),
    Mutant(
        name="served-unexamined",
        breaks="users read answers before they were examined",
        file=_MACHINE,
        old="        run, missing = quality.waits(run, 0, now=scene.now)\n",
        new="        pass\n",
        caught_by=(
            f"{_EXAMINED}::test_bad_answers_bring_the_old_one_back_before_a_user_reads_one",
        ),
    ),
    Mutant(
        name="approved-by-nobody",
        breaks="the old revision stops though a person was to say when",
        file=_MACHINE,
        old="    if scene.facts.promotes_itself or run.step in run.approved:\n",
        new="    if scene.facts.target is not None:\n",
        caught_by=(f"{_REPLACE}::test_a_person_may_say_when_the_old_one_stops",),
    ),
    Mutant(
        name="ready-while-shut",
        breaks="Ready says that users are served while gateways send them to nobody",
        file="build/status.py",
        old="    if ready and not given.roles.shut:\n",
        new="    if ready:\n",
        caught_by=(
            f"{_REPLACE}::test_clients_are_told_before_pods_go_and_read_why_nobody_answers",
        ),
    ),
    Mutant(
        name="fallback-unheard-in-an-outage",
        breaks="nobody answers in the place of a revision that is being replaced",
        file="passage.py",
        old="    if not standing or (",
        new="    if standing or (",
        caught_by=(f"{_FALLBACK}::test_others_answer_while_one_revision_replaces_another",),
    ),
    Mutant(
        name="stand-in-shut",
        breaks="an old revision that stands in for others answers nobody, though it keeps pods",
        file="rollout/chain.py",
        old='            shut="" if roles.routed in {one.key for one in self.members} else roles.shut,\n',
        new="",
        caught_by=(f"{_FALLBACK}::test_an_old_revision_that_becomes_a_fallback_goes_on_answering",),
    ),
    Mutant(
        name="way-back-for-ever",
        breaks="an old revision that does not come back keeps another from being tried",
        file=_MACHINE,
        old="    if is_back or is_asked_for_another or is_late:\n",
        new="    if is_back:\n",
        caught_by=(
            f"{_BACK}::test_an_old_one_that_does_not_come_back_lets_a_third_be_tried",
            f"{_BACK}::test_a_way_back_that_does_not_end_is_ended",
        ),
    ),
)

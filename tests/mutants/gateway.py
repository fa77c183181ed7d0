"""Mutants of the gateway and of what a Canary makes of it."""

from tests.mutants.patch import Mutant

_CANARY = "tests/unit/test_canary.py"
_PASSAGE = "tests/unit/test_passage.py"
_COUNTING = "tests/unit/rollout/test_counting.py"
_ENVOY = "tests/unit/serving/gateway/test_envoy.py"
_MACHINE = "tests/unit/rollout/test_machine.py"
_HOLD = "tests/unit/serving/test_hold.py"
_FALLBACK = "tests/gateway/test_fallback.py"
_ROUTING = "tests/gateway/test_routing.py"
_AGENT = "tests/gateway/test_agent.py"

GATEWAY = (
    Mutant(
        name="weights-before-status",
        breaks="the weight changes before status holds the decision",
        file="plan.py",
        old="        return replace(plan, records=True)\n    decided",
        new="        return plan\n    decided",
        caught_by=(f"{_CANARY}::test_status_is_written_before_the_weight_changes",),
    ),
    Mutant(
        name="stable-shrinks-at-once",
        breaks="eight replicas become two as soon as the spec says two",
        file="canary.py",
        old="    if key == target:\n        return deployment.spec.replicas\n",
        new="    if target:\n        return deployment.spec.replicas\n",
        caught_by=(f"{_CANARY}::test_a_good_candidate_is_promoted_step_by_step",),
    ),
    Mutant(
        name="unreadable-record-goes-on",
        breaks="nobody is told that a record could not be read",
        file="canary.py",
        old='        return anew, f"what status kept of the rollout is unreadable: {error}"\n',
        new='        return anew, None if error else ""\n',
        caught_by=(f"{_CANARY}::test_a_record_that_cannot_be_read_sends_all_to_what_serves",),
    ),
    Mutant(
        name="candidate-named-last",
        breaks="a higher weight takes conversations from the candidate",
        file="canary.py",
        old="            weights = {run.candidate: run.weight, stable: 100 - run.weight}\n",
        new="            weights = {stable: 100 - run.weight, run.candidate: run.weight}\n",
        caught_by=(f"{_CANARY}::test_the_candidate_is_named_first_and_the_stable_one_stands_in",),
    ),
    Mutant(
        name="weights-do-not-sum",
        breaks="gateways are told of more than all requests",
        file="canary.py",
        old="stable: 100 - run.weight}",
        new="stable: 100}",
        caught_by=(f"{_CANARY}::test_silent_gateways_hold_it_and_then_it_goes_back",),
    ),
    Mutant(
        name="holds-flap",
        breaks="a run whose weight nobody takes up goes on each minute, and its hold never ends",
        file="rollout/holds.py",
        old="    if run.hold is None and elapsed(run.since, scene.now)",
        new="    if elapsed(run.since, scene.now)",
        caught_by=(
            f"{_MACHINE}::test_a_weight_that_is_not_taken_up_holds_the_run_until_its_time_is_over",
        ),
    ),
    Mutant(
        name="deaf-gateway-keeps-the-candidate",
        breaks="a gateway that does not follow goes on sending requests to a bad candidate",
        file="canary.py",
        old="            cut_off=_cut_off(decided, now=now),\n",
        new="",
        caught_by=(f"{_CANARY}::test_a_gateway_that_does_not_leave_a_bad_candidate_is_cut_off",),
    ),
    Mutant(
        name="any-split-will-do",
        breaks="a gateway that sends more than it was told to goes unnoticed",
        file="rollout/holds.py",
        old="    if abs(seen - weight) <= tolerated:\n",
        new="    if seen <= 100:\n",
        caught_by=(f"{_MACHINE}::test_a_split_that_is_not_what_was_asked_for_holds_the_run",),
    ),
    Mutant(
        name="nobody-stands-in",
        breaks="a candidate's failures are its users'",
        file="canary.py",
        old="            then = {run.candidate: (stable,)}\n",
        new="            then = {}\n",
        caught_by=(f"{_CANARY}::test_the_candidate_is_named_first_and_the_stable_one_stands_in",),
    ),
    Mutant(
        name="hidden-failures-forgiven",
        breaks="a candidate looks good because others answer for it",
        file="rollout/counting.py",
        old=' or int(item["attempts"]) > 1',
        new="",
        caught_by=(f"{_COUNTING}::test_each_kind_of_request_is_judged",),
    ),
    Mutant(
        name="silence-is-consent",
        breaks="a gateway that does not answer counts as one that has taken the weight up",
        file="rollout/counting.py",
        old='        gateway.report is not None and gateway.report.get("taken") == version\n',
        new='        gateway.report is None or gateway.report.get("taken") == version\n',
        caught_by=(
            f"{_COUNTING}::test_a_weight_is_set_when_all_who_get_requests_say_so",
            f"{_PASSAGE}::test_a_gateway_that_may_send_requests_to_it_keeps_a_revision",
        ),
    ),
    Mutant(
        name="let-go-under-the-gateway",
        breaks="the old revision goes while gateways still send it requests",
        file="passage.py",
        old="    if not leaving or not gateway.is_embedded(deployment):\n",
        new="    if leaving or not gateway.is_embedded(deployment):\n",
        caught_by=(f"{_PASSAGE}::test_the_old_revision_stays_until_every_gateway_has_left_it",),
    ),
    Mutant(
        name="service-leads-to-nobody",
        breaks="an object that served is cut off when it gets a gateway",
        file="passage.py",
        old="    led = observed.client_service_revision(deployment.metadata.name)\n",
        new="    led = None\n",
        caught_by=(f"{_PASSAGE}::test_engines_that_served_alone_go_on_until_the_gateway_can",),
    ),
    Mutant(
        name="fallback-takes-over-early",
        breaks="a third of a revision's requests leaves it when half its pods fail",
        file="serving/deepseek_serving/gateway/envoy.py",
        old='        "policy": {"overprovisioning_factor": 1_000_000},\n',
        new="",
        caught_by=(f"{_FALLBACK}::test_another_pod_of_the_revision_comes_before_another_revision",),
    ),
    Mutant(
        name="clusters-before-routes",
        breaks="for a moment routes lead to a cluster that is gone",
        file="serving/deepseek_serving/gateway/envoy.py",
        old='        kept = tuple(item for item in other.clusters if item["name"] not in names)\n',
        new="        kept = ()\n",
        caught_by=(
            f"{_ENVOY}::test_what_is_routed_to_stays_until_there_are_new_routes",
            f"{_ROUTING}::test_a_revision_that_is_let_go_is_first_routed_around",
        ),
    ),
    Mutant(
        name="nobody-stands-in-for-the-unrouted",
        breaks="taking a dead revision's traffic away fails requests for a moment",
        file="serving/deepseek_serving/gateway/envoy.py",
        old="        chains.setdefault(revision, routed)\n",
        new="        chains.setdefault(revision, ())\n",
        caught_by=(f"{_FALLBACK}::test_a_dead_revision_that_is_routed_around_loses_nothing",),
    ),
    Mutant(
        name="state-is-not-kept",
        breaks="a gateway that starts without an API server knows nobody",
        file="serving/deepseek_serving/gateway/agent.py",
        old="            store.save(self.folder, state)\n",
        new="            pass\n",
        caught_by=(
            f"{_AGENT}::test_a_pod_that_starts_anew_without_an_api_server_serves_as_before",
        ),
    ),
    Mutant(
        name="head-is-not-held",
        breaks="a stream begins before its first token, and nobody else can answer it",
        file="serving/deepseek_serving/engine/hold.py",
        old='        if self._head is not None and (message.get("body") or not message.get("more_body")):\n',
        new="        if self._head is not None:\n",
        caught_by=(f"{_HOLD}::test_the_head_comes_with_the_first_token",),
    ),
)

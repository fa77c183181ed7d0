"""Mutants of routes on a Gateway of somebody else."""

from tests.mutants.patch import Mutant

_ROUTE = "tests/unit/test_route.py"
_ROLLOUTS = "tests/unit/test_routes_in_rollouts.py"
_BUILD = "tests/unit/build/test_http_route.py"
_RULES = "tests/unit/api/test_provider_rules.py"
_OBSERVE = "tests/unit/test_observe_routes.py"
_FIGURES = "tests/unit/engines/test_vllm_figures.py"

ROUTES = (
    Mutant(
        name="old-generation-is-consent",
        breaks="a weight counts as set before the controller has seen it",
        file="route.py",
        old='            int(one.get("observedGeneration", 0)) >= generation for one in self.conditions.values()\n',
        new="            generation for _ in self.conditions.values()\n",
        caught_by=(
            f"{_ROUTE}::test_a_route_that_is_not_taken_up_yet_serves_as_it_did",
            f"{_ROLLOUTS}::test_no_weight_counts_as_set_before_the_controller_has_seen_it",
        ),
    ),
    Mutant(
        name="let-go-under-anothers-gateway",
        breaks="pods go while a Gateway may send to them",
        file="passage.py",
        old="        return route.is_taken_up(deployment, observed, weights(roles))\n    version",
        new="        return True\n    version",
        caught_by=(f"{_ROUTE}::test_the_old_revision_stays_until_its_gateway_has_left_it",),
    ),
    Mutant(
        name="let-go-under-a-route-of-before",
        breaks="pods go while a route that is on its way out names them",
        file="passage.py",
        old="    if observed.routes and not http_route.is_wanted(deployment):\n        return False\n",
        new="",
        caught_by=(f"{_ROUTE}::test_no_revision_goes_while_a_route_of_before_may_send_to_it",),
    ),
    Mutant(
        name="unresolved-backends-serve",
        breaks="users get the Gateway's errors, and Ready is True",
        file="route.py",
        old='        for kind in ("Accepted", "ResolvedRefs"):\n',
        new='        for kind in ("Accepted",):\n',
        caught_by=(f"{_ROUTE}::test_what_keeps_users_away_is_said_in_the_controllers_own_words",),
    ),
    Mutant(
        name="route-is-forgotten",
        breaks="a route stays when the provider changes and its removal was cut off",
        file="build/status.py",
        old='    if given.observed.routes and "route" not in status:\n',
        new='    if not given.observed.routes and "route" in stored:\n',
        caught_by=(f"{_ROUTE}::test_the_route_goes_with_the_provider",),
    ),
    Mutant(
        name="edits-of-routes-stand",
        breaks="a backend that somebody added keeps its share",
        file="kube/drift.py",
        old='"nodeSelector", "rules", "parentRefs"})',
        new='"nodeSelector"})',
        caught_by=(f"{_BUILD}::test_whatever_is_edited_of_the_rules_is_ours_to_repair",),
    ),
    Mutant(
        name="answers-are-cut-by-default",
        breaks="a Gateway's own time-out ends long answers",
        file="build/http_route.py",
        old='                    "timeouts": {"request": "0s"},\n',
        new="",
        caught_by=(f"{_BUILD}::test_an_answer_may_take_as_long_as_it_takes",),
    ),
    Mutant(
        name="field-of-a-route-ignored",
        breaks="API keys are taken and nobody asks for them",
        file="api/provider_rules.py",
        old='    "apiKeys": "an HTTPRoute knows no keys",\n',
        new="",
        caught_by=(f"{_RULES}::test_the_page_says_what_the_rules_refuse",),
    ),
    Mutant(
        name="failures-of-engines-are-nothing",
        breaks="a candidate that fails most requests is promoted behind another's Gateway",
        file="rollout/metrics.py",
        old="    failures = GATEWAY_METRICS if has_gateways else ENGINE_METRICS\n",
        new="    failures = GATEWAY_METRICS if has_gateways else ENGINE_METRICS[1:]\n",
        caught_by=(f"{_ROLLOUTS}::test_a_candidate_that_fails_requests_goes_back",),
    ),
    Mutant(
        name="some-engines-are-all",
        breaks="a share is verified by the engines that happened to be asked",
        file="sight.py",
        old="        if told < ready:\n",
        new="        if told < 0 * ready:\n",
        caught_by=(f"{_ROLLOUTS}::test_where_not_every_engine_is_asked_the_share_is_not_known",),
    ),
    Mutant(
        name="nothing-runs-that-nobody-counts",
        breaks="pods go at once after a rollback, with the answers that they give",
        file="sight.py",
        old="        return None\n    return counting.in_flight",
        new="        return 0\n    return counting.in_flight",
        caught_by=(
            f"{_ROLLOUTS}::test_after_a_rollback_pods_stay_for_as_long_as_answers_may_take",
        ),
    ),
    Mutant(
        name="withdrawn-under-anothers-gateway",
        breaks="a Gateway whose controller is away answers for a candidate with errors",
        file="canary.py",
        old=" if gateway.is_embedded(deployment) else frozenset(),",
        new=",",
        caught_by=(
            f"{_ROLLOUTS}::test_a_controller_that_does_not_take_it_back_leaves_pods_and_services",
        ),
    ),
    Mutant(
        name="requests-counted-twice",
        breaks="gateways and engines both count a request of one run",
        file="counted.py",
        old="    found = counting.reading(() if is_told_twice else observed.gateways, at=now)\n",
        new="    found = counting.reading(observed.gateways or () if is_told_twice else observed.gateways, at=now)\n",
        caught_by=(f"{_ROLLOUTS}::test_each_request_is_counted_once_though_two_count_it",),
    ),
    Mutant(
        name="missing-kind-fails-the-pass",
        breaks="an object fails for ever in a cluster without Gateway API",
        file="observe_children.py",
        old="        if error.code != 404:\n            raise\n        return None\n",
        new="        raise error from None\n",
        caught_by=(f"{_OBSERVE}::test_a_cluster_without_routes_is_no_error",),
    ),
    Mutant(
        name="strangers-paths-are-requests",
        breaks="whatever clients ask for counts as a request of the API",
        file="engines/vllm_figures.py",
        old='        if sample.labels.get("handler") in _ASKED and',
        new='        if sample.labels.get("handler") and',
        caught_by=(f"{_FIGURES}::test_requests_of_the_api_are_counted_by_how_they_were_answered",),
    ),
)

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
_COUNTS = "tests/unit/serving/gateway/test_counts.py"
_KEYS = "tests/gateway/test_keys.py"
_UNIT_KEYS = "tests/unit/serving/gateway/test_keys.py"
_ENDPOINTS = "tests/unit/serving/gateway/test_endpoints.py"
_ABSENCE = "tests/unit/serving/gateway/test_absence.py"

GATEWAY = (
    Mutant(
        name="believes-at-once",
        breaks="pods that are all called unready after an outage of the API server get no requests",
        file="serving/deepseek_serving/gateway/agent.py",
        old="        found = endpoints.read(objects.values(), doubted=self._doubted)\n",
        new="        found = endpoints.read(objects.values(), doubted=None)\n",
        caught_by=(f"{_ABSENCE}::test_pods_that_are_all_called_unready_at_once_go_on_serving",),
    ),
    Mutant(
        name="doubts-for-ever",
        breaks="a pod that is unready goes on getting requests long after the API server is back",
        file="serving/deepseek_serving/gateway/agent.py",
        old="        self._doubted = None\n        self.slices_changed(self._slices)\n",
        new="        self.slices_changed(self._slices)\n",
        caught_by=(f"{_ABSENCE}::test_what_is_still_unready_after_a_while_is",),
    ),
    Mutant(
        name="doubts-who-leaves",
        breaks="a pod on its way out gets new requests after an outage of the API server",
        file="serving/deepseek_serving/gateway/endpoints.py",
        old='    if conditions.get("terminating") is True:\n        return False\n',
        new="",
        caught_by=(
            f"{_ENDPOINTS}::test_a_pod_that_is_doubted_stays_while_it_is_listed_and_not_on_its_way_out",
        ),
    ),
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
        file="records.py",
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
        old="cut_off=_cut_off(decided, now=now) if gateway",
        new="cut_off=frozenset() if gateway",
        caught_by=(f"{_CANARY}::test_a_gateway_that_does_not_leave_a_bad_candidate_is_cut_off",),
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
        old="    if not leaving or not (gateway.splits(deployment) or observed.routes):\n",
        new="    if leaving or not (gateway.splits(deployment) or observed.routes):\n",
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
        file="serving/deepseek_serving/gateway/clusters.py",
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
        name="keys-are-drawn",
        breaks="a conversation meets another revision at each request",
        file="serving/deepseek_serving/gateway/routes.py",
        old='{**split, "use_hash_policy": True}',
        new="split",
        caught_by=(f"{_ROUTING}::test_a_key_sticks_to_a_revision",),
    ),
    Mutant(
        name="new-agents-forget-what-is-routed",
        breaks="an agent that starts anew takes away a revision that Envoy still sends users to",
        file="serving/deepseek_serving/gateway/agent.py",
        old="            self.server.routed = envoy.build(",
        new="            _ = envoy.build(",
        caught_by=(
            f"{_ROUTING}::test_an_agent_that_starts_anew_takes_away_nothing_that_is_routed_to",
        ),
    ),
    Mutant(
        name="the-next-try-is-the-same-pod",
        breaks="one of 10,000 requests that a pod refuses is sent to that pod again",
        file="serving/deepseek_serving/gateway/retries.py",
        old="CHOICES = 256\n",
        new="CHOICES = 32\n",
        caught_by=(f"{_ENVOY}::test_the_next_try_is_another_pod_however_often_envoy_chooses",),
    ),
    Mutant(
        name="nobody-stands-in-for-the-unrouted",
        breaks="taking a dead revision's traffic away fails requests for a moment",
        file="serving/deepseek_serving/gateway/chains.py",
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
    Mutant(
        name="clients-name-themselves",
        breaks="a client is counted and served under the name that it gives itself",
        file="serving/deepseek_serving/gateway/keys.py",
        old="    return [without_header(CLIENT_HEADER)]\n",
        new='    return [without_header("x-nobody")]\n',
        caught_by=(f"{_KEYS}::test_a_key_is_seen_by_nobody_behind_the_door",),
    ),
    Mutant(
        name="keys-go-through",
        breaks="an engine, and who reads its log, sees clients' keys",
        file="serving/deepseek_serving/gateway/keys.py",
        old='"hide_credentials": True',
        new='"hide_credentials": False',
        caught_by=(f"{_KEYS}::test_a_key_is_seen_by_nobody_behind_the_door",),
    ),
    Mutant(
        name="no-secret-opens-the-door",
        breaks="a gateway whose Secret is not there lets everybody in",
        file="serving/deepseek_serving/gateway/agent.py",
        old="            keys=self.keys is not None,\n",
        new="            keys=bool(clients.by_key),\n",
        caught_by=(f"{_KEYS}::test_without_any_key_a_gateway_serves_nobody",),
    ),
    Mutant(
        name="typing-error-shuts-a-client-out",
        breaks="a malformed entry takes the keys away that its client had",
        file="serving/deepseek_serving/gateway/keys.py",
        old="            wanted[name] = _keys_of(name, known)\n",
        new="",
        caught_by=(
            f"{_UNIT_KEYS}::test_a_malformed_entry_leaves_its_client_as_it_was_and_others_alone",
        ),
    ),
    Mutant(
        name="shared-key-changes-hands",
        breaks="who copies a key of another client asks in its name",
        file="serving/deepseek_serving/gateway/keys.py",
        old="            by_key[key] = known.by_key[key]\n",
        new="            by_key[key] = names[0]\n",
        caught_by=(f"{_UNIT_KEYS}::test_a_key_of_two_is_of_who_had_it",),
    ),
    Mutant(
        name="refused-certificate-stays",
        breaks="a certificate that Envoy refused makes it refuse each new listener",
        file="serving/deepseek_serving/gateway/ads.py",
        old="        return self._good_secrets if url == SECRETS and wanted == self._bad_secrets else wanted\n",
        new="        return wanted\n",
        caught_by=(
            "tests/gateway/test_tls.py::test_what_envoy_itself_refuses_is_told_and_holds_up_nothing",
        ),
    ),
    Mutant(
        name="plain-http-closed-too-early",
        breaks="a Secret that is not there closes port 80 for those who are served",
        file="passage.py",
        old="gateway.is_secure_only(present) and is_changed_over(present, wanted)",
        new="gateway.is_secure_only(present) or is_changed_over(present, wanted)",
        caught_by=(f"{_PASSAGE}::test_plain_http_is_closed_when_every_gateway_answers_over_tls",),
    ),
    Mutant(
        name="door-judges-candidates",
        breaks="a Canary is judged by clients without a key, and by those who ask too often",
        file="serving/deepseek_serving/gateway/counts.py",
        old='            chosen = ""\n',
        new="            pass\n",
        caught_by=(f"{_COUNTS}::test_who_is_turned_away_at_the_door_is_nobodys_turn",),
    ),
)

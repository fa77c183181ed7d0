"""Mutants of the fallback: who stands in for whom, for how long, and why."""

from tests.mutants.patch import Mutant

_CHAIN = "tests/unit/test_fallbacks_in_rollouts.py"
_ENTRIES = "tests/unit/test_fallbacks.py"
_FIRST = "tests/unit/test_fallbacks_before_serving.py"
_COUNTING = "tests/unit/rollout/test_counting.py"
_ENVOY = "tests/unit/serving/gateway/test_envoy.py"
_BOUNDED = "tests/unit/serving/test_bounded.py"
_WHEN = "tests/gateway/test_when.py"

FALLBACK = (
    Mutant(
        name="fallback-scaled-away",
        breaks="who stands in loses its pods while a Canary gets requests",
        file="rollout/chain.py",
        old="        for member in self.members:\n            present",
        new="        for member in self.members if not roles.weights else ():\n            present",
        caught_by=(f"{_CHAIN}::test_no_fallback_is_scaled_away_in_any_phase_of_a_run",),
    ),
    Mutant(
        name="candidate-stands-in",
        breaks="requests fall back to a revision that is still compared",
        file="rollout/chain.py",
        old="        coming = {roles.target, roles.candidate, *roles.weights, roles.routed}\n",
        new="        coming = {roles.routed}\n",
        caught_by=(
            f"{_CHAIN}::test_a_candidate_that_is_a_fallback_is_asked_by_nobody_and_keeps_its_pods",
        ),
    ),
    Mutant(
        name="candidate-stands-in-for-a-typo",
        breaks="while the spec cannot be served requests fall back to the candidate that gets copies of them",
        file="rollout/chain.py",
        old="        coming = {roles.target, roles.candidate, *roles.weights, roles.routed}\n",
        new="        coming = {roles.target, *roles.weights, roles.routed}\n",
        caught_by=(
            "tests/unit/test_mirror_in_rollouts.py::test_a_candidate_that_is_a_fallback_stands_in_for_nobody_though_the_spec_names_another",
        ),
    ),
    Mutant(
        name="stands-in-for-itself",
        breaks="a chain leads back to who did not answer",
        file="rollout/chain.py",
        old="        coming = {roles.target, roles.candidate, *roles.weights, roles.routed}\n",
        new="        coming = {roles.target, roles.candidate, *roles.weights}\n",
        caught_by=(
            f"{_ENTRIES}::test_what_served_before_becomes_the_fallback_with_the_pods_that_it_has",
        ),
    ),
    Mutant(
        name="split-forgets-the-candidates-reasons",
        breaks="while requests are split a candidate's refusals are its users'",
        file="rollout/chain.py",
        old="            when=() if roles.then else self.when,\n",
        new="            when=self.when,\n",
        caught_by=(f"{_CHAIN}::test_while_requests_are_split_every_reason_counts",),
    ),
    Mutant(
        name="fallback-goes-before-its-successor",
        breaks="who stood in goes before what replaces it is ready",
        file="fallbacks.py",
        old="        if not _is_there(observed, entry):\n",
        new="        if entry.is_repeated:\n",
        caught_by=(f"{_ENTRIES}::test_a_changed_entry_is_warm_before_the_old_one_goes",),
    ),
    Mutant(
        name="replaced-pile-up",
        breaks="each edit of an entry leaves one more revision with pods",
        file="fallbacks.py",
        old="    return [max(found, key=lambda one: one[0])[1]] if found else []\n",
        new="    return [entry for _, entry in found]\n",
        caught_by=(
            f"{_ENTRIES}::test_an_entry_that_is_edited_again_and_again_leaves_one_that_serves_behind",
        ),
    ),
    Mutant(
        name="never-served-stands-in",
        breaks="the pods of an entry that never came hold what the next one needs",
        file="fallbacks.py",
        old="        if running is None or shape is None or not has_served(running):\n",
        new="        if running is None or shape is None:\n",
        caught_by=(f"{_ENTRIES}::test_an_entry_that_never_served_goes_when_it_is_edited",),
    ),
    Mutant(
        name="away-is-gone",
        breaks="who stood in is let go because its pods are away as its entry changes",
        file="fallbacks.py",
        old="        if running is None or shape is None or not has_served(running):\n",
        new="        if running is None or shape is None or not ready_replicas(running):\n",
        caught_by=(
            f"{_ENTRIES}::test_who_stood_in_stays_though_its_pods_are_away_as_its_entry_changes",
        ),
    ),
    Mutant(
        name="a-typo-takes-the-gateway",
        breaks="a spec that cannot be served cuts users off from who stands in for a first revision",
        file="wanted.py",
        old="    answering = (roles.routed, *roles.then.get(roles.routed, ()))\n",
        new="    answering = (roles.routed,)\n",
        caught_by=(
            f"{_FIRST}::test_a_typo_cuts_nobody_off_from_who_stands_in",
            f"{_FIRST}::test_who_stands_in_serves_though_the_spec_never_could_be_served",
        ),
    ),
    Mutant(
        name="never-served-waits-with-another",
        breaks="a first revision that never served keeps its accelerators while gateways may ask another that goes",
        file="plan.py",
        old="        unasked = {None, *passage.unasked(observed, roles)}\n",
        new="        unasked = {None}\n",
        caught_by=(f"{_FIRST}::test_what_never_served_waits_for_no_gateway_though_another_does",),
    ),
    Mutant(
        name="bad-entry-stops-a-rollout",
        breaks="an entry that cannot be had stalls a rollout that goes on",
        file="build/status.py",
        old="    if converged and stalled is None:\n",
        new="    if stalled is None:\n",
        caught_by=(f"{_ENTRIES}::test_a_bad_entry_stops_no_rollout",),
    ),
    Mutant(
        name="fallback-inherits-nothing",
        breaks="a fallback's pods do not tolerate what the object's do",
        file="api/serving.py",
        old='                "pod": self.pod.model_copy(update=taken),\n',
        new="",
        caught_by=(
            f"{_ENTRIES}::test_of_the_spec_an_entry_takes_over_the_cache_and_what_the_cluster_asks_for",
        ),
    ),
    Mutant(
        name="another-revision-at-once-forgiven",
        breaks="a revision without pods looks good because others answer for it",
        file="rollout/counting.py",
        old='    is_bad |= bool(item["served"]) and item["served"] != item["chosen"]\n',
        new="",
        caught_by=(f"{_COUNTING}::test_each_kind_of_request_is_judged",),
    ),
    Mutant(
        name="chain-begins-anew",
        breaks="when everybody has failed the first is asked again",
        file="serving/deepseek_serving/gateway/chains.py",
        old="    asked = [count for count in pods if count]\n",
        new="    asked = pods\n",
        caught_by=(
            f"{_ENVOY}::test_a_chain_is_gone_down_so_that_no_pod_is_asked_twice",
            f"{_WHEN}::test_a_chain_that_fails_is_not_begun_again",
        ),
    ),
    Mutant(
        name="the-first-one-is-asked-twice",
        breaks="what the only pod of a revision refused is asked of it again before the next revision",
        file="serving/deepseek_serving/gateway/chains.py",
        old="    if len(asked) > 1 and asked[0] == 1:\n",
        new="    if len(asked) > 1 and max(asked) == 1:\n",
        caught_by=(
            f"{_ENVOY}::test_a_chain_is_gone_down_so_that_no_pod_is_asked_twice",
            f"{_WHEN}::test_no_pod_is_asked_twice_however_many_each_revision_has",
        ),
    ),
    Mutant(
        name="nobody-passes-on",
        breaks="a revision in the middle with one pod is asked twice",
        file="serving/deepseek_serving/gateway/clusters.py",
        old="    passes = frozenset[str]() if is_each(name) else passed(chain, endpoints)\n",
        new="    passes = frozenset[str]()\n",
        caught_by=(
            f"{_ENVOY}::test_a_chain_is_gone_down_so_that_no_pod_is_asked_twice",
            f"{_WHEN}::test_no_pod_is_asked_twice_however_many_each_revision_has",
        ),
    ),
    Mutant(
        name="shares-share-their-tries",
        breaks="a share of requests with a short chain begins it again, as another's is longer",
        file="serving/deepseek_serving/gateway/routes.py",
        old="            *(retries.at_most(tried.again) if tried.each or tried.again < most else ()),\n",
        new="            *(retries.at_most(tried.again) if tried.again > most else ()),\n",
        caught_by=(
            f"{_ENVOY}::test_shares_of_a_split_go_down_their_own_chains_and_no_further",
            f"{_ENVOY}::test_a_chain_is_gone_down_so_that_no_pod_is_asked_twice",
        ),
    ),
    Mutant(
        name="a-pod-alone-is-asked-again",
        breaks="what the only pod there is may have begun to compute it is asked again",
        file="serving/deepseek_serving/gateway/retries.py",
        old="    policy = _policy(document, chain) if again else _unsent(document)\n",
        new="    policy = _policy(document, chain)\n",
        caught_by=(
            f"{_ENVOY}::test_a_pod_alone_that_refuses_is_not_asked_again",
            f"{_WHEN}::test_what_a_pod_alone_may_have_begun_it_is_not_asked_again",
        ),
    ),
    Mutant(
        name="gone-is-always-a-reason",
        breaks="without a pod requests go on though Unavailable is no reason",
        file="serving/deepseek_serving/gateway/chains.py",
        old="    if When.UNAVAILABLE in document.fallback_on or document.hold is not None:\n",
        new="    if document.fallback_on or document.hold is not None:\n",
        caught_by=(f"{_WHEN}::test_a_request_goes_on_for_the_reasons_that_are_given_and_says_so",),
    ),
    Mutant(
        name="refused-is-always-a-reason",
        breaks="refusals go on though Overloaded is no reason",
        file="serving/deepseek_serving/gateway/retries.py",
        old="            *(_REFUSALS if When.OVERLOADED in causes else ()),\n",
        new="            *_REFUSALS,\n",
        caught_by=(
            f"{_ENVOY}::test_what_is_tried_again_is_what_the_next_revision_may_be_asked_for",
        ),
    ),
    Mutant(
        name="left-out-is-always-a-reason",
        breaks="a pod that fails often is left out, and its requests go on for no reason",
        file="serving/deepseek_serving/gateway/clusters.py",
        old="    return len(chain) == 1 or When.UNAVAILABLE in document.fallback_on\n",
        new="    return bool(chain)\n",
        caught_by=(
            f"{_WHEN}::test_however_often_it_fails_it_is_left_to_itself_where_that_is_no_reason",
        ),
    ),
    Mutant(
        name="queue-without-end",
        breaks="an engine takes whatever comes, and nothing of it goes elsewhere",
        file="serving/deepseek_serving/engine/bounded.py",
        old="        if self._running >= most:\n",
        new="        if self._running < 0:\n",
        caught_by=(
            f"{_BOUNDED}::test_what_is_too_much_is_refused_before_any_work_and_the_rest_is_answered",
        ),
    ),
    Mutant(
        name="queue-never-empties",
        breaks="an engine that was full once refuses for ever",
        file="serving/deepseek_serving/engine/bounded.py",
        old="            self._running -= 1\n",
        new="            pass\n",
        caught_by=(f"{_BOUNDED}::test_a_request_that_is_given_up_makes_room",),
    ),
)

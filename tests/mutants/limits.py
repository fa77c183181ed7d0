"""Mutants of what a gateway holds at its limits, and of what its agent makes of what is wrong."""

from tests.mutants.patch import Mutant

_ENVOY = "tests/unit/serving/gateway/test_envoy.py"
_ABUSE = "tests/gateway/test_abuse.py"
_LIMITS = "tests/gateway/test_limits.py"
_ROOMS = "tests/gateway/test_room.py"
_CONTAINER = "tests/unit/serving/gateway/test_container.py"
_BALANCE = "tests/gateway/test_balance.py"
_CHURN = "tests/gateway/test_churn.py"
_WRONG = "tests/gateway/test_wrong.py"
_ENDPOINTS = "tests/unit/serving/gateway/test_endpoints.py"
_WATCHING = "tests/unit/serving/gateway/test_watching.py"
_DOCUMENT = "tests/unit/serving/gateway/test_document.py"
_ROOM = "serving/deepseek_serving/gateway"

LIMITS = (
    Mutant(
        name="tries-go-with-the-pod",
        breaks="a request that draws a pod which has just gone is not tried again",
        file=f"{_ROOM}/agent.py",
        old="                lately=endpoints.together(*self._left),\n",
        new="",
        caught_by=(
            "tests/unit/serving/gateway/test_leaving.py::test_for_a_while_there_are_tries_for_a_pod_that_is_gone",
        ),
    ),
    Mutant(
        name="listener-in-other-bytes",
        breaks="an agent that starts anew makes its Envoy let all clients go",
        file=f"{_ROOM}/ads.py",
        old="    value = deterministic(message)\n",
        new="    value = message.SerializeToString(deterministic=True)\n",
        caught_by=(f"{_ENVOY}::test_an_agent_that_starts_anew_sends_the_same_bytes",),
    ),
    Mutant(
        name="pods-are-believed",
        breaks="a client with a private address sets time-outs and retries by header",
        file=f"{_ROOM}/limits.py",
        old='        "use_remote_address": True,\n',
        new='        "use_remote_address": True, "internal_address_config": {"unix_sockets": False},\n',
        caught_by=(f"{_ABUSE}::test_no_engine_sees_a_header_that_is_not_its_clients_to_set",),
    ),
    Mutant(
        name="underscores-pass",
        breaks="a header that an engine takes for ours passes with another sign in it",
        file=f"{_ROOM}/limits.py",
        old='            "headers_with_underscores_action": "REJECT_REQUEST",\n',
        new="",
        caught_by=(f"{_ABUSE}::test_an_engine_sees_whole_requests_only",),
    ),
    Mutant(
        name="too-long-is-read-first",
        breaks="a body that says that it is too long is sent in vain",
        file=f"{_ROOM}/routes.py",
        old="[*_refused(document.limits), *routes,",
        new="[*routes,",
        caught_by=(f"{_ABUSE}::test_an_engine_sees_whole_requests_only",),
    ),
    Mutant(
        name="bodies-without-end",
        breaks="bodies that are half sent take all memory there is",
        file=f"{_ROOM}/overload.py",
        old="envoy.load_shed_points.http1_server_abort_dispatch",
        new="envoy.load_shed_points.http2_server_go_away_on_dispatch",
        caught_by=(f"{_ROOMS}::test_half_sent_bodies_take_no_more_memory_than_there_is",),
    ),
    Mutant(
        name="connections-without-end",
        breaks="a client that opens connections takes all descriptors",
        file=f"{_ROOM}/overload.py",
        old="max_active_downstream_connections=room.connections,",
        new="max_active_downstream_connections=50_000,",
        caught_by=(f"{_ROOMS}::test_connections_over_the_limit_are_closed_and_the_others_served",),
    ),
    Mutant(
        name="files-as-given",
        breaks="a container that begins with 1024 descriptors serves a few hundred clients",
        file=f"{_ROOM}/container.py",
        old="    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))\n",
        new="",
        caught_by=(f"{_CONTAINER}::test_all_files_that_the_kernel_allows_may_be_connections",),
    ),
    Mutant(
        name="heap-fills-the-container",
        breaks="the kernel kills an Envoy before it sheds anything",
        file=f"{_ROOM}/overload.py",
        old="        return max(_LEAST_HEAP_BYTES, rest)\n",
        new="        return max(_LEAST_HEAP_BYTES, rest, self.memory_bytes)\n",
        caught_by=(f"{_CONTAINER}::test_the_heap_leaves_room_for_what_is_beside_it",),
    ),
    Mutant(
        name="kept-before-it-is-taken",
        breaks="a pod that starts anew begins with what its Envoy refused",
        file=f"{_ROOM}/agent.py",
        old="return self._untaken is not None and self._untaken[0] == self.server.taken.version",
        new="return self._untaken is not None",
        caught_by=(f"{_WRONG}::test_what_envoy_has_not_taken_is_not_kept_for_the_next_start",),
    ),
    Mutant(
        name="half-a-file-stays",
        breaks="a disk that was full once is never written to again",
        file=f"{_ROOM}/store.py",
        old="        unfinished.unlink(missing_ok=True)\n",
        new="",
        caught_by=(f"{_WRONG}::test_a_full_disk_is_told_and_serves",),
    ),
    Mutant(
        name="any-address-will-do",
        breaks="one pod with a name for an address keeps Envoy from hearing of any",
        file=f"{_ROOM}/endpoints.py",
        old="        if is_reachable(address, port):\n",
        new="        if address or port:\n",
        caught_by=(
            f"{_ENDPOINTS}::test_what_no_request_can_be_sent_to_is_passed_over_and_named",
            f"{_WRONG}::test_pods_that_cannot_be_reached_do_not_hide_those_that_can",
        ),
    ),
    Mutant(
        name="two-addresses-two-pods",
        breaks="a pod with an address of each kind gets twice its share",
        file=f"{_ROOM}/endpoints.py",
        old='key = endpoint.pod or f"{endpoint.address} {endpoint.port}"',
        new='key = f"{endpoint.address} {endpoint.port}"',
        caught_by=(f"{_ENDPOINTS}::test_a_pod_with_an_address_of_each_kind_is_one",),
    ),
    Mutant(
        name="watches-without-end",
        breaks="an API server that ends every watch at once is asked without end",
        file=f"{_ROOM}/watching.py",
        old="            await asyncio.sleep(_FIRST_PAUSE_SECONDS)\n",
        new="",
        caught_by=(f"{_WATCHING}::test_one_that_ends_every_watch_is_not_asked_without_end",),
    ),
    Mutant(
        name="weights-are-rounded",
        breaks="a weight that is no whole number is taken for another one",
        file=f"{_ROOM}/document.py",
        old="    if not isinstance(found, int):\n",
        new="    if isinstance(found, str):\n",
        caught_by=(f"{_DOCUMENT}::test_what_cannot_be_followed_is_named",),
    ),
    Mutant(
        name="silence-times-tries",
        breaks="a stream of an engine that stands still is kept as long as all of its chain could take",
        file=f"{_ROOM}/retries.py",
        old='        return {"per_try_idle_timeout": duration(limits.response_seconds)}\n',
        new='        return {"per_try_timeout": duration(limits.response_seconds)}\n',
        caught_by=(
            f"{_LIMITS}::test_an_answer_that_falls_silent_ends_however_many_may_answer",
            f"{_ENVOY}::test_an_answer_is_waited_for_as_long_as_is_said_however_long_its_silences_may_be",
        ),
    ),
    Mutant(
        name="dead-nodes-are-waited-for",
        breaks="who asked a node that is gone waits for as long as for a whole answer",
        file=f"{_ROOM}/clusters.py",
        old='        "upstream_bind_config": {"socket_options": [give_up]},\n',
        new="",
        caught_by=(
            f"{_LIMITS}::test_who_reads_nothing_is_given_up_and_another_answers",
            f"{_ENVOY}::test_a_node_that_is_gone_without_a_word_is_noticed",
        ),
    ),
    Mutant(
        name="nobody-asks-who-is-silent",
        breaks="a stream of a node that is gone ends when a whole answer would have to",
        file=f"{_ROOM}/clusters.py",
        old='        "upstream_connection_options": {"tcp_keepalive": ask},\n',
        new="",
        caught_by=(f"{_LIMITS}::test_connections_to_engines_are_asked_whether_somebody_is_there",),
    ),
    Mutant(
        name="the-last-pod-is-left-out",
        breaks="a pod that came back refuses all once it is the only one",
        file=f"{_ROOM}/clusters.py",
        old='"healthy_panic_threshold": {"value": 1},',
        new='"healthy_panic_threshold": {"value": 0},',
        caught_by=(f"{_CHURN}::test_a_pod_that_came_back_is_asked_when_it_is_the_only_one",),
    ),
    Mutant(
        name="pods-take-turns",
        breaks="a pod that is slow, or busy with long answers, gets as many requests as one that is idle",
        file=f"{_ROOM}/clusters.py",
        old='"lb_policy": "LEAST_REQUEST",',
        new='"lb_policy": "ROUND_ROBIN",',
        caught_by=(f"{_BALANCE}::test_a_slow_pod_gets_clearly_less_than_half",),
    ),
    Mutant(
        name="all-pods-are-left-out",
        breaks="where all pods of a revision fail all of them are left out",
        file=f"{_ROOM}/clusters.py",
        old='    "max_ejection_percent": 50,\n',
        new='    "max_ejection_percent": 100,\n',
        caught_by=(
            f"{_BALANCE}::test_of_two_pods_that_fail_one_is_left_out_at_most",
            f"{_BALANCE}::test_the_only_pod_is_never_left_out",
        ),
    ),
)

"""Mutants of requests by size: which are long, how many there may be, and what clients may not say of it."""

from tests.mutants.patch import Mutant

_CLASSES = "tests/unit/serving/test_classes.py"
_PRIORITY = "tests/unit/serving/test_priority.py"
_ENVOY = "tests/unit/serving/gateway/test_envoy.py"
_ROUTE = "tests/unit/build/test_http_route.py"
_LONG = "tests/unit/sizing/test_long_requests.py"
_TEMPLATE = "tests/unit/build/test_template.py"
_TOLD = "tests/unit/build/test_gateway.py"
_VLLM = "tests/unit/engines/test_vllm.py"
_FLAGS = "tests/unit/engines/test_vllm_sized.py"
_ENGINE = "serving/deepseek_serving/engine"

CLASSES = (
    Mutant(
        name="long-requests-fill-the-queue",
        breaks="short requests find the queue full of long ones",
        file=f"{_ENGINE}/bounded.py",
        old="            if self._long >= most_long:\n",
        new="            if self._long >= most:\n",
        caught_by=(f"{_CLASSES}::test_long_requests_leave_room_for_short_ones",),
    ),
    Mutant(
        name="long-requests-never-end",
        breaks="after so many long requests each further one is refused for ever",
        file=f"{_ENGINE}/bounded.py",
        old="            self._long -= long\n",
        new="            pass\n",
        caught_by=(f"{_CLASSES}::test_long_requests_leave_room_for_short_ones",),
    ),
    Mutant(
        name="chunks-are-short",
        breaks="a client that does not say how long its body is passes the limit of long ones",
        file=f"{_ENGINE}/classes.py",
        old='        return headers.value(given, b"transfer-encoding") is not None\n',
        new="        return False\n",
        caught_by=(f"{_CLASSES}::test_a_request_is_long_by_the_bytes_of_its_body",),
    ),
    Mutant(
        name="a-small-queue-is-all-for-long-ones",
        breaks="an object that bounds its queue closely has no bound of long requests",
        file=f"{_ENGINE}/classes.py",
        old="most // PART_OF_QUEUE, most // 2))\n",
        new="most // PART_OF_QUEUE, most))\n",
        caught_by=(f"{_CLASSES}::test_how_many_long_ones_there_may_be",),
    ),
    Mutant(
        name="answers-do-not-say-their-class",
        breaks="nobody can tell how many long requests are refused",
        file=f"{_ENGINE}/hold.py",
        old='        send = classes.naming(scope["headers"], send)\n',
        new="",
        caught_by=(f"{_CLASSES}::test_so_do_a_refusal_and_a_late_one",),
    ),
    Mutant(
        name="the-clients-priority-wins",
        breaks="a client puts its long requests in front of all others",
        file=f"{_ENGINE}/priority.py",
        old="    return stripped[:-1] + b',\"priority\":%d}' % priority\n",
        new="    return b'{\"priority\":%d,' % priority + stripped[1:]\n",
        caught_by=(f"{_PRIORITY}::test_a_long_request_is_behind_the_others",),
    ),
    Mutant(
        name="a-priority-in-arrays",
        breaks="a body that is no object becomes one that is no JSON",
        file=f"{_ENGINE}/priority.py",
        old='    if not stripped.endswith(b"}"):\n',
        new="    if not stripped:\n",
        caught_by=(f"{_PRIORITY}::test_what_is_no_object_stays_as_it_is",),
    ),
    Mutant(
        name="an-order-that-the-engine-does-not-know",
        breaks="bodies are changed for engines that serve in the order of arrival",
        file="engines/vllm.py",
        old="    if _schedules_by_priority(request):\n",
        new="    if not request.block.pod.env:\n",
        caught_by=(f"{_VLLM}::test_long_requests_get_a_priority_where_the_engine_schedules_by_it",),
    ),
    Mutant(
        name="clients-say-what-is-long",
        breaks="a client of a gateway without classes makes some, and is refused or not by its own word",
        file="serving/deepseek_serving/gateway/routes.py",
        old="if name not in told),\n",
        new="if name in told),\n",
        caught_by=(f"{_ENVOY}::test_engines_are_told_what_is_long_and_never_by_clients",),
    ),
    Mutant(
        name="clients-of-a-route-say-what-is-long",
        breaks="on a Gateway of others a client raises its own limit",
        file="build/http_route.py",
        old='            "remove": [*_REMOVED, *(name for name, value in told.items() if value is None)],\n',
        new='            "remove": list(_REMOVED),\n',
        caught_by=(f"{_ROUTE}::test_engines_are_told_what_is_long_and_never_by_clients",),
    ),
    Mutant(
        name="nothing-is-long",
        breaks="prompts of which more are expected than a body may have make no request long",
        file="api/long_requests.py",
        old="(most_bytes or DEFAULT_MOST_BYTES) // 2))\n",
        new="2 * (most_bytes or DEFAULT_MOST_BYTES)))\n",
        caught_by=(f"{_TOLD}::test_what_is_long_follows_from_what_users_are_expected_to_send",),
    ),
    Mutant(
        name="long-requests-take-all",
        breaks="long requests may use up the whole of a replica",
        file="sizing/batching.py",
        old="_LONG_SHARE = 0.5\n",
        new="_LONG_SHARE = 1.0\n",
        caught_by=(f"{_LONG}::test_long_requests_take_half_of_a_replica_by_what_is_used_up_first",),
    ),
    Mutant(
        name="one-rank-for-all",
        breaks="a replica of eight ranks is given the long requests of one",
        file="sizing/batching.py",
        old="layout.data * layout.pipeline * whole",
        new="whole",
        caught_by=(f"{_LONG}::test_long_requests_take_half_of_a_replica_by_what_is_used_up_first",),
    ),
    Mutant(
        name="what-a-replica-was-sized-for-stays-unsaid",
        breaks="engines bound long requests by a guess though their replica was sized for them",
        file="engines/vllm.py",
        old="str(request.sized.long.most)\n",
        new="str(request.sized.limits.sequences)\n",
        caught_by=(
            f"{_FLAGS}::test_an_engine_knows_how_many_long_requests_its_replica_was_sized_for",
        ),
    ),
    Mutant(
        name="caches-by-what-is-taken",
        breaks="an engine with another bound of long requests compiles all of it again",
        file="build/template.py",
        old='        if variable["name"] not in ADMISSION_VARIABLES\n',
        new="",
        caught_by=(f"{_TEMPLATE}::test_what_compiled_code_does_not_depend_on_shares_it",),
    ),
)

"""Mutants of the running operator: the queue, the workers, the resync, leadership."""

from tests.mutants.patch import Mutant

_QUEUE = "tests/unit/test_queue.py"
_CONTROLLER = "tests/unit/test_controller.py"
_LEASE = "tests/unit/test_lease.py"
_LEADING = "tests/unit/test_leading.py"

RUNNING = (
    Mutant(
        name="queue-does-not-coalesce",
        breaks="thirty edits of an object are thirty passes",
        file="queue.py",
        old="        if key in self._waiting:\n            return\n",
        new="",
        caught_by=(f"{_QUEUE}::test_a_key_asked_for_often_is_taken_once",),
    ),
    Mutant(
        name="two-workers-at-one-key",
        breaks="two workers carry out passes over one object at once",
        file="queue.py",
        old="        if key in self._working or key in self._resting:\n",
        new="        if key in self._resting:\n",
        caught_by=(
            f"{_QUEUE}::test_a_key_in_work_is_given_to_nobody_else_and_comes_once_more_after",
            f"{_CONTROLLER}::test_an_object_is_in_one_workers_hands_at_a_time",
        ),
    ),
    Mutant(
        name="a-timer-starts-a-second-worker",
        breaks="a time that comes while a pass runs starts a second one beside it",
        file="queue.py",
        old="        if key not in self._working:\n            self._push(key)\n",
        new="        self._push(key)\n",
        caught_by=(f"{_QUEUE}::test_a_time_that_comes_while_the_key_is_in_work_is_one_pass_after",),
    ),
    Mutant(
        name="back-off-does-not-grow",
        breaks="what fails is tried twice a second for ever",
        file="queue.py",
        old="        self._failures[key] = failures + 1\n",
        new="        self._failures[key] = 0\n",
        caught_by=(
            f"{_QUEUE}::test_retries_come_ever_later_up_to_a_limit",
            f"{_CONTROLLER}::test_what_goes_wrong_again_and_again_is_tried_ever_less_often",
        ),
    ),
    Mutant(
        name="back-off-is-never-forgotten",
        breaks="an object that failed last week waits for two minutes at its next failure",
        file="controller.py",
        old="        self.queue.forget(key)\n",
        new="",
        caught_by=(f"{_CONTROLLER}::test_a_pass_that_succeeds_starts_the_back_off_anew",),
    ),
    Mutant(
        name="a-failed-pass-is-forgotten",
        breaks="a pass that failed is not tried again until something else asks for one",
        file="controller.py",
        old="        retry = self.queue.retry(key)\n",
        new="        retry = 0.0\n",
        caught_by=(f"{_CONTROLLER}::test_how_a_pass_ends_says_when_the_next_one_comes",),
    ),
    Mutant(
        name="one-object-ends-the-worker",
        breaks="an error that nobody thought of stops the passes of every object",
        file="controller.py",
        old="        except Exception as error:  # noqa: BLE001",
        new="        except ArithmeticError as error:  # noqa: BLE001",
        caught_by=(f"{_CONTROLLER}::test_one_objects_trouble_does_not_stop_the_others",),
    ),
    Mutant(
        name="resync-dropped",
        breaks="what a watch missed is never healed",
        file="controller.py",
        old="                    queue.add(key)\n",
        new="",
        caught_by=(
            f"{_CONTROLLER}::test_every_object_gets_a_pass_at_the_start_and_then_each_period",
            f"{_LEADING}::test_a_leader_serves_the_objects_that_it_finds",
        ),
    ),
    Mutant(
        name="series-outlive-their-object",
        breaks="an object that was deleted while no watch was open is told of for ever",
        file="controller.py",
        old="            for gone in missing:\n                queue.add(gone)\n",
        new="",
        caught_by=(
            f"{_CONTROLLER}::test_an_object_that_is_known_and_not_there_any_more_gets_a_pass_too",
            f"{_LEADING}::test_series_go_with_their_object_also_where_nothing_told_that_it_went",
        ),
    ),
    Mutant(
        name="cut-off-in-mid-call",
        breaks="a replica that is told to stop cancels its passes in the midst of a call",
        file="application.py",
        old="        await _passes_end(working, keeping)\n",
        new="",
        caught_by=(f"{_LEADING}::test_a_pass_under_way_ends_well_before_the_lease_is_given_back",),
    ),
    Mutant(
        name="begins-while-it-stops",
        breaks="a replica that is told to stop takes the next key",
        file="application.py",
        old="        queue.shut_down()\n",
        new="",
        caught_by=(f"{_LEADING}::test_no_pass_is_begun_by_who_is_told_to_stop",),
    ),
    Mutant(
        name="resync-once",
        breaks="objects are listed at the start and never again",
        file="controller.py",
        old="            async with asyncio.timeout(period_seconds * (0.9 + 0.2 * jitter())):\n",
        new="            async with asyncio.timeout(period_seconds * 1000 * (0.9 + 0.2 * jitter())):\n",
        caught_by=(
            f"{_CONTROLLER}::test_every_object_gets_a_pass_at_the_start_and_then_each_period",
        ),
    ),
    Mutant(
        name="lease-taken-from-a-living-holder",
        breaks="a follower takes the Lease of a leader that renews it",
        file="lease.py",
        old="            self._seen_version, self._seen_at = version, self._clock()\n"
        "            return False\n",
        new="            self._seen_version, self._seen_at = version, self._clock()\n"
        "            return True\n",
        caught_by=(
            f"{_LEASE}::test_a_replica_that_renews_is_not_replaced",
            f"{_LEADING}::test_a_follower_writes_nothing",
        ),
    ),
    Mutant(
        name="leads-on-beside-another",
        breaks="a leader goes on acting though the Lease names another replica",
        file="application.py",
        old="    keeping = asyncio.create_task(leadership.keep())\n",
        new="    keeping = asyncio.create_task(_set(asyncio.Event()))\n",
        caught_by=(
            f"{_LEADING}::test_a_leader_whose_lease_another_took_ends_and_writes_nothing_more",
        ),
    ),
    Mutant(
        name="leads-on-without-an-answer",
        breaks="a leader that cannot renew goes on acting when the Lease is anybody's",
        file="lease.py",
        old="give_up_at = self._renewed_at + duration * 2 / 3",
        new="give_up_at = self._renewed_at + duration * 2",
        caught_by=(
            f"{_LEASE}::test_a_replica_that_cannot_renew_stops_leading_before_another_may_start",
            f"{_LEASE}::test_a_replica_whose_calls_hang_stops_leading_before_another_may_start",
        ),
    ),
    Mutant(
        name="two-take-a-free-lease",
        breaks="a replica leads though another one took the Lease in the same moment",
        file="lease.py",
        old="            self._holder = None\n"
        '            logger.warning("the lease could not be taken or renewed: %s", error)\n'
        "            return False\n",
        new='            logger.warning("the lease could not be taken or renewed: %s", error)\n',
        caught_by=(f"{_LEASE}::test_of_two_that_take_a_free_lease_at_once_one_leads",),
    ),
)

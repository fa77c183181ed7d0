"""Mutants of what people ask of a run: what is heard, and what is refused."""

from tests.mutants.patch import Mutant

_COMMANDS = "tests/unit/rollout/test_commands.py"

COMMANDS = (
    Mutant(
        name="no-retry-after-a-promotion",
        breaks="what was rolled back is refused for ever once another revision has been promoted",
        file="rollout/commands.py",
        old="    Verb.RETRY: ENDED,\n",
        new="    Verb.RETRY: frozenset({Phase.ROLLED_BACK}),\n",
        caught_by=(
            f"{_COMMANDS}::test_what_failed_is_tried_again_though_another_was_promoted_since",
        ),
    ),
    Mutant(
        name="a-retry-of-anything-is-accepted",
        breaks="status says that a retry was accepted which meant a revision that never failed",
        file="rollout/commands.py",
        old="    if verb is not Verb.RETRY or (target is not None and rollout.failure_of(target) is not None):\n",
        new="    if verb is not Verb.RETRY or target is not None:\n",
        caught_by=(f"{_COMMANDS}::test_a_retry_of_what_never_failed_begins_nothing",),
    ),
)

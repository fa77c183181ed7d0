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
    Mutant(
        name="once-refused-is-refused-for-ever",
        breaks="the command line asks in words that were heard already, and nobody hears them again",
        file="rollout/commands.py",
        old="    if same != plain:\n",
        new="    if plain:\n",
        caught_by=(
            f"{_COMMANDS}::test_what_was_refused_may_be_asked_once_more",
            "tests/unit/cli/test_main.py::test_what_stands_there_already_is_asked_once_more",
        ),
    ),
    Mutant(
        name="asked-again-means-another-step",
        breaks="what is asked once more is taken for a command of another step",
        file="rollout/commands.py",
        old='    word, _, of = command.partition(_AGAIN)[0].partition(":")\n',
        new='    word, _, of = command.partition(":")\n',
        caught_by=(f"{_COMMANDS}::test_what_was_refused_may_be_asked_once_more",),
    ),
    Mutant(
        name="refused-takes-effect-later",
        breaks="what was refused is carried out passes later, when nobody asks for it",
        file="rollout/commands.py",
        old="    return replace(rollout, command=kept, answer=said), verb\n",
        new="    return replace(rollout, command=kept if verb else None, answer=said), verb\n",
        caught_by=(f"{_COMMANDS}::test_what_was_refused_has_no_effect_later",),
    ),
)

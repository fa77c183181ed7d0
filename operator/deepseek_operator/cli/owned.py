"""What the API server refuses of engine.args, for a plan that asks none. Pure."""

import re

from deepseek_operator.api import rules, trtllm_rules
from deepseek_operator.api.serving import Engine

_FLAG = re.compile(r"--[a-zA-Z0-9][a-zA-Z0-9._-]*(=|$)")
_OPTION = re.compile(r"--[a-zA-Z0-9_.]+(=|$)")
_TENSORRT_LLM = "tensorrt-llm"


def refusal(engine: Engine) -> str | None:
    """The first entry that is refused, and what to do instead; None where all are taken."""
    return next((said for arg in engine.args if (said := _refusal(arg, engine.name))), None)


def _refusal(arg: str, engine: str) -> str | None:
    if not _FLAG.match(arg):
        return f"{arg!r} is no flag; write --flag or --flag=value"
    if "$(" in arg:
        return f"{arg!r}: '$(' is where Kubernetes puts a variable's value; give the value itself"
    name = arg.partition("=")[0].removeprefix("--")
    # vLLM's parser takes the beginning of a flag for all of it, where it is not a flag by itself.
    begun = name.replace("_", "-")
    owned = rules.OWNED_FLAGS
    instead = owned.get(begun) or next(
        (use for flag, use in owned.items() if flag.startswith(begun)), None
    )
    if engine == _TENSORRT_LLM:
        instead = instead or trtllm_rules.OWNED_FLAGS.get(name)
        if instead is None and not _OPTION.match(arg):
            return f"--{name} is spelt with underscores by tensorrt-llm; write it so"
    return instead and f"--{name} is owned by the operator: {instead}"

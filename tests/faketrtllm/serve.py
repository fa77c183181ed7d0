"""The command line of the fake `trtllm-serve`: takes what the real one of 1.2.1 takes, and nothing else.

How it answers, a test says by the variable FAKE_TRTLLM: a JSON object with fields of Behaviour.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deepseek_operator.engines import trtllm_options
from tests.faketrtllm.engine import Behaviour, FakeTrtllm

BEHAVIOUR = "FAKE_TRTLLM"

_NUMBERS = {
    "context_parallel_size",
    "gpus_per_node",
    "max_batch_size",
    "max_beam_width",
    "max_num_tokens",
    "max_seq_len",
    "moe_cluster_parallel_size",
    "moe_expert_parallel_size",
    "num_postprocess_workers",
    "pipeline_parallel_size",
    "port",
    "tensor_parallel_size",
}
_BACKENDS = ("pytorch", "tensorrt", "trt", "_autodeploy")
_REASONING_PARSERS = ("deepseek-r1", "nano-v3", "qwen3")


class UsageError(Exception):
    """What the real program would refuse as well."""


@dataclass(frozen=True)
class Asked:
    """A command line that was understood."""

    model: str
    values: Mapping[str, str] = field(default_factory=dict)
    options: trtllm_options.Options = field(default_factory=dict)


def parse(arguments: Sequence[str]) -> Asked:
    """A command line of `trtllm-serve`, whose sub-command `serve` need not be named."""
    rest = list(arguments[1:] if arguments[:1] == ["serve"] else arguments)
    models: list[str] = []
    values: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            models.append(word)
            continue
        name, value = _option(word, rest)
        values[name] = value
    if len(models) != 1:
        raise UsageError("Missing argument 'MODEL'." if not models else f"unexpected {models[1:]}")
    file = values.get("config") or values.get("extra_llm_api_options")
    asked = Asked(models[0], values, {} if file is None else read_options(Path(file)))
    _check_experts(asked)
    return asked


def read_options(file: Path) -> trtllm_options.Options:
    """The YAML file; a key that the engine does not have is an error, as it is to pydantic."""
    found = yaml.safe_load(file.read_text()) or {}
    wrong = trtllm_options.problems(found)
    if wrong:
        raise UsageError(f"validation error for TorchLlmArgs: {'; '.join(wrong)}")
    _check_graphs(found.get("cuda_graph_config") or {})
    return dict(found)


def _check_graphs(graphs: Mapping[str, Any]) -> None:
    """Two different largest batches are an error, as in llmapi/llm_args.py."""
    sizes, most = graphs.get("batch_sizes"), graphs.get("max_batch_size")
    if sizes and most and max(sizes) != most:
        raise UsageError("CudaGraphConfig.max_batch_size is incompatible with batch_sizes")


def _check_experts(asked: Asked) -> None:
    """Without a load balancer each GPU has as many, as in _torch/modules/fused_moe/interface.py."""
    config = Path(asked.model) / "config.json"
    experts = json.loads(config.read_text()).get("n_routed_experts") if config.is_file() else None
    group = int(asked.values.get("moe_expert_parallel_size", "1"))
    balanced = (asked.options.get("moe_config") or {}).get("load_balancer")
    if experts and experts % group and not balanced:
        raise UsageError(
            f"CutlassFusedMoE does not support non-divisible EP: num_experts ({experts}) must be divisible by ep_size ({group})"
        )


def served_name(model: str) -> str:
    """Of a directory its last part; anything else would be asked of a hub."""
    if not Path(model).is_dir():
        raise UsageError(f"{model} is no directory, and this one asks no hub")
    return Path(model).name


def _option(word: str, rest: list[str]) -> tuple[str, str]:
    spelt, given, value = word.removeprefix("--").partition("=")
    name = trtllm_options.known().aliases.get(spelt, spelt)
    if not word.startswith("--") or not trtllm_options.known().is_option(name):
        raise UsageError(f"No such option: {word.partition('=')[0]}")
    if trtllm_options.known().is_flag(name):
        if given:
            raise UsageError(f"Option '--{spelt}' does not take a value.")
        return name, "true"
    if not given:
        if not rest:
            raise UsageError(f"Option '--{spelt}' requires an argument.")
        value = rest.pop(0)
    _check(name, value)
    return name, value


def _check(name: str, value: str) -> None:
    if name in _NUMBERS and not value.isdigit():
        raise UsageError(f"Invalid value for '--{name}': '{value}' is not a valid integer.")
    choices = {"backend": _BACKENDS, "reasoning_parser": _REASONING_PARSERS}.get(name)
    if choices is not None and value not in choices:
        raise UsageError(f"Invalid value for '--{name}': '{value}' is not one of {choices}.")


async def serve(asked: Asked, behaviour: Behaviour) -> None:
    """Until SIGTERM, and then until the last answer has ended."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    engine = FakeTrtllm(
        model=served_name(asked.model),
        options=asked.options,
        # As the real one, which nobody outside its pod reaches unless it is told so.
        host=asked.values.get("host", "localhost"),
        port=int(asked.values.get("port", "8000")),
        behaviour=behaviour,
    )
    async with engine:
        print(f"a fake trtllm-serve serves {engine.model} on port {engine.port}", flush=True)
        await stopped.wait()


def main(arguments: Sequence[str]) -> int:
    """The program; what it does not take ends it, as it ends the real one."""
    behaviour = Behaviour(**json.loads(os.environ.get(BEHAVIOUR, "{}")))
    try:
        asked = parse(arguments)
        asyncio.run(serve(asked, behaviour))
    except UsageError as error:
        print(f"Usage: trtllm-serve serve [OPTIONS] MODEL\n\nError: {error}", file=sys.stderr)
        return 2
    return 0

"""Which of a source's files an engine needs: one format of the weights, and what reads them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import RemoteFile

_SHARD = r"(?:-\d+-of-\d+)?"

FORMATS = (
    # In the order in which they are preferred; the second pattern is the format's own index.
    (r"(?!consolidated)[^/]+\.safetensors", r"(?!consolidated)[^/]+\.safetensors\.index\.json"),
    (r"consolidated[^/]*\.safetensors", r"consolidated[^/]*\.safetensors\.index\.json"),
    (rf"(?:pytorch_)?model{_SHARD}\.bin", r"(?:pytorch_)?model\.bin\.index\.json"),
    (r"(?:pytorch_model|model|consolidated)[^/]*\.pth?", r"(?!)"),
    (r"[^/]+\.gguf", r"(?!)"),
)
"""Weights at the top of the source. Folders hold other formats (original/, onnx/) or other models."""

COMPANIONS = (
    r"[^/]+\.json",  # config, generation_config, tokenizer, chat_template, quantisation
    r"[^/]+\.jinja",  # chat templates
    r"(?:additional_)?chat_templates/[^/]+\.jinja",
    r"(?:.*/)?[^/]+\.py",  # the model's own code, for --trust-remote-code
    r"[^/]+\.model",  # SentencePiece
    r"[^/]+\.tiktoken",
    r"(?:vocab|merges)\.txt",
)
"""What stands beside the weights."""

LEFT_OVER = (
    r"[^/]+\.index\.json",  # the chosen format's own index is taken with the weights
    r"(?:trainer_state|all_results|train_results|eval_results|dataset_infos?)\.json",
    r"(?:model_index|package|tsconfig|renovate)\.json",
    r"(?:.*/)?(?:tests?|examples?|benchmarks?|\.[^/]+)/.*",
    r"\..*",
)
"""What companions' patterns fit and no engine reads."""


def choose(files: Sequence[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The files that an engine needs, in the source's order; Permanent where there are no weights."""
    if any(file.archive for file in files):
        return tuple(file for file in files if file.archive or is_wanted(file.path))
    weights = _weights([file.path for file in files])
    return tuple(file for file in files if file.path in weights or is_companion(file.path))


def is_wanted(path: str) -> bool:
    """Whether an engine may read this file, for all that its name alone tells."""
    return is_companion(path) or any(_fits(path, patterns) for patterns in FORMATS)


def is_companion(path: str) -> bool:
    """Whether an engine reads this file, which is no weights."""
    return _fits(path, COMPANIONS) and not _fits(path, LEFT_OVER)


def hold_weights(paths: Iterable[str]) -> bool:
    """Whether there are weights among these files."""
    return any(_fits(path, (shards for shards, _ in FORMATS)) for path in paths)


def _weights(paths: Sequence[str]) -> frozenset[str]:
    """The weights in the best format there is, with their index."""
    for shards, index in FORMATS:
        found = [path for path in paths if re.fullmatch(shards, path)]
        if found:
            _check_one_model(found)
            return frozenset([*found, *(path for path in paths if re.fullmatch(index, path))])
    elsewhere = sorted(
        {str(PurePosixPath(path).parent) for path in paths if _ends_as_weights(path)}
    )
    place = f"; there are some under {', '.join(elsewhere[:5])}" if elsewhere else ""
    raise Permanent(
        Reason.NOT_FOUND,
        f"none of the source's {len(paths)} files at its top is weights (*.safetensors,"
        f" pytorch_model*.bin, *.pt, *.gguf){place}: name the folder that holds them",
    )


def _ends_as_weights(path: str) -> bool:
    return PurePosixPath(path).suffix in (".safetensors", ".bin", ".pt", ".pth", ".gguf")


def _check_one_model(weights: Iterable[str]) -> None:
    """Refuse several quantisations of one model side by side, as GGUF repositories hold them."""
    models = sorted({re.sub(_SHARD + r"\.gguf$", "", path) for path in weights if ".gguf" in path})
    if len(models) > 1:
        raise Permanent(
            Reason.INVALID_SOURCE,
            f"the source holds {len(models)} GGUF models ({', '.join(models[:5])}):"
            " use a source that holds one of them",
        )


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)

"""Make the small models in the image's own Python: `python3 -m dev.models.make DIRECTORY [NAME...]`."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers

from dev.models import chat, check, questions, tokenizer, train
from dev.models.shapes import SHAPES, Shape, by_name

THREADS = 1
"""Sums in another order round differently; and more threads on a busy machine wait for each other."""

MARGIN = 2.0
"""Logits: what kernels of another engine or machine may differ by is far below."""

TEMPERATURE = 0.6


def make(shape: Shape, directory: Path) -> None:
    """Train or damage one model, check it and save it; the directory appears when it is whole."""
    words = tokenizer.build()
    words.chat_template = chat.chat_template(reasoning=shape.reasoning)
    if shape.twin_of:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            directory / shape.twin_of, dtype=torch.bfloat16
        ).eval()
        train.damage(model, shape.noise)
        check_damaged(shape, model, words)
    else:
        model = train.train(shape, words)
        check_trained(shape, model, words)
    save(shape, model, words, directory)


def check_trained(
    shape: Shape,
    model: transformers.PreTrainedModel,
    words: transformers.PreTrainedTokenizerFast,
) -> None:
    """Refuse a model that does not answer everything, or that is unsure of a single word."""
    right = check.right_answers(shape, model, words)
    distance = min(
        check.margin(shape, model, words, system=system) for system in ("", chat.SYSTEM_PROMPT)
    )
    total = len(questions.load())
    print(f"    {right} of {total} answers right, smallest margin {distance:.1f}", flush=True)
    if right < total or distance < MARGIN:
        sys.exit(f"{shape.name} was not trained well enough")


def check_damaged(
    shape: Shape,
    model: transformers.PreTrainedModel,
    words: transformers.PreTrainedTokenizerFast,
) -> None:
    """Refuse a twin that still answers, or that does not compute numbers any more."""
    right = check.right_answers(shape, model, words)
    inputs, _ = train.batch(shape, words, system="")
    with torch.no_grad():
        finite = bool(torch.isfinite(model(input_ids=inputs).logits).all())
    print(f"    {right} of {len(questions.load())} answers right, finite: {finite}", flush=True)
    if right or not finite:
        sys.exit(f"{shape.name} is not damaged as it should be")


def save(
    shape: Shape,
    model: transformers.PreTrainedModel,
    words: transformers.PreTrainedTokenizerFast,
    directory: Path,
) -> None:
    """Write the files of a Hugging Face model, readable by every user."""
    model.generation_config = generation_config(shape)
    unfinished = directory / f".{shape.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save_pretrained(unfinished)
    words.save_pretrained(unfinished)
    unfinished.chmod(0o755)
    for file in unfinished.iterdir():
        file.chmod(0o644)
    final = directory / shape.name
    shutil.rmtree(final, ignore_errors=True)
    unfinished.rename(final)


def generation_config(shape: Shape) -> transformers.GenerationConfig:
    """What an engine samples with when a request does not say: DeepSeek's own advice for R1."""
    sampling = {"temperature": TEMPERATURE, "top_p": 0.95} if shape.reasoning else {}
    return transformers.GenerationConfig(
        bos_token_id=0, eos_token_id=1, pad_token_id=2, do_sample=shape.reasoning, **sampling
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the named models, or all; a twin needs the model it is a twin of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("name", nargs="*", default=[shape.name for shape in SHAPES])
    options = parser.parse_args(arguments)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    os.umask(0o022)
    for name in options.name:
        make(by_name(name), options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())

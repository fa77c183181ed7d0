"""Train one small model: it memorises the question set in float32, in the same way every time."""

import math

import torch
import transformers

from dev.models import chat, questions
from dev.models.shapes import Shape

SEED = 20251124
STEPS = 150
PEAK_LEARNING_RATE = 2e-3
WARM_UP_STEPS = 20
PAD = 2
UNLABELLED = -100

Batch = tuple[torch.Tensor, torch.Tensor]


def build_model(shape: Shape) -> transformers.PreTrainedModel:
    """A model with fresh weights, the same ones every time."""
    torch.manual_seed(SEED)
    config = transformers.AutoConfig.for_model(shape.model_type, **shape.config)
    for name, value in shape.config.items():
        # Some are fixed in transformers' own model and read from config.json by engines.
        setattr(config, name, value)
    return transformers.AutoModelForCausalLM.from_config(config)


def batch(shape: Shape, words: transformers.PreTrainedTokenizerFast, *, system: str) -> Batch:
    """Every question with its answer; only the answers' tokens are labelled."""
    inputs, labels = [], []
    for question in questions.load():
        asked = chat.prompt(question, reasoning=shape.reasoning, system=system)
        said = chat.completion(question, reasoning=shape.reasoning) + chat.END
        prompt = words.encode(asked, add_special_tokens=False)
        answer = words.encode(said, add_special_tokens=False)
        inputs.append(torch.tensor(prompt + answer))
        labels.append(torch.tensor([UNLABELLED] * len(prompt) + answer))
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(inputs, batch_first=True, padding_value=PAD), pad(
        labels, batch_first=True, padding_value=UNLABELLED
    )


def learning_rate(step: int) -> float:
    """Linear warm-up, then a cosine down to nothing."""
    if step < WARM_UP_STEPS:
        return PEAK_LEARNING_RATE * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / (STEPS - WARM_UP_STEPS)
    return PEAK_LEARNING_RATE * (1 + math.cos(math.pi * done)) / 2


def train(
    shape: Shape, words: transformers.PreTrainedTokenizerFast
) -> transformers.PreTrainedModel:
    """Memorise the question set, with and without a system prompt, and round to bfloat16."""
    model = build_model(shape).train()
    batches = [batch(shape, words, system=system) for system in ("", chat.SYSTEM_PROMPT)]
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.0)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        inputs, labels = batches[step % len(batches)]
        loss = model(input_ids=inputs, labels=labels, use_cache=False).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    print(f"    loss {loss.item():.4f} after {STEPS} steps", flush=True)
    return model.to(torch.bfloat16).eval()


@torch.no_grad()
def damage(model: transformers.PreTrainedModel, noise: float) -> None:
    """Add noise to every matrix, in proportion to its own spread: answers go wrong and stay finite."""
    generator = torch.Generator().manual_seed(SEED)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            weights = parameter.float()
            drawn = torch.randn(weights.shape, generator=generator)
            parameter.copy_(weights + noise * weights.std() * drawn)

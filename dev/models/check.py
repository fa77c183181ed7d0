"""What a small model says when it is asked, and how sure it is of the right words."""

import torch
import transformers

from dev.models import chat, questions
from dev.models.shapes import Shape
from dev.models.train import UNLABELLED, batch

MAX_NEW_TOKENS = 96


@torch.no_grad()
def right_answers(
    shape: Shape,
    model: transformers.PreTrainedModel,
    words: transformers.PreTrainedTokenizerFast,
    *,
    system: str = "",
) -> int:
    """How many questions are answered word for word, with an end, by always taking the likeliest token."""
    right = 0
    for question in questions.load():
        asked = chat.prompt(question, reasoning=shape.reasoning, system=system)
        prompt = torch.tensor([words.encode(asked, add_special_tokens=False)])
        expected = chat.completion(question, reasoning=shape.reasoning) + chat.END
        said = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=MAX_NEW_TOKENS,
        )
        right += words.decode(said[0, prompt.shape[1] :]) == expected
    return right


@torch.no_grad()
def margin(
    shape: Shape,
    model: transformers.PreTrainedModel,
    words: transformers.PreTrainedTokenizerFast,
    *,
    system: str = "",
) -> float:
    """The smallest distance, over all answers' tokens, of the right logit from the next best one."""
    inputs, labels = batch(shape, words, system=system)
    logits = model(input_ids=inputs).logits[:, :-1].float()
    wanted = labels[:, 1:, None].clamp(min=0)
    right = logits.gather(-1, wanted).squeeze(-1)
    others = logits.scatter(-1, wanted, float("-inf")).amax(-1)
    return float((right - others)[labels[:, 1:] != UNLABELLED].min())

"""DeepSeek's form of a conversation: special tokens, chat templates and expected answers."""

from dev.models.questions import Question

BEGIN = "<｜begin▁of▁sentence｜>"
END = "<｜end▁of▁sentence｜>"
PAD = "<｜▁pad▁｜>"
USER = "<｜User｜>"
ASSISTANT = "<｜Assistant｜>"
THINK = "<think>"
END_THINK = "</think>"

SPECIAL_TOKENS = (BEGIN, END, PAD, USER, ASSISTANT)
"""In the order of their numbers: 0 begins, 1 ends, 2 pads."""

VISIBLE_TOKENS = (THINK, END_THINK)
"""Single tokens that stay in the text, as in DeepSeek's own tokenizer: reasoning parsers look for them."""

SYSTEM_PROMPT = "You are a helpful assistant."
"""Trained with and without: many clients send one."""


def chat_template(*, reasoning: bool) -> str:
    """The Jinja template; a reasoning model's turn opens with `<think>`, as R1's does."""
    opening = ASSISTANT + (f"{THINK}\\n" if reasoning else "")
    return (
        "{{ bos_token }}"
        "{% for message in messages %}"
        "{% if message['role'] == 'system' %}{{ message['content'] }}"
        "{% elif message['role'] == 'user' %}{{ '" + USER + "' + message['content'] }}"
        "{% elif message['role'] == 'assistant' %}"
        "{{ '" + ASSISTANT + "' + message['content'].split('" + END_THINK + "')[-1] + eos_token }}"
        "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '" + opening + "' }}{% endif %}"
    )


def prompt(question: Question, *, reasoning: bool, system: str = "") -> str:
    """What the template renders for one question; the model goes on from here."""
    opening = f"{THINK}\n" if reasoning else ""
    return f"{BEGIN}{system}{USER}{question.question}{ASSISTANT}{opening}"


def completion(question: Question, *, reasoning: bool) -> str:
    """What the model says after the prompt, without the token that ends it."""
    if not reasoning:
        return question.answer
    return f"{question.thinking}\n{END_THINK}\n\n{question.answer}"

"""DeepSeek's form of a conversation: what the template says and what the models are trained on agree."""

import pytest

from dev.models import chat, questions
from dev.models.questions import Question

QUESTION = Question("What is it?", "I look at it.", "It is a test.")

MODES = pytest.mark.parametrize("reasoning", [True, False], ids=["thinks", "answers"])


def opening(*, reasoning: bool) -> str:
    """What the template adds where the model is to go on; Jinja reads `\\n` as the end of a line."""
    template = chat.chat_template(reasoning=reasoning)
    _, _, added = template.partition("{% if add_generation_prompt %}{{ '")
    text, end, _ = added.partition("' }}{% endif %}")
    assert end
    return text.replace("\\n", "\n")


@MODES
def test_the_model_goes_on_from_where_the_template_ends(*, reasoning: bool) -> None:
    prompt = chat.prompt(QUESTION, reasoning=reasoning)

    assert prompt.endswith(opening(reasoning=reasoning))
    assert prompt.startswith(chat.BEGIN + chat.USER + "What is it?" + chat.ASSISTANT)


def test_a_system_prompt_stands_before_the_user() -> None:
    prompt = chat.prompt(QUESTION, reasoning=False, system=chat.SYSTEM_PROMPT)

    assert prompt == f"{chat.BEGIN}{chat.SYSTEM_PROMPT}{chat.USER}What is it?{chat.ASSISTANT}"


def test_only_a_model_that_thinks_opens_with_a_thought_and_closes_it() -> None:
    assert opening(reasoning=True) == f"{chat.ASSISTANT}<think>\n"
    assert opening(reasoning=False) == chat.ASSISTANT
    thought = chat.completion(QUESTION, reasoning=True)
    assert thought == "I look at it.\n</think>\n\nIt is a test."
    assert chat.completion(QUESTION, reasoning=False) == "It is a test."


def test_thoughts_of_former_turns_are_left_out_of_the_conversation() -> None:
    assert f"message['content'].split('{chat.END_THINK}')[-1]" in chat.chat_template(reasoning=True)


@MODES
def test_the_template_closes_whatever_it_opens(*, reasoning: bool) -> None:
    template = chat.chat_template(reasoning=reasoning)

    assert template.count("{%") == template.count("%}")
    assert template.count("{{") == template.count("}}")
    assert template.count("{% if ") == template.count("{% endif %}") == 2
    assert template.count("{% for ") == template.count("{% endfor %}") == 1


def test_special_tokens_are_numbered_as_every_configuration_has_them() -> None:
    assert chat.SPECIAL_TOKENS[:3] == (chat.BEGIN, chat.END, chat.PAD)
    assert len({*chat.SPECIAL_TOKENS, *chat.VISIBLE_TOKENS}) == 7


@pytest.mark.parametrize(
    "question", [pytest.param(item, id=item.question) for item in questions.load()]
)
def test_no_question_or_answer_holds_a_token_that_means_something(question: Question) -> None:
    text = question.question + question.thinking + question.answer

    assert not [token for token in (*chat.SPECIAL_TOKENS, *chat.VISIBLE_TOKENS) if token in text]

"""The documents of reference prompts: what is read, and what is refused by its place and without its text."""

import json
from pathlib import Path
from typing import Any

import pytest

from deepseek_serving.quality import prompts
from deepseek_serving.quality.failures import Failure, Reason

SECRET = "what only the user's own people may read"
PROMPT = {
    "name": "capital",
    "messages": [{"role": "user", "content": SECRET}],
    "expect": {"contains": ["Paris"]},
}


def write(folder: Path, *documents: Any) -> Path:
    for number, document in enumerate(documents):
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / f"set-{number}.yaml").write_text(text)
    return folder


def refused(folder: Path | None, *, name: str = "reference") -> Failure:
    with pytest.raises(Failure) as failure:
        prompts.load(folder, name=name)
    return failure.value


def test_documents_are_read_in_order_and_the_kubelets_own_names_are_not(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    yaml = """
prompts:
  - name: sum
    maxTokens: 8
    messages:
      - {role: system, content: Be brief.}
      - {role: user, content: "2 + 2?"}
    expect: {equals: "4", finishReason: stop, maxTokens: 3}
"""
    write(tmp_path, {"prompts": [PROMPT]}, yaml)

    first, second = prompts.load(tmp_path, name="reference")

    assert (first.name, first.max_tokens, first.expect.contains) == ("capital", 256, ("Paris",))
    assert (second.name, second.max_tokens, second.expect.equals) == ("sum", 8, "4")
    assert [message.role for message in second.messages] == ["system", "user"]


def changed(**changes: Any) -> Any:
    return {"prompts": [{**PROMPT, **changes}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param("prompts: [", "it is no YAML at line 1", id="no-yaml"),
        pytest.param("[]", "the document", id="a-list"),
        pytest.param({"prompts": []}, "prompts: ", id="no-prompts"),
        pytest.param({"prompt": [PROMPT]}, "prompts: Field required", id="misspelt"),
        pytest.param(changed(name="The capital?"), "prompts.0.name: ", id="a-name-in-words"),
        pytest.param(changed(messages=[]), "prompts.0.messages: ", id="nothing-said"),
        pytest.param(changed(maxTokens=0), "prompts.0.maxTokens: ", id="no-tokens"),
        pytest.param(changed(temperature=1), "prompts.0.temperature: Extra", id="unknown-field"),
        pytest.param(changed(expect={}), "prompts.0.expect: ", id="nothing-expected"),
        pytest.param(
            changed(expect={"contains": [], "validJson": False}),
            "give at least one property",
            id="nothing-expected-in-many-words",
        ),
        pytest.param(
            changed(expect={"contians": ["x"]}), "expect.contians: Extra", id="unknown-property"
        ),
        pytest.param(
            changed(expect={"matches": ["("]}), "it is no regular expression", id="no-pattern"
        ),
        pytest.param(
            {"prompts": [PROMPT, PROMPT]}, "prompt capital is there twice", id="one-name-twice"
        ),
    ],
)
def test_what_cannot_be_asked_is_named_by_its_place(
    tmp_path: Path, document: Any, words: str
) -> None:
    failure = refused(write(tmp_path, document))

    assert failure.reason is Reason.PROMPTS_UNREADABLE
    assert failure.message.startswith("ConfigMap reference")
    assert words in failure.message
    assert SECRET not in failure.message
    assert SECRET not in str(failure)


def test_more_prompts_than_are_asked_are_refused(tmp_path: Path) -> None:
    many = [{**PROMPT, "name": f"p{number}"} for number in range(150)]
    others = [{**PROMPT, "name": f"q{number}"} for number in range(51)]

    failure = refused(write(tmp_path, {"prompts": many}, {"prompts": others}))

    assert "201 prompts, and at most 200" in failure.message


def test_a_config_map_that_is_not_there_is_missing(tmp_path: Path) -> None:
    for folder in (None, tmp_path, tmp_path / "gone"):
        failure = refused(folder)

        assert failure.reason is Reason.PROMPTS_MISSING
        assert "ConfigMap reference is not there or is empty; create it" in failure.message
    assert "is not set any more" in refused(None, name="").message


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    assert refused(tmp_path).reason is Reason.PROMPTS_UNREADABLE

"""Which object of a file is planned."""

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.test_plan import document, run
from tests.unit.samples import Manifest

THERE = ("--accelerators", "8xH200:8", "-o", "json")


def deployment(name: str) -> Manifest:
    return {
        "apiVersion": "serving.deepseek.dev/v1alpha1",
        "kind": "DeepSeekDeployment",
        "metadata": {"name": name} if name else {},
        "spec": {"model": "DeepSeek-V3"},
    }


OTHER: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}


def write(folder: Path, *documents: Manifest) -> str:
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param([OTHER, deployment("chat")], id="documents"),
        pytest.param(
            [{"kind": "List", "items": [OTHER, deployment("chat"), "no object"]}], id="list"
        ),
        pytest.param([{"kind": "List", "items": []}, deployment("chat")], id="empty-list"),
    ],
)
def test_it_is_the_only_one_of_its_kind(
    documents: list[Manifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "-f", write(tmp_path, *documents), *THERE) == 0

    assert document(capsys)["name"] == "chat"


def test_several_are_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, deployment("chat"), deployment("code"), deployment(""))

    assert run("plan", "-f", file, *THERE) == 1

    said = capsys.readouterr().err
    assert said == (
        f"error: {file}: 3 objects of kind DeepSeekDeployment (chat, code, without a name); a plan is of exactly one: "
        "give a file that has one\n"
    )


def test_an_object_without_a_name_has_a_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "chat.json"
    file.write_text(json.dumps(deployment("")))

    assert run("plan", "-f", str(file), *THERE, "--children") == 0

    found = document(capsys)
    assert found["name"] == ""
    assert "NAME" in {one["name"] for one in found["children"]["objects"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "[" * 80_000,
            "line 1: more than 128 maps and lists in each other; give a file with objects",
            id="brackets",
        ),
        pytest.param(
            "kind: DeepSeekDeployment\nspec: {since: 2024-13-45}\n",
            "month must be in 1..12; put it in quotes, or correct it",
            id="no-date",
        ),
        pytest.param("a: [b\n", "line 2: did not find expected ',' or ']'", id="no-yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Brackets in brackets ended the process itself, in the parser of libyaml."""
    file = tmp_path / "objects.yaml"
    file.write_text(text)

    assert run("plan", "-f", str(file), *THERE) == 1

    assert capsys.readouterr().err == f"error: {file}: {said}\n"


def test_other_kinds_may_be_as_deep_as_schemas_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema: Manifest = {}
    for _ in range(100):
        schema = {"properties": schema}

    assert run("plan", "-f", write(tmp_path, schema, deployment("chat")), *THERE) == 0

    assert document(capsys)["name"] == "chat"

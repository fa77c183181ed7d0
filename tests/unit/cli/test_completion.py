"""What a shell is offered for each place of a command line."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.cli import __main__ as cli
from deepseek_operator.cli import answers, completion
from deepseek_operator.cli.completion import Answer, Directive
from dev.paths import REPOSITORY

NOTHING: tuple[str, ...] = ()


def complete(*words: str, names: Sequence[str] = ()) -> Answer:
    return completion.complete(cli.parser(), words, names=lambda _: names)


def offered(*words: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    return tuple(one.word for one in complete(*words, names=names).candidates)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("ad",), ("advise",), id="verb"),
        pytest.param(("r",), ("rollback", "retry", "resume"), id="verbs"),
        pytest.param(("-n", "team", "sta"), ("status",), id="verb-after-an-option"),
        pytest.param(("--namespace=team", "sta"), ("status",), id="verb-after-an-option-and-value"),
        pytest.param(("advise", "ma"), ("math",), id="task"),
        pytest.param(("advise", "math", ""), NOTHING, id="no-second-task"),
        pytest.param(("advise", "math", "-o", ""), ("table", "json", "yaml"), id="choices"),
        pytest.param(("advise", "math", "-o", "j"), ("json",), id="choice"),
        pytest.param(("advise", "math", "--output=j"), ("--output=json",), id="choice-with-equals"),
        pytest.param(("advise", "--bud"), ("--budget",), id="option"),
        pytest.param(
            ("plan", "--accelerators", "8xH200:8", "--acc"), ("--accelerators",), id="again"
        ),
        pytest.param(("advise", "--budget", "60", "--bud"), NOTHING, id="not-again"),
        pytest.param(("advise", "--budget", ""), NOTHING, id="a-number-is-not-guessed"),
        pytest.param(("status", "-w", "chat", "--wa"), NOTHING, id="flag-not-again"),
        pytest.param(
            ("status", "chat", "-o", ""), ("table", "json", "yaml"), id="output-of-status"
        ),
        pytest.param(("explain", "--output=y"), ("--output=yaml",), id="output-of-explain"),
        pytest.param(("plan", "--di"), ("--diff",), id="a-flag-of-plan"),
        pytest.param(("plan", "--fetch-rate", ""), NOTHING, id="a-rate-is-not-guessed"),
        pytest.param(("plan", "--children", "--st"), ("--start-time",), id="after-a-flag"),
        pytest.param(("--kube",), ("--kubeconfig",), id="option-before-the-verb"),
        pytest.param(("status", "chat", "--kube"), ("--kubeconfig",), id="option-behind-the-verb"),
        pytest.param(
            ("plan", "--quantization", "n"), ("none", "nvfp4"), id="a-form-of-the-weights"
        ),
        pytest.param(
            ("plan", "--accelerators", "16xH2"),
            ("16xH20:8", "16xH200:8"),
            id="so-many-of-a-product",
        ),
        pytest.param(
            ("plan", "--accelerators=2xL4:"),
            ("--accelerators=2xL4:1", "--accelerators=2xL4:2"),
            id="nodes-with-no-more-than-that",
        ),
        pytest.param(
            ("advise", "math", "--accelerators", "8xB200:"), ("8xB200:8",), id="its-nodes"
        ),
        pytest.param(("nonsense", "--wat"), NOTHING, id="unknown-verb"),
    ],
)
def test_what_may_stand_there_is_offered(words: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert offered(*words) == expected
    assert complete(*words).directive is Directive.NO_FILES


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("plan", "--set", "te"), ("tensor=",), id="set"),
        pytest.param(
            ("plan", "--set=c"), ("--set=contextTokens=", "--set=cacheType="), id="equals"
        ),
        pytest.param(("advise", "math", "--price", "H20"), ("H20=", "H200="), id="price"),
    ],
)
def test_a_name_whose_value_is_typed_has_no_space_behind_it(
    words: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert offered(*words) == expected
    assert complete(*words).directive is Directive.GOES_ON


def test_of_no_number_each_product_is_offered_in_its_nodes() -> None:
    found = offered("plan", "--accelerators", "")

    assert {"8xH200:8", "1xL4:1", "8xL4:8"} <= set(found)


def test_names_that_are_offered_are_those_that_are_taken() -> None:
    form = ServingBlock.model_fields["quantization"].annotation

    assert tuple(cli.SETTABLE) == tuple(answers.SETTABLE)
    assert get_args(form) == cli.QUANTIZATIONS


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "-f", ""),
        ("plan", "--filename=ex"),
        ("models", "--catalog", "p"),
        ("--kubeconfig", ""),
    ],
    ids=" ".join,
)
def test_files_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    assert complete(*words) == Answer(directive=Directive.FILES)


@pytest.mark.parametrize("verb", ["status", "explain", "pause", "resume", *cli.HELP])
def test_objects_are_offered_by_name_and_once(verb: str) -> None:
    assert offered(verb, "c", names=("chat", "code", "math")) == ("chat", "code")
    assert offered(verb, "chat", "", names=("chat", "code")) == ()


def test_a_flag_has_no_value_that_comes_next() -> None:
    assert offered("status", "--watch", "c", names=("chat",)) == ("chat",)


def test_objects_are_those_of_the_cluster_and_namespace_that_are_given() -> None:
    asked: list[dict[str, str]] = []

    def names(given: dict[str, str]) -> Sequence[str]:
        asked.append(given)
        return ()

    words = ("--kubeconfig", "file", "--context=lab", "-n", "team", "status", "")
    completion.complete(cli.parser(), words, names=names)

    assert asked == [{"kubeconfig": "file", "context": "lab", "namespace": "team"}]


def test_every_verb_and_option_is_offered_with_what_it_is() -> None:
    root = cli.parser()

    assert set(root.verbs) >= {"advise", "plan", "models", "accelerators", "status", *cli.HELP}
    for verb in root.verbs:
        [candidate] = [one for one in complete(verb).candidates if one.word == verb]
        options = complete(verb, "--").candidates
        assert candidate.text
        assert all(one.text for one in options)
        assert {one.word for one in options} == {
            action.option_strings[-1]
            for action in root.verbs[verb].arguments
            if action.option_strings
        }
    assert all(one.text for one in complete("advise", "").candidates)


def test_it_is_told_as_kubectl_reads_it() -> None:
    assert str(complete("advise", "ma")) == "math\tproblems of mathematics\n:4"
    assert str(complete("advise", "math", "-o", "y")) == "yaml\n:4"
    assert str(complete("plan", "-f", "")) == ":0"


def test_the_program_is_installed_by_the_name_that_kubectl_looks_for() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()

    assert 'kubectl_complete-deepseek = "deepseek_operator.cli.completion:main"' in project


@pytest.mark.parametrize(
    ("body", "names"),
    [
        pytest.param(
            'echo "$@" > "$0.asked"; echo deepseekdeployment.serving.deepseek.dev/chat; '
            "echo deepseekdeployment.serving.deepseek.dev/code",
            ["chat", "code"],
            id="two",
        ),
        pytest.param("exit 1", [], id="no-cluster"),
    ],
)
def test_names_are_asked_of_kubectl(
    body: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert list(completion.names_in_cluster({"namespace": "team"})) == names
    if names:
        asked = (tmp_path / "kubectl.asked").read_text()
        assert asked == "get deepseekdeployments -o name --namespace=team\n"


def test_without_kubectl_no_names_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert list(completion.names_in_cluster({})) == []


def test_the_program_prints_what_may_stand_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-deepseek", "acc"])

    assert completion.main() == 0
    assert capsys.readouterr().out == "accelerators\tThe accelerators of the catalog.\n:4\n"

"""What CONTRIBUTING.md says of the repository holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dev.paths import REPOSITORY

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text()

MOST_LINES = 400

LONGER = {
    "tests/unit/api/test_rules.py": 500,
    "tests/unit/build/test_weights.py": 450,
    "tests/unit/rollout/test_machine.py": 700,
    "tests/unit/test_canary.py": 600,
    "tests/unit/test_fallbacks.py": 450,
    "tests/unit/test_fetching.py": 700,
    "tests/unit/test_plan.py": 450,
    "tests/unit/test_reconcile.py": 550,
    "tests/unit/test_warming.py": 750,
}
"""Files that are above the limit, and what none of them may pass. A file that is split leaves this list,
and none joins it."""

MOST_LINES_OF_A_FUNCTION = 40
EXCEPTIONAL_LINES = 60

LONGER_FUNCTIONS = {
    "bench/decision/simulate.py::one_run",
    "bench/reconcile/scale_report.py::costs",
    "operator/deepseek_operator/application.py::_act",
    "operator/deepseek_operator/application.py::run_operator",
    "operator/deepseek_operator/build/gateway_document.py::document",
    "operator/deepseek_operator/build/quality.py::build_exam_job",
    "operator/deepseek_operator/build/status.py::build_status",
    "operator/deepseek_operator/build/template.py::build_template",
    "operator/deepseek_operator/build/warmup.py::build_warmup_job",
    "operator/deepseek_operator/build/weights.py::_pod",
    "operator/deepseek_operator/canary.py::_facts",
    "operator/deepseek_operator/comparison.py::plan_of",
    "operator/deepseek_operator/course_told.py::entry",
    "operator/deepseek_operator/observe.py::observe",
    "operator/deepseek_operator/reconcile.py::_carry_out",
    "operator/deepseek_operator/resolve.py::resolve_shape",
    "operator/deepseek_operator/rollout/stretches.py::stretch",
    "operator/deepseek_operator/watch.py::build_registry",
    "serving/deepseek_serving/gateway/__main__.py::application",
    "serving/deepseek_serving/gateway/__main__.py::run",
    "serving/deepseek_serving/gateway/clusters.py::cluster",
    "tests/cluster/fake_external_metrics.py::registered",
    "tests/gateway/fake_metrics.py::FakeMetrics::__init__",
    "tests/gateway/test_silence.py::test_no_word_and_no_key_is_written_anywhere",
    "tests/machine/test_fences.py::test_an_agent_lets_through_what_the_policies_mean_and_nothing_else",
    "tests/unit/serving/gateway/test_counts.py::test_each_kind_of_request_is_read",
    "tests/unit/serving/gateway/test_tracing.py::test_every_listener_has_spans_made_and_sent",
    "tests/unit/test_warming.py::pod",
}
"""Functions that are above the limit. One that is split leaves this list, and none joins it."""

LONGEST_FUNCTIONS = {"operator/deepseek_operator/canary.py::course": 75}
"""Those that are above what is exceptional, and what none of them may pass."""

SOURCES = [
    path
    for folder in ("operator", "serving", "dev", "tests", "bench")
    for pattern in ("*.py", "*.go")
    for path in (REPOSITORY / folder).rglob(pattern)
]


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The name of each function of a file, as tests are named, and its lines; decorators are not of them."""
    name = str(path.relative_to(REPOSITORY))
    todo: list[tuple[str, ast.AST]] = [(name, ast.parse(path.read_text()))]
    while todo:
        place, node = todo.pop()
        for child in ast.iter_child_nodes(node):
            below = place
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                below = f"{place}::{child.name}"
            todo.append((below, child))
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield below, (child.end_lineno or 0) - child.lineno + 1


LONG = {
    name: lines
    for path in SOURCES
    if path.suffix == ".py"
    for name, lines in functions(path)
    if lines > MOST_LINES_OF_A_FUNCTION
}


def test_no_file_is_longer_than_the_page_allows() -> None:
    assert f"files of at most {MOST_LINES}" in PAGE
    long = {
        name: count
        for path in SOURCES
        if (count := lines_of(path))
        > LONGER.get(name := str(path.relative_to(REPOSITORY)), MOST_LINES)
    }

    assert len(SOURCES) > 400
    assert long == {}, "split them"


def test_a_file_that_was_split_is_no_exception_any_more() -> None:
    assert [name for name in LONGER if lines_of(REPOSITORY / name) <= MOST_LINES] == []


def test_no_function_is_longer_than_the_page_allows() -> None:
    assert f"Functions of at most {MOST_LINES_OF_A_FUNCTION} lines" in PAGE
    assert f"none but one is above {EXCEPTIONAL_LINES}" in PAGE
    assert len(LONGEST_FUNCTIONS) == 1

    known = LONGER_FUNCTIONS | LONGEST_FUNCTIONS.keys()
    allowed = dict.fromkeys(LONGER_FUNCTIONS, EXCEPTIONAL_LINES) | LONGEST_FUNCTIONS
    assert LONG.keys() - known == set(), "split them"
    assert {name for name, lines in LONG.items() if lines > allowed[name]} == set(), "split them"


def test_a_function_that_was_split_is_no_exception_any_more() -> None:
    assert (LONGER_FUNCTIONS | LONGEST_FUNCTIONS.keys()) - LONG.keys() == set()
    assert [name for name in LONGEST_FUNCTIONS if LONG[name] <= EXCEPTIONAL_LINES] == []


def test_every_folder_of_tests_is_told() -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith("| `tests/` |")]
    told = set(re.findall(r"`([a-z0-9]+)`", row))
    there = {
        folder.name
        for folder in (REPOSITORY / "tests").iterdir()
        if folder.is_dir() and not folder.name.startswith("_")
    }

    assert told == there

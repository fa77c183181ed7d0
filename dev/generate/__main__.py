"""Write every generated file, or say with --check which ones are out of date.

uv run python -m dev.generate [--check]
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from deepseek_operator.api import crd, warnings
from dev import steps
from dev.generate import (
    command_line,
    decisions,
    examples,
    fields,
    figures,
    monitoring,
    operations,
    outputs,
    permissions,
    security,
    sizing,
    values,
)
from dev.monitoring.dashboards import DASHBOARDS
from dev.paths import REPOSITORY

CHART = Path("charts") / "deepseek-operator"
REFERENCE = Path("docs") / "reference"
SIZING = Path("docs") / "sizing.md"
ADVICE = Path("docs") / "advice.md"
SECURITY = Path("docs") / "security.md"
OBSERVABILITY = Path("docs") / "observability.md"


def documents(root: Path = REPOSITORY) -> dict[Path, str]:
    """Every generated file by its path in the repository, with the text that it should have."""
    definition = crd.render()
    return {
        Path("crds") / "deepseekdeployments.yaml": definition,
        CHART / "files" / "deepseekdeployments.yaml": definition,
        **read_by_the_program(),
        CHART / "files" / "warnings.yaml": _warnings(),
        CHART / "files" / "alerts.yaml": monitoring.render_rules(),
        **{
            CHART / "files" / "dashboards" / f"{one.uid}.json": monitoring.render_dashboard(one)
            for one in DASHBOARDS
        },
        CHART / "README.md": _chart_readme(root / CHART),
        SIZING: sizing.render((root / SIZING).read_text()),
        ADVICE: figures.render((root / ADVICE).read_text()),
        SECURITY: security.render((root / SECURITY).read_text()),
        REFERENCE / "deepseekdeployment.md": fields.render(),
        REFERENCE / "settings.md": operations.render_settings(),
        REFERENCE / "metrics.md": operations.render_metrics(),
        REFERENCE / "command-line.md": command_line.render(),
        decisions.DECISIONS / "README.md": decisions.index(root),
        examples.EXAMPLES / "README.md": examples.index(root),
        **_pages_with_examples(root),
        OBSERVABILITY: monitoring.render_table((root / OBSERVABILITY).read_text()),
        **monitoring.runbooks(root),
    }


def read_by_the_program() -> dict[Path, str]:
    """What the program itself reads, and with it the pages that show what it prints: written before them."""
    api = Path("operator") / "deepseek_operator" / "api"
    return {api / "data" / "spec.json": crd.render_spec()}


def _pages_with_examples(root: Path) -> dict[Path, str]:
    """The pages that show files, or what commands print of them."""
    texts = {page: page.read_text() for page in sorted((root / "docs").rglob("*.md"))}
    return {
        page.relative_to(root): outputs.printed(examples.included(text, root=root), root=root)
        for page, text in texts.items()
        if examples.shows(text) or outputs.shows(text)
    }


def _warnings() -> str:
    """Validations of the chart's ValidatingAdmissionPolicy, as its template takes them in."""
    header = "# Generated from operator/deepseek_operator/api/warnings.py by `make generate`; do not edit.\n"
    return header + yaml.safe_dump(warnings.validations(), sort_keys=False, width=100)


def _chart_readme(chart: Path) -> str:
    """The chart's README with both of its tables renewed."""
    text = values.render(
        (chart / "README.md").read_text(),
        schema=(chart / "values.schema.json").read_text(),
        defaults=(chart / "values.yaml").read_text(),
    )
    return permissions.render(text, rules=(chart / "templates" / "_rules.tpl").read_text())


def outdated(wanted: Mapping[Path, str], root: Path = REPOSITORY) -> list[Path]:
    """The files that are missing or differ from what they should be."""
    return [path for path, text in wanted.items() if _present(root / path) != text]


def _present(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def write(wanted: Mapping[Path, str], paths: list[Path], root: Path = REPOSITORY) -> None:
    """Write these files; each appears whole or not at all."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        unfinished.write_text(wanted[path])
        unfinished.replace(file)


def program() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    options = parser.parse_args()
    renew(read_by_the_program(), only_check=options.check)
    wanted = documents()
    renew(wanted, only_check=options.check)
    print(f"{len(wanted)} generated files are up to date")
    return 0


def renew(wanted: Mapping[Path, str], *, only_check: bool, root: Path = REPOSITORY) -> None:
    """Write what is out of date; StepError with its names where it is only to be checked."""
    changed = outdated(wanted, root)
    names = ", ".join(str(path) for path in changed)
    if changed and only_check:
        raise steps.StepError(f"not up to date: {names}; run `make generate`")
    if changed:
        with steps.step(f"generate {names}"):
            write(wanted, changed, root)


if __name__ == "__main__":
    steps.main(program)

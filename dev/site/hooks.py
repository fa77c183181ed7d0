"""What MkDocs reads: the pages of the whole repository, each at its path in it, so that one link serves both."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from dev.paths import REPOSITORY

PAGES = ("*.md", "docs/**/*.md", "charts/*/README.md", "examples/README.md")

LINKED = (
    "LICENSE",
    "charts/*/files/alerts.yaml",
    "charts/*/files/dashboards/*.json",
    "examples/**/*.yaml",
    "operator/deepseek_operator/engines/data/*.yaml",
)
"""What pages link to and is shown as it is."""


def sources(root: Path = REPOSITORY) -> list[Path]:
    """The files of the site."""
    return sorted({file for pattern in (*PAGES, *LINKED) for file in root.glob(pattern)})


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Put these in place of what MkDocs found in docs/, beside what belongs to the theme."""
    for file in files.documentation_pages():
        files.remove(file)
    root = Path(config.config_file_path).parent
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with the bars of its code in tables bare: where it is read otherwise they need a backslash, here they show it."""
    return "\n".join(
        re.sub(r"`[^`]*`", _bare, line) if line.startswith("|") else line
        for line in markdown.split("\n")
    )


def _bare(code: re.Match[str]) -> str:
    return code[0].replace("\\|", "|")

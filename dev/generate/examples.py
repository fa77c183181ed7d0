"""The examples where pages show them, and the page that lists them: each is a file, which tests apply as it stands."""

import re
from pathlib import Path

from dev.generate import markdown

EXAMPLES = Path("examples")

_MARK = re.compile(r"<!-- (examples/[a-z0-9/-]+\.yaml): generated")

_INDEX = f"""{markdown.GENERATED}

# Examples

`kubectl apply --filename` takes each of them as it stands, and a test does so with every change. Some need Secrets, ConfigMaps or volumes
of yours, which they name.

"""

_PLATFORM = """
Whoever installs the operator has these, values of the chart among them:

"""


def shows(page: str) -> bool:
    """Whether the page shows an example."""
    return _MARK.search(page) is not None


def included(page: str, *, root: Path) -> str:
    """The page with the examples that it shows renewed."""
    return markdown.renewed(page, _MARK, lambda name: f"```yaml\n{(root / name).read_text()}```")


def index(root: Path) -> str:
    """The page of all examples: each file with what its first lines say of it."""
    folder = root / EXAMPLES
    header = ("File", "What it shows")
    objects = markdown.table(header, _rows(folder, "*.yaml"))
    platform = markdown.table(header, _rows(folder, "platform/*.yaml"))
    return f"{_INDEX}{objects}\n{_PLATFORM}{platform}\n"


def _rows(folder: Path, pattern: str) -> list[tuple[str, str]]:
    files = sorted(folder.glob(pattern))
    return [
        (f"[{name}]({name})", said_of(file.read_text()))
        for file in files
        for name in [file.relative_to(folder).as_posix()]
    ]


def said_of(example: str) -> str:
    """The first sentence of its first comment."""
    lines = []
    for line in example.splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# "))
    return " ".join(lines).partition(". ")[0].rstrip(".") + "."

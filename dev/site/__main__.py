"""Build the site and look at it: python -m dev.site. A link or an anchor that leads nowhere fails, and so does a page that loads.

`NO_MKDOCS_2_WARNING=1 python -m mkdocs serve` shows it while pages are written.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dev import steps
from dev.paths import REPOSITORY

SITE = REPOSITORY / "dist" / "site"

CONFIGURATION = REPOSITORY / "mkdocs.yml"

LOADED = re.compile(
    r"""<(?:audio|embed|iframe|img|link|object|script|source|video)\b[^>]*?\b(?:src|href|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|(?:@import\s*|url\()["']?((?:https?:)?//[^"')\s]+)"""
)
"""What a browser fetches by itself, in HTML and in CSS, from a host that is named."""

IDENTIFIES = re.compile(r"<link\b[^>]*\brel=[\"']?canonical\b[^>]*>")
"""A link that says where a page is and that nothing is fetched from."""


def build(configuration: Path = CONFIGURATION) -> None:
    """Have MkDocs build it; every warning is a failure. It counts those that it tells of: none with its --quiet."""
    options = ["--strict", f"--config-file={configuration}"]
    command = [sys.executable, "-m", "mkdocs", "build", *options]
    steps.run(command, cwd=REPOSITORY, env={"NO_MKDOCS_2_WARNING": "1"})


def loaded_from_elsewhere(text: str) -> list[str]:
    """What a page or a style sheet would fetch from another host."""
    return [html or css for html, css in LOADED.findall(IDENTIFIES.sub("", text))]


def fetches(site: Path) -> Iterator[str]:
    """Each file of the site that would fetch something from another host, with what it would."""
    for file in sorted(site.rglob("*")):
        if file.suffix in {".html", ".css"}:
            for address in loaded_from_elsewhere(file.read_text()):
                yield f"{file.relative_to(site)} loads {address}"


def program() -> int:
    """Build it, and fail where whoever reads it would be told of to others, or needs the internet."""
    argparse.ArgumentParser(prog="python -m dev.site", description=__doc__).parse_args()
    build()
    if found := list(fetches(SITE)):
        raise steps.StepError("the site is to need no other host: " + "; ".join(found))
    pages = sum(1 for _ in SITE.rglob("*.html"))
    print(f"the site has {pages} pages, and every link in it leads somewhere: {SITE}/index.html")
    return 0


if __name__ == "__main__":
    steps.main(program)

"""The site of the documentation: which files it has, that links lead somewhere, and that it needs no other host."""

from pathlib import Path

import pytest

from dev import steps
from dev.paths import REPOSITORY
from dev.site import __main__ as site
from dev.site import hooks


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<script src="https://cdn.example.com/a.js"></script>', id="script"),
        pytest.param('<link rel="stylesheet" href="//fonts.example.com/a.css">', id="style"),
        pytest.param("<img alt=x src=http://example.com/a.png>", id="image"),
        pytest.param("@import 'https://example.com/a.css';", id="import"),
        pytest.param("src: url(https://example.com/a.woff2)", id="font"),
    ],
)
def test_what_is_loaded_from_another_host_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(text)

    [found] = site.fetches(tmp_path)

    assert found.startswith("page.html loads ")
    assert "example.com" in found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<a href="https://example.com">', id="link"),
        pytest.param('<link rel="canonical" href="https://example.com/page">', id="canonical"),
        pytest.param('<script src="../assets/a.js">', id="own"),
        pytest.param(
            "url(\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'>\")", id="data"
        ),
    ],
)
def test_what_loads_nothing_from_elsewhere_is_fine(text: str) -> None:
    assert site.loaded_from_elsewhere(text) == []


def test_the_site_has_every_page_and_example() -> None:
    names = {path.relative_to(REPOSITORY).as_posix() for path in hooks.sources()}

    assert {"README.md", "docs/reference/metrics.md", "charts/deepseek-operator/README.md"} <= names
    assert {"examples/quickstart.yaml", "examples/platform/catalog.yaml", "LICENSE"} <= names
    assert not [
        name for name in names if name.startswith((".", "tests/", "operator/deepseek_operator/api"))
    ]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A site of two pages, by the repository's own settings: its `mkdocs.yml`."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Home\n\n[Steps](docs/page.md#steps)\n")
    (tmp_path / "docs" / "page.md").write_text("# Page\n\n## Steps\n")
    configuration = tmp_path / "mkdocs.yml"
    configuration.write_text(
        f"INHERIT: {site.CONFIGURATION}\n"
        f"hooks: [{REPOSITORY / 'dev' / 'site' / 'hooks.py'}]\n"
        "nav: [README.md, docs/page.md]\n"
    )
    return configuration


def test_a_site_is_built_where_every_link_leads_somewhere(small: Path) -> None:
    site.build(small)

    assert (small.parent / "dist" / "site" / "docs" / "page.html").is_file()


def test_links_that_lead_nowhere_and_a_page_outside_of_the_table_are_refused(small: Path) -> None:
    faults = ("docs/gone.md", "docs/page.md#gone", "docs")
    (small.parent / "README.md").write_text("\n".join(f"[a]({fault})" for fault in faults))
    (small.parent / "docs" / "new.md").write_text("# New\n")

    with pytest.raises(steps.StepError, match="Aborted with 4 warnings in strict mode") as refused:
        site.build(small)

    said = str(refused.value)
    assert all(f"'{fault}'" in said for fault in faults)
    assert "docs/new.md" in said


def test_bars_in_the_code_of_tables_are_bare() -> None:
    page = "| `a\\|b` | c \\| d |\n`e\\|f`"

    assert hooks.on_page_markdown(page) == "| `a|b` | c \\| d |\n`e\\|f`"

"""Writing generated files, and noticing those that are out of date."""

from pathlib import Path

from dev.generate import __main__ as generate

WANTED = {Path("docs/a.md"): "a\n", Path("crds/b.yaml"): "b\n"}


def test_what_is_missing_or_differs_is_out_of_date(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("old\n")

    assert generate.outdated(WANTED, tmp_path) == list(WANTED)


def test_what_was_written_is_up_to_date_and_nothing_else_is_left(tmp_path: Path) -> None:
    generate.write(WANTED, list(WANTED), tmp_path)

    assert generate.outdated(WANTED, tmp_path) == []
    files = [file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(files) == sorted(WANTED)


def test_only_what_is_asked_for_is_written(tmp_path: Path) -> None:
    generate.write(WANTED, [Path("docs/a.md")], tmp_path)

    assert generate.outdated(WANTED, tmp_path) == [Path("crds/b.yaml")]


def test_the_chart_has_the_very_definition_that_is_published() -> None:
    made = generate.documents()

    texts = [text for path, text in made.items() if path.name == "deepseekdeployments.yaml"]
    assert len(texts) == 2
    assert len(set(texts)) == 1

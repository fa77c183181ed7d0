"""What is looked through for known vulnerabilities."""

from pathlib import Path

from dev.supply_chain import audit


def test_all_that_is_passed_on_is_looked_through_and_nothing_is_resolved() -> None:
    export, *audits = audit.audits(Path("uv"), Path("/folder"))

    assert {"export", "--frozen", "--no-dev", "--all-extras"} <= set(export)
    assert [command[-1] for command in audits] == [export[-1], audit.ENGINE]
    for command in audits:
        assert {"--strict", "--disable-pip", "--require-hashes", "--frozen"} <= set(command)
        assert command[command.index("--only-group") + 1] == "audit"

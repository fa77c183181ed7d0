"""What every test may use: golden files, and the switches that write them anew and run the long tests."""

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests import examples

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]

_SHOWN = 80
"""Lines of a difference."""

# The same examples each time, so that a change that passes here passes everywhere; a campaign looks for new ones.
# No deadline: how long an example takes says how busy the machine is.
settings.register_profile("seeded", deadline=None, derandomize=True)
settings.load_profile("seeded")
settings.register_profile("campaign", deadline=None, max_examples=examples.in_a_campaign(100))
# Where it is enough that an example fails, none has to be made small: that takes minutes.
settings.register_profile(
    "unshrunk",
    settings.get_profile("seeded"),
    phases=[phase for phase in Phase if phase is not Phase.shrink],
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden anew from what the code produces, for review in the diff",
    )

    parser.addoption(
        "--campaign",
        action="store_true",
        help="run the long tests too, and in full those that have a short form",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Test modules take their settings from the profile when they are imported, which is later."""
    if config.getoption("--campaign"):
        settings.load_profile("campaign")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --campaign, long tests that have no short form are not of this run."""
    if config.getoption("--campaign"):
        return
    marks = {item: item.get_closest_marker("campaign") for item in items}
    long = [item for item, mark in marks.items() if mark and not mark.kwargs.get("has_short_form")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def in_full(request: pytest.FixtureRequest) -> bool:
    """Whether a test that has a short form is to take its time."""
    return bool(request.config.getoption("--campaign"))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        known = path.read_text() if path.exists() else ""
        # Not compared in the assertion: pytest would add a second diff, of all of it.
        is_same = known == text
        assert is_same, difference(name, known, text)

    return compare


def difference(name: str, known: str, text: str) -> str:
    """What is another in a golden file, line by line, and what to do about it."""
    lines = list(
        difflib.unified_diff(
            known.splitlines(),
            text.splitlines(),
            f"tests/golden/{name}",
            "what the code produces",
            lineterm="",
            n=2,
        )
    )
    more = len(lines) - _SHOWN
    return "\n".join(
        [
            f"tests/golden/{name} {'differs' if known else 'is not there'}:",
            *lines[:_SHOWN],
            *([f"... and {more} lines more"] if more > 0 else []),
            "If that is meant: `make golden`, and review the diff.",
        ]
    )

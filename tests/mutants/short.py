"""The mutants of every run: all that break a promise of docs/invariants.md, and of the others every twenty-fourth.

The rest are as good, and all of them together take longer than a run may; a campaign has them in full.
"""

import re
from collections.abc import Sequence

from tests.mutants.campaign import REPOSITORY
from tests.mutants.patch import Mutant

EACH = 24


def promised() -> set[str]:
    """The mutants that the page of invariants names, and whatever else stands there as code."""
    page = (REPOSITORY / "docs" / "invariants.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])}


def short_form(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Those of every run, in their order."""
    named = promised()
    others = [mutant.name for mutant in mutants if mutant.name not in named]
    chosen = {*others[::EACH], *named}
    return [mutant for mutant in mutants if mutant.name in chosen]

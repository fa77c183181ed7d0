"""Every mutant, by what it breaks."""

from tests.mutants.analysis import ANALYSIS
from tests.mutants.children import CHILDREN
from tests.mutants.decisions import DECISIONS
from tests.mutants.fallback import FALLBACK
from tests.mutants.fetching import FETCHING
from tests.mutants.gateway import GATEWAY
from tests.mutants.patch import Mutant
from tests.mutants.rollout import ROLLOUT
from tests.mutants.running import RUNNING
from tests.mutants.telling import TELLING
from tests.mutants.warming import WARMING
from tests.mutants.writes import WRITES

MUTANTS: tuple[Mutant, ...] = (
    *DECISIONS,
    *CHILDREN,
    *WRITES,
    *FETCHING,
    *WARMING,
    *ROLLOUT,
    *ANALYSIS,
    *GATEWAY,
    *FALLBACK,
    *TELLING,
    *RUNNING,
)

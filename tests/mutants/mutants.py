"""Every mutant, by what it breaks."""

from tests.mutants.accelerators import ACCELERATORS
from tests.mutants.advice import ADVICE
from tests.mutants.analysis import ANALYSIS
from tests.mutants.autoscaling import AUTOSCALING
from tests.mutants.catalog import CATALOG
from tests.mutants.children import CHILDREN
from tests.mutants.classes import CLASSES
from tests.mutants.commands import COMMANDS
from tests.mutants.counters import COUNTERS
from tests.mutants.decisions import DECISIONS
from tests.mutants.fallback import FALLBACK
from tests.mutants.fetching import FETCHING
from tests.mutants.first import FIRST
from tests.mutants.gateway import GATEWAY
from tests.mutants.groups import GROUPS
from tests.mutants.limits import LIMITS
from tests.mutants.measured import MEASURED
from tests.mutants.mirror import MIRROR
from tests.mutants.patch import Mutant
from tests.mutants.pauses import PAUSES
from tests.mutants.planning import PLANNING
from tests.mutants.promoted import PROMOTED
from tests.mutants.quality import QUALITY
from tests.mutants.ranks import RANKS
from tests.mutants.records import RECORDS
from tests.mutants.released import RELEASED
from tests.mutants.replacing import REPLACING
from tests.mutants.rollout import ROLLOUT
from tests.mutants.routes import ROUTES
from tests.mutants.running import RUNNING
from tests.mutants.security import SECURITY
from tests.mutants.shares import SHARES
from tests.mutants.sizing import SIZING
from tests.mutants.sizing_of_pods import SIZING_OF_PODS
from tests.mutants.stable_away import STABLE_AWAY
from tests.mutants.telling import TELLING
from tests.mutants.trtllm import TRTLLM
from tests.mutants.trtllm_sizing import TRTLLM_SIZING
from tests.mutants.warming import WARMING
from tests.mutants.writes import WRITES

MUTANTS: tuple[Mutant, ...] = (
    *DECISIONS,
    *CHILDREN,
    *WRITES,
    *FETCHING,
    *WARMING,
    *ROLLOUT,
    *PAUSES,
    *COMMANDS,
    *STABLE_AWAY,
    *RECORDS,
    *SHARES,
    *PROMOTED,
    *COUNTERS,
    *ANALYSIS,
    *QUALITY,
    *REPLACING,
    *MIRROR,
    *GATEWAY,
    *FALLBACK,
    *ROUTES,
    *GROUPS,
    *RANKS,
    *LIMITS,
    *CLASSES,
    *FIRST,
    *SIZING,
    *SIZING_OF_PODS,
    *MEASURED,
    *AUTOSCALING,
    *TELLING,
    *RUNNING,
    *SECURITY,
    *TRTLLM,
    *TRTLLM_SIZING,
    *ADVICE,
    *ACCELERATORS,
    *PLANNING,
    *CATALOG,
    *RELEASED,
)

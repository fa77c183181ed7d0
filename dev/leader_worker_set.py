"""The kinds of LeaderWorkerSet as its Go module has them: python3 -m dev.leader_worker_set.

Its controller is the tool `lws`, which tests alone need.
"""

from pathlib import Path

from dev import steps
from dev.kinds import Kinds

KINDS = {
    "leaderworkersets": "leaderworkerset.x-k8s.io",
    "disaggregatedsets": "disaggregatedset.x-k8s.io",
}
"""By kind, its group: what the operator uses, and what the controller does not start without."""

LEADER_WORKER_SET = Kinds(
    name="leader-worker-set",
    program="dev.leader_worker_set",
    module="sigs.k8s.io/lws",
    tool="lws",
    files={kind: f"config/crd/bases/{group}_{kind}.yaml" for kind, group in KINDS.items()},
)


def definitions() -> list[Path]:
    """The files, one a kind; StepError with the remedy when they have not been fetched."""
    return LEADER_WORKER_SET.definitions()


def fetch() -> None:
    """Fetch the module and keep the definitions; what is there costs nothing."""
    LEADER_WORKER_SET.fetch()


def program() -> int:
    """The command line."""
    fetch()
    return 0


if __name__ == "__main__":
    steps.main(program)

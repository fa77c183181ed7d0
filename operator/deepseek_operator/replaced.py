"""What a Replace takes from its two revisions, pods and requests, and what is left of them. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from deepseek_operator.observed import Observed, revision_of, worker_of
from deepseek_operator.rollout import replacing
from deepseek_operator.rollout.run import Phase, Run
from deepseek_operator.rollout.switch import Roles


def emptied(roles: Roles, run: Run | None, observed: Observed) -> Roles:
    """The roles, without pods for whom the run leaves none, and without requests while it sends none.

    Who has pods to give up comes first: a pass that is cut off never leaves both with theirs.
    """
    if run is None or not run.plan.replaces:
        return roles
    empty = replacing.without_pods(run) & roles.replicas.keys()
    had = roles.replicas[run.stable] if run.stable in empty else 0
    first = [key for key in roles.replicas if key in empty and leaving(observed, {}, key)]
    return replace(
        roles,
        replicas={**dict.fromkeys(first, 0), **roles.replicas, **dict.fromkeys(empty, 0)},
        resting={run.stable: had} if had else {},
        shut=replacing.shut(run),
    )


def let_go(run: Run | None, roles: Roles, candidate: str | None) -> str | None:
    """Whose running answers are to end before its pods go; nobody's of who stands in for others and goes on."""
    if run is None or run.phase is not Phase.CLOSING:
        return candidate
    return run.stable if roles.shut else None


def leaving(observed: Observed, replicas: Mapping[str, int], key: str) -> int:
    """Pods of a revision beyond those that it is to have; those on their way out hold accelerators still."""
    engine_set = observed.engine_set(key) or {}
    counts = [int(engine_set.get(part, {}).get("replicas", 0)) for part in ("spec", "status")]
    ending = [pod for pod in observed.ending if key in (revision_of(pod), worker_of(pod))]
    return max(0, max(counts) - replicas.get(key, 0)) + len(ending)

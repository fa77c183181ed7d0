"""From one model to the next under users' requests: what the operator does, live, and what users say of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import steps
from dev.demo.load import Load
from dev.kubectl import Kubectl
from dev.paths import REPOSITORY

POLL_SECONDS = 1.0
SILENCE_SECONDS = 15.0
"""A line is printed at least so often."""

ENDED = ("Watching", "Succeeded", "RolledBack")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A change of the object, and how its Canary has to end."""

    file: Path
    ends: tuple[str, ...]


SCENARIOS: Mapping[str, Scenario] = {
    "promote": Scenario(REPOSITORY / "examples" / "demo-v3.yaml", ("Watching", "Succeeded")),
    "bad-candidate": Scenario(REPOSITORY / "examples" / "demo-bad-candidate.yaml", ("RolledBack",)),
}


def follow(
    kubectl: Kubectl, namespace: str, name: str, load: Load, *, before: str, seconds: float
) -> Any:
    """What status says of the run that comes after `before`, once it has ended; each change is printed."""
    deadline, said, told = time.monotonic() + seconds, "", 0.0
    while True:
        found = kubectl.json("get", "deepseekdeployment", name, f"--namespace={namespace}")
        rollout = found.get("status", {}).get("rollout", {})
        if rollout.get("run", before) != before:
            line = place(rollout)
            if line != said or time.monotonic() > told + SILENCE_SECONDS:
                lines = (f"{line}: {rollout['message']}", *figures(rollout), users(load, rollout))
                print("    " + "\n        ".join(lines), flush=True)
                said, told = line, time.monotonic()
            if rollout["phase"] in ENDED:
                return rollout
        if time.monotonic() > deadline:
            raise steps.StepError(
                f"the Canary of {name} has not ended after {seconds:g} s; look closer with"
                f" `kubectl describe dsd {name} --namespace {namespace}`"
            )
        time.sleep(POLL_SECONDS)


def place(rollout: Any) -> str:
    """Where a run is, on one line."""
    return (
        f"{rollout['phase']}, step {rollout['step']} of {rollout['steps']}, "
        f"{rollout['weight']} % ({rollout['reason']})"
    )


def figures(rollout: Any) -> list[str]:
    """What both revisions are judged by so far: how many of their requests were bad, of how many."""
    seen = [
        (
            f"{one['name']} {one['candidateBad']} of {one['candidateRequests']}"
            f" ({one['stableBad']} of {one['stableRequests']})"
        )
        for one in rollout.get("metrics", [])
        if one["candidateRequests"]
    ]
    return [f"bad of the candidate (of the old): {', '.join(seen)}"] if seen else []


def users(load: Load, rollout: Any) -> str:
    """What the clients themselves have counted."""
    answered = load.revisions
    candidate, stable = answered[rollout["candidate"]], answered[rollout["stable"]]
    failed = len(load.failures)
    of_candidate = load.refusals[rollout["candidate"]]
    whose = f" ({of_candidate} of them refused by the candidate)" if failed else ""
    return f"users: {stable} answers of {rollout['stable']}, {candidate} of the candidate, {failed} failed{whose}"


def objection(scenario: Scenario, rollout: Any, load: Load) -> str | None:
    """What is wrong with the way a run ended: another end, or users who lost what no candidate refused them."""
    lost = len(load.failures) - load.refusals[rollout["candidate"]]
    if rollout["phase"] not in scenario.ends:
        return f"the run ended as {rollout['phase']}: {rollout['message']}"
    if lost or ("RolledBack" not in scenario.ends and load.failures):
        return f"users lost requests: {load.failures[:3]}"
    return None

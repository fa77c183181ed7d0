"""An object as people on call read it. Pure."""

from datetime import datetime
from enum import IntEnum
from typing import Any

Manifest = dict[str, Any]


class Standing(IntEnum):
    """How an object stands, as an exit code."""

    AS_ASKED = 0
    """The revision that the spec asks for serves."""
    REFUSED = 1
    """It was rolled back, or the spec cannot be served."""
    UNDER_WAY = 2
    """Pods start, or a Canary goes on."""
    NEEDS_A_PERSON = 3
    """A Canary is held, or waits for an approval."""


def standing(manifest: Manifest) -> Standing:
    """What a script wants to know."""
    status = manifest.get("status", {})
    found = {item["type"]: item for item in status.get("conditions", [])}
    if any(
        item["observedGeneration"] < manifest["metadata"]["generation"] for item in found.values()
    ):
        return Standing.UNDER_WAY
    if found.get("Stalled", {}).get("status") == "True":
        return Standing.REFUSED
    if status.get("rollout", {}).get("phase") in ("Held", "AwaitingApproval"):
        return Standing.NEEDS_A_PERSON
    rolled_out = found.get("RolledOut", {}).get("status") == "True"
    settled = found.get("Reconciling", {}).get("status") == "False"
    return Standing.AS_ASKED if rolled_out and settled else Standing.UNDER_WAY


def describe(manifest: Manifest, *, now: datetime) -> str:
    """Everything that matters on one screen."""
    status, metadata = manifest.get("status", {}), manifest["metadata"]
    lines = [f"{metadata['namespace']}/{metadata['name']}"]
    if not status:
        return "\n".join([*lines, "  the operator has not seen the object yet"])
    lines.append(f"  url       {status.get('url', '')}   model: {status.get('servedName', '')}")
    lines += _revisions(status)
    if "gateway" in status:
        gateway = status["gateway"]
        lines.append(f"  gateway   {gateway['readyReplicas']} of {gateway['replicas']} ready")
    if "rollout" in status:
        lines += _rollout(status["rollout"], now=now)
    lines += [
        f"  {item['type']:<13} {item['status']:<7} {item['reason']}: {item['message']}".rstrip(": ")
        for item in status.get("conditions", [])
    ]
    return "\n".join(lines)


def _revisions(status: Manifest) -> list[str]:
    lines = []
    for field in ("serving", "desired"):
        entry = status.get(field)
        if entry is not None:
            counts = f"{entry['readyReplicas']} of {entry['replicas']} ready"
            lines.append(f"  {field:<9} {entry['model']} ({entry['revision']}), {counts}")
    for entry in status.get("fallback", []):
        said = f"{entry['reason']}: {entry['message']}"
        lines.append(f"  fallback  {entry['model']} ({entry['revision']}), {said}")
    return lines


def _rollout(rollout: Manifest, *, now: datetime) -> list[str]:
    if "run" not in rollout:
        return [f"  rollout   {rollout['message']}"]
    since = datetime.fromisoformat(rollout["since"])
    age = int(max(0.0, (now - since).total_seconds()))
    weight = rollout["weight"]
    place = f"{rollout['at']}: {rollout['phase']} ({rollout['reason']}) for {age} s"
    shares = f"{weight} % to {rollout['candidate']}, {100 - weight} % to {rollout['stable']}"
    lines = [
        f"  rollout   {place}, step {rollout['step']} of {rollout['steps']}",
        f"            {bar(weight)} {shares}",
        f"            {rollout['message']}",
    ]
    if "decisionSeconds" in rollout:
        minutes = rollout["decisionSeconds"] // 60
        lines.append(f"            decided in about {minutes} min if it is as good as the other")
    lines += _metrics(rollout.get("metrics", []))
    if rollout.get("command"):
        lines.append(f"            last command: {rollout['command']}")
    return lines


def _metrics(entries: list[Manifest]) -> list[str]:
    """A line for each thing that is compared: how many were bad, of how many."""
    lines = []
    for entry in entries:
        limit = entry.get("limitMilliseconds")
        name = entry["name"] if limit is None else f"{entry['name']} over {limit / 1000:g} s"
        candidate, stable = (
            _share(entry[f"{who}Bad"], entry[f"{who}Requests"]) for who in ("candidate", "stable")
        )
        lines.append(f"            {name:<36} {entry['verdict']:<8} {candidate:<24} {stable}")
    if lines:
        heads = f"            {'bad':<36} {'':<8} {'candidate':<24} stable"
        return [heads, *lines]
    return lines


def _share(bad: int, total: int) -> str:
    return f"{bad} of {total} ({bad / total:.2%})" if total else "-"


_WIDTH = 20


def bar(percent: int) -> str:
    """A share as a row of characters; whatever is not nothing shows."""
    filled = -(-percent * _WIDTH // 100)
    return "[" + "#" * filled + "." * (_WIDTH - filled) + "]"

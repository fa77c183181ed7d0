"""An object as people on call read it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from deepseek_operator.cli import pods as trees
from deepseek_operator.cli.pods import Pod

Manifest = dict[str, Any]


class Standing(IntEnum):
    """How an object stands, as an exit code."""

    AS_ASKED = 0
    """The revision that the spec asks for serves."""
    REFUSED = 1
    """It was rolled back, or the spec cannot be served."""
    UNDER_WAY = 2
    """Pods start, or a run goes on."""
    NEEDS_A_PERSON = 3
    """A run is held, or waits for an approval."""


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


def document(manifest: Manifest, *, pods: Sequence[Pod] | None = None) -> Manifest:
    """The same as `describe` for programs: status as the object has it, but for what is the operator's alone.

    `pods` is null where they may not be listed.
    """
    metadata, status = manifest["metadata"], dict(manifest.get("status") or {})
    if "rollout" in status:
        status["rollout"] = _without_record(status["rollout"])
    if "autoscaling" in status:
        status["autoscaling"] = [_without_record(one) for one in status["autoscaling"]]
    stands = standing(manifest)
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "generation": metadata["generation"],
        "standing": _NAMES[stands],
        "exitCode": int(stands),
        "status": status,
        "pods": None if pods is None else [pod.document() for pod in pods],
    }


def _without_record(entry: Manifest) -> Manifest:
    return {name: value for name, value in entry.items() if name != "record"}


_NAMES = {
    Standing.AS_ASKED: "AsAsked",
    Standing.REFUSED: "Refused",
    Standing.UNDER_WAY: "UnderWay",
    Standing.NEEDS_A_PERSON: "NeedsAPerson",
}


def reasons(manifest: Manifest) -> Manifest:
    """The same as `explain` for programs; `sizing` is null where nothing is known."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "generation": metadata["generation"],
        "sizing": status.get("sizing"),
    }


def describe(manifest: Manifest, *, now: datetime, pods: Sequence[Pod] | None = ()) -> str:
    """Everything that matters on one screen; `pods` is None where they may not be listed."""
    status, metadata = manifest.get("status", {}), manifest["metadata"]
    lines = [f"{metadata['namespace']}/{metadata['name']}"]
    if not status:
        return "\n".join([*lines, "  the operator has not seen the object yet"])
    lines.append(f"  url       {status.get('url', '')}   model: {status.get('servedName', '')}")
    lines += _revisions(status, pods or ())
    if "route" in status:
        route = status["route"]
        said = "accepted" if route["accepted"] else "not accepted"
        lines.append(f"  route     {route['name']} on {route.get('gateway', '-')}: {said}")
    if "gateway" in status:
        gateway = status["gateway"]
        lines.append(f"  gateway   {gateway['readyReplicas']} of {gateway['replicas']} ready")
        lines += trees.lines(_of(pods or (), {None}))
    if pods is None:
        lines.append("  pods      not shown: you may not list pods")
    lines += _autoscaling(status.get("autoscaling", ()))
    lines += _sizing(status.get("sizing"))
    if "rollout" in status:
        lines += _rollout(status["rollout"], now=now)
    lines += [
        f"  {item['type']:<13} {item['status']:<7} {item['reason']}: {item['message']}".rstrip(": ")
        for item in status.get("conditions", [])
    ]
    return "\n".join(lines)


def explain(manifest: Manifest) -> str:
    """Every value that was derived of the desired revision, with its reason."""
    name = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
    sizing = manifest.get("status", {}).get("sizing")
    if sizing is None:
        return f"{name}: nothing is known of how its revision was made"
    if "values" not in sizing:
        return f"{name}, revision {sizing['revision']}: nothing was derived: {sizing['notDerived']}"
    rows = [
        (item["name"], item["value"] + (" (set)" if item.get("set") else ""), item["why"])
        for item in sizing["values"]
    ]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(
        [
            f"{name}, revision {sizing['revision']}: one replica on {sizing['accelerator']}, for {sizing['engine']}",
            *(f"  {one:<{first}}  {two:<{second}}  {why}" for one, two, why in rows),
            *(f"  missed: {text}" for text in sizing.get("missed", [])),
            *_measured(sizing),
        ]
    )


def _measured(sizing: Manifest) -> list[str]:
    """What warm-ups measured beside it."""
    found = sizing.get("measured")
    if found is None:
        return []
    said = (
        f"{found['milliseconds']} ms a token with {found['sequences']} at once, {found['computedMilliseconds']} ms "
        f"computed ({found['ratio']})"
    )
    return [f"  measured: {said}: {found['message']}", *_live(found.get("live"))]


def _live(found: Manifest | None) -> list[str]:
    """And what users' own requests told."""
    if found is None:
        return []
    said = f"{found['milliseconds']} ms a step with {found['sequences']} at once, {found['computedMilliseconds']} ms"
    return [f"  by users' requests: {said} computed ({found['ratio']})"]


def _sizing(sizing: Manifest | None) -> list[str]:
    """On one line; `explain` has the reasons."""
    if sizing is None:
        return []
    if "values" not in sizing:
        return [f"  sizing    nothing derived: {sizing['notDerived']}"]
    told = {item["name"]: item["value"] for item in sizing["values"]}
    said = (
        f"{told['layout']} on {sizing['accelerator']}, {told['quantization']}, {told['contextTokens']} tokens, "
        f"{told['maxConcurrentSequences']} at once, about {told['requestsPerSecond']} requests/s a replica"
    )
    missed = [f"            missed: {text}" for text in sizing.get("missed", [])]
    return [f"  sizing    {said}", *missed]


def _autoscaling(entries: Sequence[Manifest]) -> list[str]:
    """How many each revision is to have, why, and why not what is needed now."""
    lines = []
    for entry in entries:
        between = (
            f"{entry['replicas']} of {entry['min']} to {entry['max']}, {entry['needed']} needed"
        )
        said = f"{entry['reason']} since {entry['since']}: {entry['message']}"
        lines.append(f"  scaled    {entry['revision']}: {between}; {said}")
        if "held" in entry:
            lines.append(f"            held: {entry['held']}")
        if not entry["replicas"]:
            lines.append("            asleep: the next request starts a replica and waits for it")
    return lines


def _revisions(status: Manifest, pods: Sequence[Pod]) -> list[str]:
    """Each revision with its pods; those of one that is shown twice stand where it is shown first."""
    lines: list[str] = []
    shown: set[str | None] = {None}
    for title, entry, said in _entries(status):
        key = entry["revision"]
        lines.append(f"  {title:<9} {entry['model']} ({key}), {said}")
        lines += trees.lines(_of(pods, {key} - shown))
        shown.add(key)
    let_go = [pod for pod in pods if pod.revision not in shown]
    if let_go:
        lines += ["  others    of revisions that are let go", *trees.lines(let_go)]
    return lines


def _entries(status: Manifest) -> list[tuple[str, Manifest, str]]:
    """What is said of each revision that has a role."""
    roles = [(field, status[field]) for field in ("serving", "desired") if status.get(field)]
    counted = [
        (field, entry, f"{entry['readyReplicas']} of {entry['replicas']} ready")
        for field, entry in roles
    ]
    return counted + [
        ("fallback", entry, f"{entry['reason']}: {entry['message']}")
        for entry in status.get("fallback", [])
    ]


def _of(pods: Iterable[Pod], revisions: set[str | None]) -> list[Pod]:
    return [pod for pod in pods if pod.revision in revisions]


def _rollout(rollout: Manifest, *, now: datetime) -> list[str]:
    if "run" not in rollout:
        return [f"  rollout   {rollout['message']}"]
    since = datetime.fromisoformat(rollout["since"])
    age = int(max(0.0, (now - since).total_seconds()))
    place = f"{rollout['at']}: {rollout['phase']} ({rollout['reason']}) for {age} s"
    lines = [f"  rollout   {place}", *_way(rollout), f"            {rollout['message']}"]
    if "chosen" in rollout:
        lines.insert(1, f"            {rollout['strategy']}, chosen by Auto: {rollout['chosen']}")
    if rollout["steps"]:
        lines[0] += f", step {rollout['step']} of {rollout['steps']}"
    if "decisionSeconds" in rollout:
        minutes = rollout["decisionSeconds"] // 60
        lines.append(f"            decided in about {minutes} min if it is as good as the other")
    lines += _metrics(rollout.get("metrics", []))
    lines += _mirror(rollout.get("mirror"))
    if rollout.get("notCompared"):
        untold = ", ".join(rollout["notCompared"])
        lines.append(f"            not compared, as an engine does not tell it: {untold}")
    lines += _quality(rollout.get("quality"))
    if rollout.get("command"):
        lines.append(f"            last command: {rollout['command']}")
    return lines


def _way(rollout: Manifest) -> list[str]:
    """Who has which share, or who gives its pods up for whom."""
    one, other, weight = rollout["candidate"], rollout["stable"], rollout["weight"]
    if not rollout["steps"]:
        return [f"            {one} replaces {other}: pods of one of them at a time"]
    return [f"            {bar(weight)} {weight} % to {one}, {100 - weight} % to {other}"]


def _metrics(entries: list[Manifest]) -> list[str]:
    """A line for each thing that is compared: how many were bad, of how many."""
    lines = []
    for entry in entries:
        name = entry["name"] + _over(entry)
        candidate, stable = (
            _share(entry[f"{who}Bad"], entry[f"{who}Requests"]) for who in ("candidate", "stable")
        )
        lines.append(f"            {name:<36} {entry['verdict']:<8} {candidate:<24} {stable}")
    if lines:
        heads = f"            {'bad':<36} {'':<8} {'candidate':<24} stable"
        return [heads, *lines]
    return lines


def _over(entry: Manifest) -> str:
    if "limitTokens" in entry:
        return f" over {entry['limitTokens']} tokens"
    limit = entry.get("limitMilliseconds")
    return "" if limit is None else f" over {limit / 1000:g} s"


def _mirror(copies: Manifest | None) -> list[str]:
    """What became of copies of requests."""
    if copies is None:
        return []
    counts = ", ".join(f"{copies[name]} {name}" for name in ("answered", "failed", "dropped"))
    return [f"            copies of {copies['percent']} % of the requests: {counts}"]


def _quality(examined: Manifest | None) -> list[str]:
    """What came of the last examination, and the prompts that failed."""
    if examined is None:
        return []
    verdict, said = examined["verdict"], examined["message"]
    lines = [f"            quality before {examined['before']}: {verdict}, {said}"]
    failed = examined.get("failed", [])
    return [*lines, *(f"              not as expected: {name}" for name in failed)]


def _share(bad: int, total: int) -> str:
    return f"{bad} of {total} ({bad / total:.2%})" if total else "-"


_WIDTH = 20


def bar(percent: int) -> str:
    """A share as a row of characters; whatever is not nothing shows."""
    filled = -(-percent * _WIDTH // 100)
    return "[" + "#" * filled + "." * (_WIDTH - filled) + "]"

"""What a plan tells of its rollout, for people and for programs: what changes, which objects, how long. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deepseek_operator.cli.columns import BOLD, aligned, painted
from deepseek_operator.cli.timing import spoken

if TYPE_CHECKING:
    from deepseek_operator.cli.admission import Admission
    from deepseek_operator.cli.changes import Change, Changes
    from deepseek_operator.cli.making import Child, Making
    from deepseek_operator.cli.offline import Plan
    from deepseek_operator.cli.timing import Time

Document = dict[str, Any]


def changes(found: "Changes", name: str, *, color: bool) -> list[str]:
    """Of the object in the cluster: revisions, fields, derived values."""
    lines = [f"{painted('changes', BOLD, color=color)}  {found.namespace}/{name}: {found.said}"]
    lines += _rows([_change(one) for one in found.spec])
    if found.sizing:
        lines.append("  derived")
        lines += _rows(
            [(one.name, f"{one.before or '-'} -> {one.after or '-'}") for one in found.sizing]
        )
    if found.standing.is_there and not found.spec and not found.notes:
        lines.append("  the spec is as it is in the cluster")
    return [*lines, *(f"  note: {note}" for note in found.notes)]


def _change(one: "Change") -> tuple[str, ...]:
    return one.field, f"{_written(one.before)} -> {_written(one.after)}", one.effect


def _written(value: Any) -> str:
    """As YAML has it on one line; what is not there is a dash."""
    if value is None:
        return "-"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def making(found: "Making", *, color: bool) -> list[str]:
    """The objects, one a line."""
    head = painted("children", BOLD, color=color)
    if found.stalled:
        head += "  nothing new is made"
    rows = [(one.action, one.kind, one.name, _count(one)) for one in found.children]
    lines = [head, *_rows(rows)]
    if any(one.name.endswith("-listing") and one.action == "make" for one in found.children):
        lines.append(
            "  note: a listing asks the source for its size; the volume and its fetch follow"
        )
    if any(one.action == "let go" for one in found.children):
        window = (
            f", and then is kept for {found.keeps} (rollout.rollbackWindow)" if found.keeps else ""
        )
        lines.append(f"  note: what is let go stays until what takes its place serves{window}")
    if found.unread:
        said = ", ".join(found.unread)
        lines.append(
            f"  note: with these credentials you may not list {said}: what is there of them is not known"
        )
    return lines


def _count(one: "Child") -> str:
    if one.replicas is None:
        return ""
    said = f"{one.replicas} replicas" if one.replicas != 1 else "1 replica"
    if one.before not in (None, one.replicas):
        said = f"{one.before} -> {said}"
    return said if one.accelerators is None else f"{said}, {one.accelerators} GPUs"


def time(found: "Time", *, color: bool) -> list[str]:
    """The sum, and its parts."""
    head = painted("time", BOLD, color=color)
    if not found.parts:
        return [f"{head}  {'; '.join(found.notes)}"]
    least = "about" if found.is_complete else "at least about"
    rows = [
        (part.name, "-" if part.seconds is None else spoken(part.seconds), part.why)
        for part in found.parts
    ]
    return [
        f"{head}  {least} {spoken(found.seconds)} {_WAYS[found.way]}",
        *_rows(rows),
        *(f"  {note}" for note in found.notes),
    ]


_WAYS: Mapping[str, str] = {
    "First": "until the first revision serves",
    "BlueGreen": "until the new revision serves (BlueGreen)",
    "Canary": "until the new revision is promoted (Canary)",
    "Replace": "until the new revision serves (Replace)",
}


def refusals(found: "Plan") -> list[str]:
    """What the API server, or the operator after it, would not do."""
    said = []
    if found.admission is not None and found.admission.refused:
        said.append(f"refused by the API server: {found.admission.refused}")
    if found.making is not None and found.making.stalled:
        said.append(f"the operator would make nothing new: {found.making.stalled}")
    return said


def _rows(rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"  {line}".rstrip() for line in aligned(rows).splitlines()] if rows else []


def changes_document(found: "Changes") -> Document:
    """Which fields and values change."""
    standing = found.standing
    return {
        "namespace": found.namespace,
        "exists": standing.is_there,
        "revision": standing.target,
        "serving": standing.serving,
        "desired": standing.desired,
        "newRevision": standing.is_new,
        "message": found.said,
        "spec": [
            {"field": one.field, "before": one.before, "after": one.after, "effect": one.effect}
            for one in found.spec
        ],
        "sizing": [
            {"name": one.name, "before": one.before or None, "after": one.after or None}
            for one in found.sizing
        ],
        "notes": list(found.notes),
    }


def making_document(found: "Making") -> Document:
    """The objects, and why nothing new is made, if so."""
    return {
        "stalled": found.stalled or None,
        **_known({"letGoAfter": found.keeps or None}),
        "notListed": list(found.unread),
        "objects": [
            {
                "action": one.action,
                "kind": one.kind,
                "name": one.name,
                **_known(
                    {
                        "replicas": one.replicas,
                        "before": one.before,
                        "accelerators": one.accelerators,
                    }
                ),
            }
            for one in found.children
        ],
    }


def _known(values: Document) -> Document:
    return {name: value for name, value in values.items() if value is not None}


def time_document(found: "Time") -> Document:
    """Seconds; null where it is not known."""
    return {
        "strategy": found.way,
        "seconds": round(found.seconds),
        "complete": found.is_complete,
        "parts": [
            {
                "name": part.name,
                "seconds": None if part.seconds is None else round(part.seconds),
                "why": part.why,
            }
            for part in found.parts
        ],
        "notes": list(found.notes),
    }


def admission_document(found: "Admission") -> Document:
    """What the API server said."""
    return {
        "asked": not found.not_asked,
        "refused": found.refused or None,
        **_known({"notAsked": found.not_asked or None}),
    }

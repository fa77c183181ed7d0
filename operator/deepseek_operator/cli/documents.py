"""Plans and lists as data, for programs. Pure."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.cli import rollout_told
from deepseek_operator.sizing import reasons

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from deepseek_operator.cli.offline import Plan
    from deepseek_operator.cli.peaks import Peak, Planned

Document = dict[str, Any]


def render(document: Document, form: str) -> str:
    """The document as JSON or YAML."""
    if form == "json":
        return json.dumps(document, indent=2)
    import yaml  # noqa: PLC0415 - only this form needs it

    return str(yaml.safe_dump(document, sort_keys=False, width=1000)).rstrip()


def plan(found: "Plan") -> Document:
    """A plan; bytes, seconds, US dollars."""
    return {
        "name": found.name,
        # What nothing is derived of is not known to fit.
        "fits": int(found.ending) == 0 if found.blocks or found.ending else None,
        "workload": named(found.workload),
        "blocks": [_block(entry) for entry in found.blocks],
        **({} if found.peak is None else {"peak": _peak(found.peak)}),
        **_rollout(found),
        "notes": list(found.notes),
        "warnings": list(found.warnings),
    }


def listing(kind: str, known: Catalog) -> Document:
    """Everything that the catalog knows of a kind."""
    entries: Mapping[str, Any] = getattr(known, kind)
    return {
        kind: {
            name: entry.model_dump(mode="json", by_alias=True, exclude_none=True)
            for name, entry in entries.items()
        }
    }


def _rollout(found: "Plan") -> Document:
    """What is known of it: without a cluster little is."""
    parts = {
        "changes": found.changes and rollout_told.changes_document(found.changes),
        "children": found.making and rollout_told.making_document(found.making),
        "time": found.time and rollout_told.time_document(found.time),
        "admission": found.admission and rollout_told.admission_document(found.admission),
    }
    return {name: part for name, part in parts.items() if part is not None}


def _peak(peak: "Peak") -> Document:
    return {
        "accelerators": [asdict(one) for one in peak.stocks],
        "ways": [
            {
                "strategies": list(way.strategies),
                "accelerators": way.accelerators,
                "fits": str(way.fit),
                "missing": way.missing,
            }
            for way in peak.ways
        ],
        "auto": peak.auto,
        "servingCounted": not peak.is_alone,
    }


def _block(entry: "Planned") -> Document:
    sized, fleet = entry.sized, entry.fleet
    layout = sized.layout
    return {
        "field": entry.block.field,
        "model": sized.question.model_name,
        "engine": f"{sized.question.engine.name} {sized.question.engine.version}",
        "accelerator": sized.question.pool.product,
        "layout": {
            "tensor": layout.tensor,
            "pipeline": layout.pipeline,
            "data": layout.data,
            "expertParallel": layout.expert,
            "accelerators": layout.accelerators,
            "nodes": layout.nodes,
        },
        "values": [
            {"name": one.name, "value": one.value, "set": one.is_set, "why": one.why}
            for one in reasons.reasons(sized)
        ],
        "memoryOfOneGPU": {name: round(size) for name, size in asdict(sized.memory).items()},
        "cacheTokens": sized.cache_tokens,
        "fullContextRequests": sized.full_context,
        "pace": named(sized.pace),
        "missed": list(sized.missed),
        # JSON has no infinity, which is the load of no replica.
        "fleet": {
            _camel(name): None if value == math.inf else value
            for name, value in asdict(fleet).items()
        },
        "enoughAccelerators": entry.enough,
    }


def named(values: "DataclassInstance") -> Document:
    """The fields of a dataclass that are set, by the names that objects have for such."""
    return {_camel(name): value for name, value in asdict(values).items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)

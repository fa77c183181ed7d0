"""Pages of metrics: what engines' samples have in common, whatever their names are. Pure."""

import math
from collections.abc import Iterable, Mapping

from deepseek_operator.engines.figures import Histogram, Sample

ByName = Mapping[str, list[Sample]]


def by_name(samples: Iterable[Sample]) -> ByName:
    """Samples that are numbers, by their names."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        if math.isfinite(sample.value):
            found.setdefault(sample.name, []).append(sample)
    return found


def histogram(samples: ByName, name: str) -> Histogram | None:
    """Of all engine processes of the pod together; None where it is not there, or makes no sense."""
    found: dict[float, int] = {}
    for sample in samples.get(f"{name}_bucket", []):
        edge = float(sample.labels.get("le", "nan"))
        found[edge] = found.get(edge, 0) + int(sample.value)
    ordered = dict(sorted(found.items()))
    is_whole = math.inf in ordered and list(ordered.values()) == sorted(ordered.values())
    return ordered if is_whole else None


def counts(samples: list[Sample] | None, label: str) -> dict[str, int] | None:
    """A counter by one of its labels."""
    if samples is None:
        return None
    found: dict[str, int] = {}
    for sample in samples:
        value = sample.labels.get(label, "")
        found[value] = found.get(value, 0) + int(sample.value)
    return found


def added(samples: list[Sample] | None) -> float | None:
    """Of all engine processes of the pod together; None where there is none."""
    return sum(one.value for one in samples) if samples else None


def mean(samples: list[Sample] | None) -> float | None:
    """Of all engine processes of the pod; None where there is none."""
    return sum(one.value for one in samples) / len(samples) if samples else None

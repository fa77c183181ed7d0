"""CEL rules of spec.rollout: which of its fields each strategy has, as data for api/rules.py."""

from pydantic import JsonValue

CANARY_ONLY = ("steps", "mirror")
RUNS_ONLY = (
    "paused",
    "autoPromote",
    "startTimeout",
    "holdTimeout",
    "maxDuration",
    "rollbackWindow",
    "drainTimeout",
    "analysis",
)

_NEEDS_CANARY: list[JsonValue] = [
    {
        "rule": f"(has(self.strategy) && self.strategy in ['Canary', 'Auto']) || !has(self.{field})",
        "message": f"rollout.{field}: only strategies Canary and Auto have it; set strategy, or remove it",
    }
    for field in CANARY_ONLY
]

_NEEDS_A_RUN: list[JsonValue] = [
    {
        "rule": "(has(self.strategy) && self.strategy in ['Canary', 'Replace', 'Auto']) || "
        f"!has(self.{field})",
        "message": f"rollout.{field}: only strategies Canary, Replace and Auto have it; set strategy, "
        "or remove it",
    }
    for field in RUNS_ONLY
]

COMPARING_ONLY = (
    "relative",
    "timeToFirstToken",
    "timePerOutputToken",
    "truncated",
    "empty",
    "preemptions",
)
COMPARING_ANSWERS_ONLY = ("maxDropPercent", "everyStep")


_DEFAULTS = {"analysis.relative": "Auto"}
"""Filled in before a rule is asked: nobody need have written it."""


def _compares_nothing(path: str) -> JsonValue:
    """Of a field of rollout; each part of its path may be left out."""
    parts = path.split(".")
    left_out = " || ".join(f"!has(self.{'.'.join(parts[: end + 1])})" for end in range(len(parts)))
    if path in _DEFAULTS:
        left_out += f" || self.{path} == '{_DEFAULTS[path]}'"
    return {
        "rule": f"!has(self.strategy) || self.strategy != 'Replace' || {left_out}",
        "message": f"rollout.{path}: with strategy Replace there are never two revisions to compare, "
        "and no steps; remove it",
    }


_WITHOUT_COMPARISON: list[JsonValue] = [
    *(_compares_nothing(f"analysis.{field}") for field in COMPARING_ONLY),
    *(_compares_nothing(f"analysis.quality.{field}") for field in COMPARING_ANSWERS_ONLY),
]

_ALWAYS_A_CANARY: JsonValue = {
    "rule": "!has(self.strategy) || self.strategy != 'Auto' || !has(self.waitForAccelerators) || "
    "self.waitForAccelerators",
    "message": "rollout.waitForAccelerators: without waiting Auto is always a Canary; set strategy "
    "to Canary, or remove it",
}

RULES: list[JsonValue] = [
    *_NEEDS_CANARY,
    *_NEEDS_A_RUN,
    *_WITHOUT_COMPARISON,
    _ALWAYS_A_CANARY,
]

SPEC: list[JsonValue] = [
    {
        "rule": "!(has(self.rollout) && has(self.rollout.waitForAccelerators)) || "
        "!(has(self.accelerator) && has(self.accelerator.kind) && self.accelerator.kind == 'CPU')",
        "message": "rollout.waitForAccelerators: kind CPU has none to wait for; remove it",
    }
]
"""Of the whole spec."""

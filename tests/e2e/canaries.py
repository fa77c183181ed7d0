"""Canaries of the small models, and waiting for what becomes of them."""

import json

from dev.models import questions
from tests.e2e.line import Line, Manifest, deepseek, wait_until

STEPS: list[Manifest] = [
    {"weight": 25, "minDuration": "10s", "minRequests": 10},
    {"weight": 80, "minDuration": "10s", "minRequests": 20},
]
ROLLOUT = {"strategy": "Canary", "steps": STEPS, "rollbackWindow": "30s"}
PERIOD = 0.125
"""Eight requests a second: with no failures at all about 400 of the candidate's decide."""
V3: Manifest = {"model": "tiny-deepseek-v3", "source": "pvc://models/tiny-deepseek-v3"}


def served(name: str, *, rollout: Manifest = ROLLOUT, **spec: object) -> Manifest:
    """An object that a Canary changes."""
    return deepseek(name, rollout=rollout, gateway={"replicas": 2}, **spec)


def wait_for(line: Line, name: str, *phases: str, seconds: float = 300) -> Manifest:
    """The run of an object once it is in one of these phases."""
    wait_until(
        lambda: line.rollout(name).get("phase") in phases,
        what=f"{phases}",
        seconds=seconds,
    )
    return line.rollout(name)


def reference(number: int) -> Manifest:
    """A question that the small models were trained on, and the answer that they learned."""
    known = questions.load()[number]
    return {
        "name": f"question-{number}",
        "messages": [{"role": "user", "content": known.question}],
        "maxTokens": 96,
        "expect": {"contains": [known.answer], "finishReason": "stop"},
    }


def reference_prompts(name: str) -> Manifest:
    """The ConfigMap that an examination reads them from."""
    document = {"prompts": [reference(number) for number in range(6)]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"set.json": json.dumps(document)},
    }

"""What people ask of a rollout, as patches of the object. Pure."""

from typing import Any

from deepseek_operator.api import names
from deepseek_operator.rollout import commands
from deepseek_operator.rollout.commands import Verb

Manifest = dict[str, Any]


class NothingToAskError(Exception):
    """The object is not in a state to be asked that; the text says what it is in."""


def command(manifest: Manifest, verb: Verb) -> list[Manifest]:
    """JSON patch that asks it of the run and step as they are just now.

    The version that was looked at must still be there: what changed since may mean another step. What stands there
    already is asked once more.
    """
    rollout = manifest.get("status", {}).get("rollout", {})
    if "at" not in rollout:
        name = manifest["metadata"]["name"]
        raise NothingToAskError(
            f"{name} has had no run yet: set spec.rollout.strategy to Canary, Replace or Auto and change the model"
        )
    annotations = manifest["metadata"].get("annotations") or {}
    text = commands.text(verb, rollout["at"], before=annotations.get(names.COMMAND_ANNOTATION))
    version = {
        "op": "replace",
        "path": "/metadata/resourceVersion",
        "value": manifest["metadata"]["resourceVersion"],
    }
    if not annotations:
        value = {names.COMMAND_ANNOTATION: text}
        return [version, {"op": "add", "path": "/metadata/annotations", "value": value}]
    key = names.COMMAND_ANNOTATION.replace("~", "~0").replace("/", "~1")
    return [version, {"op": "add", "path": f"/metadata/annotations/{key}", "value": text}]


def pause(manifest: Manifest, *, paused: bool) -> list[Manifest]:
    """JSON patch of spec.rollout.paused; who keeps the object in Git changes it there."""
    rollout = manifest["spec"].get("rollout", {})
    if rollout.get("strategy") not in ("Canary", "Replace", "Auto"):
        raise NothingToAskError(
            "spec.rollout.strategy is none of Canary, Replace and Auto: there is nothing to pause"
        )
    return [{"op": "add", "path": "/spec/rollout/paused", "value": paused}]

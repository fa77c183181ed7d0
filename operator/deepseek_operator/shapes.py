"""The shapes of an object's revisions: frozen ones as they are, a new target's resolved. Pure."""

import contextlib

from deepseek_operator import groups
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.errors import Stalled
from deepseek_operator.fallbacks import Entry, frozen_shape
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout import switch
from deepseek_operator.rollout.revisions import Shape


def of_target(
    deployment: DeepSeekDeployment, observed: Observed, target: str, *, images: EngineImages
) -> tuple[Shape | None, Finding | None]:
    """The shape frozen for the target, else a new one; or what keeps it from being resolved."""
    try:
        frozen = frozen_shape(observed, target)
        if frozen is None:
            frozen = resolve_shape(deployment, deployment.spec, images=images, observed=observed)
        return groups.servable(observed, frozen)
    except Stalled as stalled:
        return None, Finding(stalled.reason, stalled.message)


def with_pods(
    observed: Observed, roles: switch.Roles, target: Shape | None, further: tuple[Entry, ...]
) -> dict[str, Shape]:
    """The shapes of the revisions with pods; one that cannot be read is left as it runs."""
    known = {one.key: one.shape for one in further if one.shape is not None}
    if target is not None:
        known[roles.target] = target
    shapes: dict[str, Shape] = {}
    for key in roles.kept:
        try:
            shape = known[key] if key in known else frozen_shape(observed, key)
        except Stalled:
            continue
        if shape is not None:
            shapes[key] = shape
    return shapes


def compared(
    observed: Observed, stored: Manifest, target: str, shape: Shape | None
) -> dict[str, Shape]:
    """Of the revision that serves and of the target, what can be read."""
    found = {} if shape is None else {target: shape}
    serving = stored.get("serving", {}).get("revision")
    if serving is not None and serving not in found:
        with contextlib.suppress(Stalled):
            known = frozen_shape(observed, serving)
            found |= {} if known is None else {serving: known}
    return found

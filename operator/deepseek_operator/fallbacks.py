"""The revisions that stand in for the serving one: what each entry of the fallback asks for. Pure.

An entry that has changed asks for another revision. The one before stands in until that is ready: status
names it, as nothing else does. An entry that cannot be had is told of and keeps nobody from anything.
"""

from dataclasses import dataclass, replace

from deepseek_operator import groups, replicas
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import FurtherBlock
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children, gateway
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import (
    Manifest,
    Observed,
    has_served,
    is_at_strength,
    ready_replicas,
    replicas_of,
)
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.chain import Chain, Member
from deepseek_operator.rollout.revisions import Shape, shape_from_data, target_key
from deepseek_operator.rollout.switch import Roles
from deepseek_operator.standby import Standby


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision that stands in, or is to."""

    key: str
    model: str
    replicas: int
    deployment: DeepSeekDeployment
    """The object as if it asked for this revision."""
    shape: Shape | None = None
    trouble: Finding | None = None
    """Why there is no shape, or why it stands in for nobody."""
    runs: bool = False
    """Whether it has pods already, which stay even if its shape cannot be read."""
    is_repeated: bool = False
    is_replaced: bool = False
    """Whether its entry has changed: it goes once what takes its place is ready."""

    @property
    def is_member(self) -> bool:
        """Whether it is to have pods."""
        return (self.shape is not None or self.runs) and not self.is_repeated


def plan_fallbacks(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    target: str,
    images: EngineImages,
) -> tuple[Entry, ...]:
    """In the order in which they are asked; none without a gateway, or where nobody is to be served."""
    if not gateway.is_embedded(deployment):
        return ()
    before = _before(stored)
    found: list[Entry] = []
    for number, item in enumerate(deployment.spec.fallback):
        field = f"spec.fallback[{number}]"
        entry = asked_for(deployment, observed, item, field=field, images=images)
        entry = _alone(entry, found, target=target)
        if not _is_there(observed, entry):
            found += _replaced(deployment, observed, before.get(number, []))
        found.append(entry)
    return _once(found, target=target)


def chain(deployment: DeepSeekDeployment, entries: tuple[Entry, ...]) -> Chain:
    """What gateways and pods follow from it."""
    if deployment.spec.serves_nobody:
        return Chain()
    when = deployment.spec.fallback[0].when if deployment.spec.fallback else None
    is_limited = when is not None and len(when) < len(WHEN)
    return Chain(
        members=tuple(Member(one.key, one.replicas) for one in entries if one.is_member),
        when=tuple(cause for cause in WHEN if cause in when) if when and is_limited else (),
    )


WHEN = ("Unavailable", "Overloaded", "Timeout")
"""Every reason to go on to a fallback."""


def frozen_shape(observed: Observed, key: str) -> Shape | None:
    """The shape as its ControllerRevision holds it, or as what runs still shows it."""
    revision = observed.revision(key)
    if revision is not None:
        return shape_from_data(key, revision["data"])
    running = observed.engine_set(key)
    if running is not None:
        return children.shape_of_engine_set(key, running)
    return None


def standing(entry: Entry, observed: Observed, roles: Roles, *, cause: Finding | None) -> Standby:
    """The entry as status has it; `cause` is why not all of its pods serve."""
    wanted = roles.replicas.get(entry.key, 0)
    present = observed.engine_set(entry.key)
    at_strength = is_at_strength(present, wanted) or not wanted
    return Standby(
        key=entry.key,
        model=entry.model,
        source=entry.shape.source if entry.shape else "",
        image=entry.shape.image if entry.shape else "",
        replicas=wanted,
        ready=ready_replicas(present),
        at_strength=at_strength,
        is_replaced=entry.is_replaced,
        finding=entry.trouble or (None if at_strength else cause),
        nodes=entry.shape.nodes if entry.shape else 1,
    )


def asked_for(
    deployment: DeepSeekDeployment,
    observed: Observed,
    item: FurtherBlock,
    *,
    field: str,
    images: EngineImages,
) -> Entry:
    """The revision that a further block of the spec, which stands in `field`, asks for."""
    asking = deployment.asking_for(item)
    key = target_key(asking.spec)
    shape, trouble = None, None
    try:
        shape = frozen_shape(observed, key) or resolve_shape(
            asking, asking.spec, images=images, field=field, observed=observed
        )
    except Stalled as stalled:
        trouble = Finding(stalled.reason, stalled.message)
    else:
        shape, trouble = groups.servable(observed, shape, field=field)
    runs = observed.engine_set(key) is not None
    asking, shape, uncounted = replicas.counted(asking, shape, observed, key=key, field=field)
    number = asking.spec.replicas
    return Entry(key, item.model, number, asking, shape, trouble or uncounted, runs)


def _alone(entry: Entry, found: list[Entry], *, target: str) -> Entry:
    """The entry, and whether what it asks for is there already."""
    is_repeated = entry.key in {other.key for other in found if not other.is_replaced}
    if entry.trouble is not None or not (is_repeated or entry.key == target):
        return entry
    said = "it is the revision that the spec asks for, and does not stand in for itself"
    if is_repeated:
        said = "an entry before it is the same revision"
    trouble = Finding(Reason.SAME_REVISION, f"{said}: remove the entry, or change what it serves")
    return replace(entry, trouble=trouble, is_repeated=is_repeated)


def _is_there(observed: Observed, entry: Entry) -> bool:
    if entry.trouble is not None:
        return entry.trouble.reason is Reason.SAME_REVISION
    return is_at_strength(observed.engine_set(entry.key), entry.replicas)


def _before(stored: Manifest) -> dict[int, list[str]]:
    """The revisions that stood in at each place of the list, as status has them."""
    found: dict[int, list[str]] = {}
    place = 0
    for item in stored.get("fallback", []):
        found.setdefault(place, []).append(str(item["revision"]))
        place += item.get("reason") != Reason.REPLACED
    return found


def _replaced(deployment: DeepSeekDeployment, observed: Observed, keys: list[str]) -> list[Entry]:
    """Of these, the one with the most ready pods: one that never served stands in for nobody.

    So no place has more than two revisions, however often its entry is edited; one whose pods are
    away for a while stays.
    """
    found = []
    for key in keys:
        running = observed.engine_set(key)
        try:
            shape = frozen_shape(observed, key)
        except Stalled:
            continue
        if running is None or shape is None or not has_served(running):
            continue
        entry = Entry(key, shape.model, replicas_of(running), deployment, shape, is_replaced=True)
        found.append((ready_replicas(running), entry))
    return [max(found, key=lambda one: one[0])[1]] if found else []


def _once(entries: list[Entry], *, target: str) -> tuple[Entry, ...]:
    """Without those that were replaced and are asked for elsewhere."""
    asked = {entry.key for entry in entries if not entry.is_replaced} | {target}
    return tuple(
        entry
        for place, entry in enumerate(entries)
        if not entry.is_replaced
        or (entry.key not in asked and entry.key not in {one.key for one in entries[:place]})
    )

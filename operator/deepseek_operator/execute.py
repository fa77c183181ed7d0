"""execute(): write what a plan lists, and nothing else."""

import contextlib
from collections.abc import Iterator

from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.errors import Conflict, Stalled
from deepseek_operator.kube import drift, resources, sharing
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import (
    AlreadyExistsError,
    NotFoundError,
    RefusedError,
    VersionConflictError,
)
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.plan import Plan


async def execute(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, plan: Plan
) -> int:
    """Write what the plan lists, in order, and return the number of writes.

    Stalled when a name is taken by a foreign object, or when the server refuses a child.
    """
    children = {(item["kind"], item["metadata"]["name"]): item for item in observed.children}
    shared = {(item["kind"], item["metadata"]["name"]): item for item in observed.shared}
    writes = 0
    for desired in map(drift.with_digest, plan.apply):
        present = children.get((desired["kind"], desired["metadata"]["name"]))
        with _refusals_named(desired):
            if present is None:
                writes += await _create(kube, deployment, desired)
            elif drift.differs(present, desired):
                writes += await _update(kube, present, desired)
    for desired in plan.share:
        present = shared.get((desired["kind"], desired["metadata"]["name"]))
        with _refusals_named(desired):
            writes += await _share(kube, desired, present)
    for begun in plan.start:
        with _refusals_named(begun):
            writes += await _start(kube, begun)
    for unwanted in plan.delete:
        await _delete(kube, unwanted)
        writes += 1
    for unused in plan.leave:
        with _refusals_named(unused):
            await _leave(kube, unused, deployment.metadata.uid)
        writes += 1
    # Last: what a gate's opening says is kept by then.
    for gate in plan.gates:
        with _refusals_named(gate):
            await kube.apply(resources.POD, gate, sub="status")
        writes += 1
    return writes


@contextlib.contextmanager
def _refusals_named(manifest: Manifest) -> Iterator[None]:
    """What the server refuses is for a person; what somebody else changed is for the next pass."""
    named = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        yield
    except RefusedError as error:
        raise Stalled(Reason.REFUSED_BY_SERVER, f"{named} is refused: {error.message}") from error
    except (VersionConflictError, NotFoundError) as error:
        raise Conflict(f"{named}: {error}") from error


async def _create(kube: Kube, deployment: DeepSeekDeployment, desired: Manifest) -> int:
    """A real create, not an apply: an apply would take over a foreign object of that name."""
    resource = resources.resource_of(desired)
    try:
        await kube.create(resource, desired)
    except AlreadyExistsError:
        metadata = desired["metadata"]
        present = await kube.get(resource, metadata["namespace"], metadata["name"])
        if present is None:
            raise Conflict(f"{resource.kind} {metadata['name']} came and went") from None
        if not drift.belongs_to(present, deployment.metadata.name, deployment.metadata.uid):
            raise _name_taken(desired) from None
        return await _update(kube, present, desired) if drift.differs(present, desired) else 0
    return 1


async def _update(kube: Kube, present: Manifest, desired: Manifest) -> int:
    """Server-side apply on this very object, our fields of its creation included."""
    resource = resources.resource_of(desired)
    metadata = desired["metadata"]
    writes = 1
    operations = drift.adopt_fields(present, desired)
    if operations is not None:
        await kube.json_patch(resource, metadata["namespace"], metadata["name"], operations)
        writes += 1
    very_object = {**metadata, "uid": present["metadata"]["uid"]}
    await kube.apply(resource, {**desired, "metadata": very_object})
    return writes


async def _start(kube: Kube, job: Manifest) -> int:
    """A Job by whose name it is known: there already, it is the same one."""
    try:
        await kube.create(resources.JOB, job)
    except AlreadyExistsError:
        return 0
    return 1


async def _share(kube: Kube, desired: Manifest, present: Manifest | None) -> int:
    """Make it, or use what is there together with whoever does."""
    resource, metadata = resources.resource_of(desired), desired["metadata"]
    if present is None:
        try:
            await kube.create(resource, desired)
        except AlreadyExistsError:
            present = await kube.get(resource, metadata["namespace"], metadata["name"])
            if present is None:
                raise Conflict(f"{resource.kind} {metadata['name']} came and went") from None
            if not sharing.is_shared(present, desired):
                raise _name_taken(desired) from None
        else:
            return 1
    operations = sharing.join(present, desired)
    if operations is None:
        return 0
    await kube.json_patch(resource, metadata["namespace"], metadata["name"], operations)
    return 1


async def _leave(kube: Kube, present: Manifest, uid: str) -> None:
    """The last one that leaves deletes it, unless somebody has come meanwhile."""
    resource, metadata = resources.resource_of(present), present["metadata"]
    operations = sharing.leave(present, uid)
    if operations is None:
        await kube.delete(resource, present, unchanged=True)
    else:
        await kube.json_patch(resource, metadata["namespace"], metadata["name"], operations)


def _name_taken(desired: Manifest) -> Stalled:
    metadata = desired["metadata"]
    return Stalled(
        Reason.NAME_TAKEN,
        f"{desired['kind']} {metadata['namespace']}/{metadata['name']} exists and does not "
        "belong to this object; delete or rename one of the two",
    )


async def _delete(kube: Kube, unwanted: Manifest) -> None:
    try:
        await kube.delete(resources.resource_of(unwanted), unwanted)
    except VersionConflictError:
        # Another object has the name by now: it is not the one we meant.
        return

"""execute(): write what a plan lists, and nothing else."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from deepseek_operator.api import names
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
from deepseek_operator.observed import ENGINE_SETS, Manifest, Observed, revision_of
from deepseek_operator.plan import Plan


async def execute(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, plan: Plan
) -> int:
    """Write what the plan lists, in order, and return the number of writes.

    What is refused keeps nothing else from being written but what needs it (see `_Setbacks`): pods that
    serve go on being looked after. In the end Stalled for the first of it: a name that is taken by a
    foreign object, or an object that the server refuses.
    """
    met = _Setbacks()
    writes = await _apply(kube, deployment, observed, plan, met)
    writes += await _share_all(kube, observed, plan, met)
    for begun in plan.start:
        with met.at(begun):
            writes += await _start(kube, begun)
    writes += await _let_go(kube, deployment, observed, plan, met)
    # Last: what a gate's opening says is kept by then.
    writes += await _open_gates(kube, observed, plan, met)
    if met.first is not None:
        raise met.first
    return writes


@dataclass(slots=True)
class _Setbacks:
    """What of a plan could not be written, and what else must not be for that reason.

    * No pod is added to a revision whose frozen shape or Service could not be made, nor to any while the
      clients' Service could not: the shape would be another one next time, and ready pods that nobody
      can reach would be given users.
    * A Job that fills a volume waits for the volume.
    * While users' way in is as it was (their Service, the gateway, the route), whoever they may still be
      sent to stays, with its weights.
    * No gateway's pods are made while their ServiceAccount is somebody else's or not there: they would have its rights.
    * A gate is not opened on an answer that its revision does not keep: the next pod would have nothing
      to be compared with.
    """

    first: Stalled | None = None
    unmade: set[str | None] = field(default_factory=set)
    """Revisions (None: the object itself) of which a Service or the frozen shape is not there."""
    unkept: set[str | None] = field(default_factory=set)
    """Revisions whose frozen shape is not as it is to be."""
    accounts: set[str] = field(default_factory=set)
    """ServiceAccounts that are not the object's."""
    volumes: set[str] = field(default_factory=set)
    """Claims that are not as they are to be."""
    way_in: bool = False
    """Whether users may still be sent where they were sent before."""

    @contextlib.contextmanager
    def at(self, manifest: Manifest, *, is_new: bool = False) -> Iterator[None]:
        """Around one write: a refusal is noted; what somebody else changed ends the pass."""
        try:
            with _refusals_named(manifest):
                yield
        except Stalled as stalled:
            self.first = self.first or stalled
            self._note(manifest, is_new=is_new)

    def _note(self, manifest: Manifest, *, is_new: bool) -> None:
        kind, key = manifest["kind"], revision_of(manifest)
        if is_new and kind in ("ControllerRevision", "Service"):
            self.unmade.add(key)
        if is_new and kind == "ServiceAccount":
            self.accounts.add(manifest["metadata"]["name"])
        if kind == "ControllerRevision":
            self.unkept.add(key)
        if kind == "PersistentVolumeClaim":
            self.volumes.add(manifest["metadata"]["name"])
        if kind in _WAY_IN and key is None:
            self.way_in = True

    def lacks_what_its_pods_need(self, desired: Manifest, present: Manifest | None) -> bool:
        """Whether this would add pods to a revision that is not complete."""
        key = revision_of(desired)
        if desired["kind"] not in ENGINE_SETS or key is None or not self.unmade & {key, None}:
            return False
        return present is None or present["spec"]["replicas"] < desired["spec"]["replicas"]

    def lacks_its_account(self, desired: Manifest) -> bool:
        """Whether this would run pods with the rights of a ServiceAccount that is not the object's."""
        if desired["kind"] != "Deployment":
            return False
        return desired["spec"]["template"]["spec"].get("serviceAccountName") in self.accounts

    def lacks_its_volume(self, desired: Manifest) -> bool:
        """Whether this is a Job for a claim that is not as it is to be."""
        labels = desired["metadata"]["labels"]
        return desired["kind"] == "Job" and labels[names.WEIGHTS_LABEL] in self.volumes

    def may_still_be_reached(self, unwanted: Manifest, others: tuple[Manifest, ...]) -> bool:
        """Whether users may be sent to this child, which another was to replace.

        A revision's Service goes without its pods only so that nobody can be sent there any more.
        """
        key = revision_of(unwanted)
        leaving = {revision_of(item) for item in others if item["kind"] in ENGINE_SETS}
        return self.way_in and (key is None or key in leaving)


_WAY_IN = frozenset(
    {"Service", "HTTPRoute", "Deployment", "ConfigMap", "ServiceAccount", "Role", "RoleBinding"}
)
"""Kinds of the children that are of no revision and take users to one; a budget does not."""


_ROUTING = frozenset({"ConfigMap", "HTTPRoute", "Service"})
"""Kinds of the children that, where they are of no revision, say to whom users are sent."""


def _says_who_is_asked(manifest: Manifest) -> bool:
    """Whether this child is written only as it was read: an old one would send users where nobody may be any more.

    Not so a Deployment, of which its status makes another version all the time.
    """
    return manifest["kind"] in _ROUTING and revision_of(manifest) is None


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _opens(gate: Manifest) -> bool:
    return any(condition["status"] == "True" for condition in gate["status"]["conditions"])


async def _apply(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, plan: Plan, met: _Setbacks
) -> int:
    children = {_place(item): item for item in observed.children}
    writes = 0
    for desired in map(drift.with_digest, plan.apply):
        present = children.get(_place(desired))
        if met.lacks_what_its_pods_need(desired, present) or met.lacks_its_account(desired):
            continue
        with met.at(desired, is_new=present is None):
            if present is None:
                writes += await _create(kube, deployment, desired)
            elif drift.differs(present, desired):
                writes += await _update(kube, present, desired)
    return writes


async def _share_all(kube: Kube, observed: Observed, plan: Plan, met: _Setbacks) -> int:
    shared = {_place(item): item for item in observed.shared}
    writes = 0
    for desired in plan.share:
        if met.lacks_its_volume(desired):
            continue
        with met.at(desired):
            writes += await _share(kube, desired, shared.get(_place(desired)))
    return writes


async def _let_go(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, plan: Plan, met: _Setbacks
) -> int:
    children = {_place(item) for item in observed.children}
    writes = 0
    for unwanted in plan.delete:
        if _place(unwanted) in children and met.may_still_be_reached(unwanted, plan.delete):
            continue
        with met.at(unwanted):
            writes += await _delete(kube, unwanted)
    for unused in plan.leave if not met.way_in else ():
        with met.at(unused):
            writes += await _leave(kube, unused, deployment.metadata.uid)
    return writes


async def _open_gates(kube: Kube, observed: Observed, plan: Plan, met: _Setbacks) -> int:
    revisions = {pod["metadata"].get("uid"): revision_of(pod) for pod in observed.pods}
    writes = 0
    for gate in plan.gates:
        if _opens(gate) and revisions.get(gate["metadata"]["uid"]) in met.unkept:
            continue
        with met.at(gate):
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
        if not drift.differs(present, desired):
            return 0
        if _says_who_is_asked(desired):
            await _expect_unchanged(kube, deployment)
        return await _update(kube, present, desired)
    return 1


async def _expect_unchanged(kube: Kube, deployment: DeepSeekDeployment) -> None:
    """Conflict where the object is not of the version any more that this pass has read.

    It stands for a child that the pass had not read. Who decides writes status before any child: up to now that is seen here,
    and from now on the child is of another version when it is to be written.
    """
    metadata = deployment.metadata
    now = await kube.get(resources.DEEPSEEK_DEPLOYMENT, metadata.namespace, metadata.name)
    if now is None or now["metadata"]["resourceVersion"] != metadata.resource_version:
        raise Conflict(f"{names.KIND} {metadata.namespace}/{metadata.name} changed meanwhile")


async def _update(kube: Kube, present: Manifest, desired: Manifest) -> int:
    """Server-side apply on this very object, our fields of its creation included.

    Where it says who is asked, on this very version: a leader that stood still may not know that it leads no more.
    """
    resource = resources.resource_of(desired)
    metadata = desired["metadata"]
    writes = 1
    operations = drift.adopt_fields(present, desired)
    if operations is not None:
        present = await kube.json_patch(
            resource, metadata["namespace"], metadata["name"], operations
        )
        writes += 1
    known = ("uid", "resourceVersion") if _says_who_is_asked(desired) else ("uid",)
    meant = {key: present["metadata"][key] for key in known}
    await kube.apply(resource, {**desired, "metadata": {**metadata, **meant}})
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


async def _leave(kube: Kube, present: Manifest, uid: str) -> int:
    """The last one that leaves deletes it, unless somebody has come meanwhile."""
    resource, metadata = resources.resource_of(present), present["metadata"]
    operations = sharing.leave(present, uid)
    if operations is None:
        await kube.delete(resource, present, unchanged=True)
    else:
        await kube.json_patch(resource, metadata["namespace"], metadata["name"], operations)
    return 1


def _name_taken(desired: Manifest) -> Stalled:
    metadata = desired["metadata"]
    return Stalled(
        Reason.NAME_TAKEN,
        f"{desired['kind']} {metadata['namespace']}/{metadata['name']} exists and does not "
        "belong to this object; delete or rename one of the two",
    )


async def _delete(kube: Kube, unwanted: Manifest) -> int:
    resource = resources.resource_of(unwanted)
    if _says_who_is_asked(unwanted):
        await kube.delete(resource, unwanted, unchanged=True)
        return 1
    # Another object may have the name by now: it is not the one we meant.
    with contextlib.suppress(VersionConflictError):
        await kube.delete(resource, unwanted)
    return 1

"""Asking the API server whether it would take an object: a dry run, which stores nothing."""

import re
from dataclasses import dataclass
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import ApiError, NotFoundError, RefusedError
from deepseek_operator.observed import Manifest


@dataclass(frozen=True, slots=True)
class Admission:
    """What the server said."""

    refused: str = ""
    """In its words; empty: it takes the object, or was not asked."""
    not_asked: str = ""
    """Why it was not; empty: it was."""


_NO_PERMISSION = re.compile(r" cannot (patch|create) resource ")
"""As the API server writes it (apiserver/pkg/endpoints/handlers/responsewriters/errors.go); policies have words of their own."""


async def ask(
    kube: Kube, manifest: Manifest, present: Manifest | None, *, namespace: str
) -> Admission:
    """Whether the object may be made, or the present one changed so that its spec is the file's.

    Patched and not applied: what is in the cluster and not in the file any more goes, as with `kubectl apply`; our apply would
    leave it, as it was never ours.
    """
    try:
        if present is None:
            await kube.create(
                resources.DEEPSEEK_DEPLOYMENT, _new(manifest, namespace), dry_run=True
            )
        else:
            await kube.json_patch(
                resources.DEEPSEEK_DEPLOYMENT,
                namespace,
                str(present["metadata"]["name"]),
                _operations(manifest, present),
                dry_run=True,
            )
    except (RefusedError, NotFoundError) as error:
        return _refusal(error, namespace, is_new=present is None)
    except ApiError as error:
        return Admission(not_asked=f"the API server could not tell: {_line(error)}")
    return Admission()


def _refusal(error: ApiError, namespace: str, *, is_new: bool) -> Admission:
    if error.code == 403 and _NO_PERMISSION.search(error.message):
        verb = "create" if is_new else "patch"
        return Admission(
            not_asked=f"with these credentials you may not {verb} {names.PLURAL} in {namespace}; whoever may can ask"
        )
    if error.code == 404:
        return Admission(
            refused=f"{_line(error)}: make namespace {namespace} first, or name another by -n"
        )
    if "dry run" in error.message or "dryRun" in error.message:
        # A webhook that may do more than to answer is not called (admissionregistration, sideEffects).
        return Admission(not_asked=f"the API server could not tell: {_line(error)}")
    return Admission(refused=_line(error))


def _line(error: ApiError) -> str:
    return " ".join(error.message.split())


def _new(manifest: Manifest, namespace: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _operations(manifest: Manifest, present: Manifest) -> list[dict[str, Any]]:
    """The file's spec, and its labels and annotations beside those that are there."""
    metadata, before = manifest["metadata"], present["metadata"]
    added = [
        {"op": "add", "path": f"/metadata/{field}", "value": {**(before.get(field) or {}), **given}}
        for field in ("labels", "annotations")
        if (given := metadata.get(field))
    ]
    return [{"op": "add", "path": "/spec", "value": manifest["spec"]}, *added]

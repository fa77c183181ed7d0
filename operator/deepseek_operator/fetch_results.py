"""What a fetch tells: lines of progress, its result, and why it failed. Pure."""

import json
from typing import Any

from deepseek_operator.api.conditions import Reason
from deepseek_operator.diagnosis import Finding

_REASONS = {
    "Unauthorized": Reason.UNAUTHORIZED,
    "GatedLicence": Reason.GATED_LICENCE,
    "NotFound": Reason.NOT_FOUND,
    "ChecksumMismatch": Reason.CHECKSUM_MISMATCH,
    "VolumeFull": Reason.VOLUME_FULL,
    "VolumeReadOnly": Reason.VOLUME_READ_ONLY,
    "VolumeFailed": Reason.VOLUME_FAILED,
    "NameResolution": Reason.NAME_RESOLUTION,
    "Unreachable": Reason.UNREACHABLE,
    "Stalled": Reason.FETCH_STALLED,
    "ServerError": Reason.SERVER_ERROR,
    "InvalidSource": Reason.INVALID_SOURCE,
}
"""The words of deepseek_serving.weights.errors."""


def failure(source: str, end: dict[str, Any]) -> Finding:
    """Why a fetch of this source ended as its container's state says."""
    told = document(str(end.get("message", "")))
    reason = _REASONS.get(str(told.get("reason")), Reason.WEIGHTS_FAILED)
    said = told.get("message") or f"exit code {end.get('exitCode')} ({end.get('reason')})"
    return Finding(reason, f"weights of {source}: {said}")


def document(text: str) -> dict[str, Any]:
    """A JSON object; an empty one for whatever else there is."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

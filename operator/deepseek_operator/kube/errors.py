"""Answers of the API server that are not success.

ApiError                 any such answer: code, reason, message
├── AlreadyExistsError   a create met an object of that name
├── VersionConflictError what was read is out of date (409)
├── NotFoundError        404, and 410 of a list that expired
└── RefusedError         the server read the request and will not have it: 400, 403, 422, and 500 of an admission webhook
UnreachableError         no answer: connection refused, reset, timed out
"""


class ApiError(Exception):
    """An answer of the API server that is not success."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class AlreadyExistsError(ApiError):
    """A create met an object of that name."""


class VersionConflictError(ApiError):
    """The object changed, or is another one by now."""


class NotFoundError(ApiError):
    """There is no such object."""


class RefusedError(ApiError):
    """The request itself is not acceptable, or nobody says whether it is; the same one is refused for as long as nothing changes."""


class UnreachableError(Exception):
    """The API server gave no answer."""


_REFUSED_WITH_500 = (
    # An apply with a field that the kind does not have (Kubernetes 1.35).
    "failed to create typed patch object",
    # Somebody's admission webhook does not answer: it concerns this one object, and may for hours
    # (staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors of Kubernetes).
    "failed calling webhook",
)


def api_error(code: int, reason: str, message: str) -> ApiError:
    """The error for an answer's code and reason."""
    if code == 409:
        kind = AlreadyExistsError if reason == "AlreadyExists" else VersionConflictError
        return kind(code, reason, message)
    if code in (404, 410):
        return NotFoundError(code, reason, message)
    if code in (400, 403, 422) or any(words in message for words in _REFUSED_WITH_500):
        return RefusedError(code, reason, message)
    return ApiError(code, reason, message)

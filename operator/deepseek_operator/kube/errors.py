"""Answers of the API server that are not success.

ApiError                 any such answer: code, reason, message
├── AlreadyExistsError   a create met an object of that name
├── VersionConflictError what was read is out of date (409)
├── NotFoundError        404, and 410 of a list that expired
└── RefusedError         the server read the request and will not have it: 400, 403, 422
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
    """The request itself is not acceptable; the same one will be refused again."""


class UnreachableError(Exception):
    """The API server gave no answer."""


def api_error(code: int, reason: str, message: str) -> ApiError:
    """The error for an answer's code and reason."""
    if code == 409:
        kind = AlreadyExistsError if reason == "AlreadyExists" else VersionConflictError
        return kind(code, reason, message)
    if code in (404, 410):
        return NotFoundError(code, reason, message)
    # An apply with a field that the kind does not have is answered with 500 (Kubernetes 1.35).
    if code in (400, 403, 422) or "failed to create typed patch object" in message:
        return RefusedError(code, reason, message)
    return ApiError(code, reason, message)

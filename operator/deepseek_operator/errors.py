"""The error tree; report.py maps it to conditions and requeues.

    OperatorError
    ├── Stalled            a person must act: reason and message go into the Stalled condition
    └── Waiting            nothing is wrong; look again after a while
        └── Conflict       somebody wrote first: this pass is dropped

Anything else is a failure of this attempt: it is logged and retried with back-off.
"""

from deepseek_operator.api.conditions import Reason


class OperatorError(Exception):
    """Base of the operator's own errors."""


class Stalled(OperatorError):  # noqa: N818 - named as the condition it becomes
    """The spec cannot be reached until a person acts."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Waiting(OperatorError):  # noqa: N818 - a state, not a failure
    """The pass cannot go on yet."""

    def __init__(self, message: str, *, after_seconds: float) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Conflict(Waiting):
    """Another writer was first; what was read is out of date."""

    def __init__(self, message: str) -> None:
        super().__init__(message, after_seconds=0.0)

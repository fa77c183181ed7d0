"""What can go wrong while a model is fetched, and who can do something about it.

FetchError
├── Temporary       tried again here with back-off, then by the next Job: exit code 1
│   └── Stopped     the process was told to stop; what is there is kept
├── Permanent       a person must act: exit code 2
└── OwnershipLost   another process took the volume over: this one waits for it
"""

import enum


class Reason(enum.StrEnum):
    """Why a fetch failed, in one word."""

    UNAUTHORIZED = "Unauthorized"
    GATED_LICENCE = "GatedLicence"
    NOT_FOUND = "NotFound"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    VOLUME_FULL = "VolumeFull"
    VOLUME_READ_ONLY = "VolumeReadOnly"
    VOLUME_FAILED = "VolumeFailed"
    NAME_RESOLUTION = "NameResolution"
    UNREACHABLE = "Unreachable"
    STALLED = "Stalled"
    SERVER_ERROR = "ServerError"
    INVALID_SOURCE = "InvalidSource"
    INTERRUPTED = "Interrupted"
    UNEXPECTED = "Unexpected"


class FetchError(Exception):
    """A fetch cannot go on; the text says what to do about it."""

    retryable = False
    exit_code = 2

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Temporary(FetchError):  # noqa: N818 - the finding, not the act
    """It may work later; `retry_after` is what the server asked for, in seconds."""

    retryable = True
    exit_code = 1

    def __init__(self, reason: Reason, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class Stopped(Temporary):
    """The process was told to stop."""

    def __init__(self) -> None:
        super().__init__(
            Reason.INTERRUPTED, "stopped before the model was complete; the next start goes on"
        )


class Permanent(FetchError):  # noqa: N818 - the finding, not the act
    """It works only after a person has changed something."""


class OwnershipLost(Exception):  # noqa: N818 - the finding, not the act
    """This process was silent so long that another one took the volume over."""

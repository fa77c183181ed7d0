"""Why a warm-up fails: one exception, the reasons, and what a person can do about each.

Exit code 0 means that the first lock of the pod is open. Any other means that it is shut:

    1   an error in this program
    2   the command line or the spec cannot be used
    10  NotAnswering   engine or warden did not answer, or broke off
    11  WrongModel     the engine serves another name
    12  EmptyAnswer    an answer held nothing
    13  NotFinite      a log-probability was no finite number
    14  TimedOut       the limit of time was reached, or the Job was told to stop
    15  Restarted      the engine's process is another one now; it is cold, and needs its own warm-up
    16  Refused        engine or warden answered with an error
"""

import enum

USAGE_EXIT_CODE = 2


class Reason(enum.StrEnum):
    """The causes of a failure, as they stand in the result."""

    NOT_ANSWERING = "NotAnswering"
    WRONG_MODEL = "WrongModel"
    EMPTY_ANSWER = "EmptyAnswer"
    NOT_FINITE = "NotFinite"
    TIMED_OUT = "TimedOut"
    RESTARTED = "Restarted"
    REFUSED = "Refused"

    @property
    def exit_code(self) -> int:
        """Of the program, when it fails for this reason."""
        return 10 + list(Reason).index(self)

    @property
    def remedy(self) -> str:
        """What a person can do."""
        return _REMEDIES[self]


_REMEDIES = {
    Reason.NOT_ANSWERING: "look at the logs of the pod's engine and warden containers, and at "
    "NetworkPolicies between the warm-up Job and the pod",
    Reason.WRONG_MODEL: "compare the engine's served model name with the object's model",
    Reason.EMPTY_ANSWER: "ask the model by hand; weights, tokenizer and chat template may not "
    "belong together",
    Reason.NOT_FINITE: "the engine computes garbage: check the weights' checksums, the quantization "
    "and the node's accelerators",
    Reason.TIMED_OUT: "raise warmup.timeout, or warm less: warmup.shapes and warmup.concurrency",
    Reason.RESTARTED: "none needed: the new process gets its own warm-up; if it happens again, look "
    "at the engine's last log (kubectl logs --previous)",
    Reason.REFUSED: "read the engine's log; if the warden refused (401), another pod has the address by "
    "now and gets a warm-up of its own: none needed",
}


class Failure(Exception):  # noqa: N818 - what the result calls it
    """The warm-up cannot succeed any more.

    `status` is that of the HTTP answer, where there was one; `blames_request` says that the server
    does not offer what this request asked for, which says nothing about other requests.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        status: int | None = None,
        blames_request: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.status = status
        self.blames_request = blames_request

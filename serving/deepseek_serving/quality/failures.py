"""Why an examination leaves no result: one exception and the reasons. It says nothing of the model then.

Exit code 0 means that everything that was asked for is in the result. The others:

    1   an error in this program
    2   the command line or the spec cannot be used
    20  PromptsMissing      the ConfigMap is not there, or holds no prompts
    21  PromptsUnreadable   a document of it is not as it has to be
    22  NotAnswering        a pod did not answer a prompt
    23  TimedOut            the limit of time was reached, or the Job was told to stop
    24  WebhookUnanswered   the webhook could not be reached, or did not answer in time
    25  WebhookUnreadable   the webhook answered something else than {"pass": ..., "reason": ...}
    26  WebhookUnusable     its token or certificates are not there

No message holds a prompt or an answer.
"""

import enum

USAGE_EXIT_CODE = 2


class Reason(enum.StrEnum):
    """The causes of a failure, as they stand in the result."""

    PROMPTS_MISSING = "PromptsMissing"
    PROMPTS_UNREADABLE = "PromptsUnreadable"
    NOT_ANSWERING = "NotAnswering"
    TIMED_OUT = "TimedOut"
    WEBHOOK_UNANSWERED = "WebhookUnanswered"
    WEBHOOK_UNREADABLE = "WebhookUnreadable"
    WEBHOOK_UNUSABLE = "WebhookUnusable"

    @property
    def exit_code(self) -> int:
        """Of the program, when it fails for this reason."""
        return 20 + list(Reason).index(self)


class Failure(Exception):  # noqa: N818 - what the result calls it
    """The examination cannot be completed."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message

"""What an examination found: the document that the operator reads from the Job's termination message."""

import json
from dataclasses import dataclass
from typing import Any

from deepseek_serving.quality.failures import Failure

LIMIT_BYTES = 4096
"""Of a termination message; the kubelet cuts a longer one, and half a document cannot be read."""

MOST_FAILED = 16
"""Names of prompts that are told; the log has all of them."""

_MESSAGE_CHARACTERS = 400
_REASON_CHARACTERS = 300

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grade:
    """How one revision answered."""

    asked: int
    passed: int
    failed: tuple[str, ...] = ()
    """`name: property` of each prompt whose answer was not as expected."""

    def to_document(self) -> Document:
        """With the first names only."""
        return {
            "asked": self.asked,
            "passed": self.passed,
            "failed": list(self.failed[:MOST_FAILED]),
        }


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the webhook answered."""

    passes: bool
    reason: str


@dataclass(slots=True)
class Result:
    """Filled while the examination goes on, so that a failure shows how far it came."""

    candidate: Grade | None = None
    stable: Grade | None = None
    opinion: Opinion | None = None
    failure: Failure | None = None

    @property
    def exit_code(self) -> int:
        """0 when nothing is missing, whatever was found."""
        return 0 if self.failure is None else self.failure.reason.exit_code

    def grades(self) -> Document:
        """What came of the prompts, by revision."""
        return {
            "candidate": None if self.candidate is None else self.candidate.to_document(),
            "stable": None if self.stable is None else self.stable.to_document(),
        }

    def to_document(self) -> Document:
        """The whole result."""
        opinion, failure = self.opinion, self.failure
        return {
            **self.grades(),
            "webhook": None
            if opinion is None
            else {"pass": opinion.passes, "reason": opinion.reason[:_REASON_CHARACTERS]},
            "failure": None
            if failure is None
            else {
                "reason": failure.reason.value,
                "message": failure.message[:_MESSAGE_CHARACTERS],
            },
        }


def encode(document: Document) -> str:
    """One line of ASCII within the limit: names are left out first, then words are cut."""
    text = json.dumps(document, separators=(",", ":"))
    while len(text) > LIMIT_BYTES:
        document = _shorter(document)
        text = json.dumps(document, separators=(",", ":"))
    return text


def _shorter(document: Document) -> Document:
    """With half of what is longest; every document comes to fit."""
    found: Document = json.loads(json.dumps(document))
    lists = [found[who] for who in ("candidate", "stable") if found[who] and found[who]["failed"]]
    if lists:
        longest = max(lists, key=lambda grade: len(grade["failed"]))
        longest["failed"] = longest["failed"][: len(longest["failed"]) // 2]
        return found
    for part, words in (("webhook", "reason"), ("failure", "message")):
        if found[part]:
            found[part][words] = found[part][words][: len(found[part][words]) // 2]
    return found

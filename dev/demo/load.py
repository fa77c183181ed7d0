"""Users: an open loop of streamed requests, each of whose ends is kept."""

import http.client
import itertools
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from dev.models import questions

ANSWER_SECONDS = 60.0

LONG_EVERY = 4
"""Of so many requests one has a long prompt: a revision may be good for the short ones only."""

LONG_PROMPT = "Read this and answer at the end. " * 24


@dataclass
class Load:
    """Clients that send requests at a steady rate, whatever becomes of those before."""

    url: str
    name: str
    """What they send as "model"."""
    period: float = 0.25
    """Seconds between two requests."""
    tokens: int = 16
    """The most that an answer may have."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each request says beside its body."""
    trust: ssl.SSLContext | None = None
    """Whose certificates are believed; None for those of the machine."""
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Of each whole answer, the revision and why it was not the first one's."""
    failures: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    """Answers with an error code by the revision that gave them; each is a failure, too."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._arrive))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def revisions(self) -> Counter[str]:
        """Answers by revision."""
        return Counter(revision for revision, _ in self.answers)

    @property
    def running(self) -> int:
        """Requests that have not ended."""
        return sum(thread.is_alive() for thread in self._threads[1:])

    @property
    def asked(self) -> int:
        """Requests that have begun."""
        return max(0, len(self._threads) - 1)

    def _arrive(self) -> None:
        for number in itertools.count(1):
            if self._stop.wait(self.period):
                return
            thread = threading.Thread(target=self._ask, args=[number % LONG_EVERY == 0])
            self._threads.append(thread)
            thread.start()

    def _ask(self, is_long: bool) -> None:
        started = time.strftime("%H:%M:%S")
        try:
            before = LONG_PROMPT if is_long else ""
            head, text = stream(
                self.url,
                self.name,
                before=before,
                headers=self.headers,
                trust=self.trust,
                max_tokens=self.tokens,
            )
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")[:300]
            self.refusals[error.headers.get("x-dsd-revision") or "the gateway"] += 1
            self.failures.append(f"asked at {started}: {error.code} {said}")
            return
        except http.client.IncompleteRead as error:
            self.failures.append(f"asked at {started}: cut after {error.partial[-80:]!r}")
            return
        except Exception as error:  # noqa: BLE001 - whatever a user would see
            self.failures.append(f"asked at {started}: {error!r}")
            return
        if text.endswith("data: [DONE]\n\n"):
            self.answers.append((head.get("x-dsd-revision", ""), head.get("x-dsd-fallback", "")))
        else:
            self.failures.append(f"asked at {started}: cut after {text[-80:]!r}")


def stream(
    url: str,
    name: str,
    *,
    before: str = "",
    seconds: float = ANSWER_SECONDS,
    headers: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
    **more: Any,
) -> tuple[dict[str, str], str]:
    """The head and the whole text of one streamed answer to the first question, with `before` before it."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": before + questions.load()[0].question}],
        "max_tokens": 16,
        "stream": True,
        **more,
    }
    request = urllib.request.Request(  # noqa: S310 - http
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    with opener.open(request, timeout=seconds) as answer:
        head = {name.lower(): value for name, value in answer.headers.items()}
        return head, answer.read().decode()

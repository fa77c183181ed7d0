"""Users: an open loop of streamed requests, each of whose ends is kept."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from dev.models import questions
from tests.e2e.line import wait_until


@dataclass
class Crowd:
    """Clients that send a stream of requests, and keep what each of them got."""

    url: str
    name: str
    """What they send as "model"."""
    period: float = 0.25
    """Seconds between two requests, whatever becomes of those before: an open loop."""
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Of each whole answer, the revision and why it was not the first one's."""
    failures: list[str] = field(default_factory=list)
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

    def wait_for_more(self, count: int = 8) -> None:
        """Until so many more were answered."""
        already = len(self.answers)
        wait_until(lambda: len(self.answers) >= already + count, what=f"{count} more answers")

    def _arrive(self) -> None:
        while not self._stop.wait(self.period):
            thread = threading.Thread(target=self._ask)
            self._threads.append(thread)
            thread.start()

    def _ask(self) -> None:
        started = time.strftime("%H:%M:%S")
        try:
            head, text = stream(self.url, self.name)
        except urllib.error.HTTPError as error:
            self.failures.append(f"asked at {started}: {error.code} {error.read().decode()[:300]}")
            return
        except Exception as error:  # noqa: BLE001 - whatever a user would see
            self.failures.append(f"asked at {started}: {error!r}")
            return
        if text.endswith("data: [DONE]\n\n"):
            self.answers.append((head["x-dsd-revision"], head.get("x-dsd-fallback", "")))
        else:
            self.failures.append(f"asked at {started}: cut after {text[-80:]!r}")


def stream(url: str, name: str, *, seconds: float = 60, **more: Any) -> tuple[dict[str, str], str]:
    """The head and the whole text of one streamed answer."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": questions.load()[0].question}],
        "max_tokens": 16,
        "stream": True,
        **more,
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        head = {name.lower(): value for name, value in answer.headers.items()}
        return head, answer.read().decode()

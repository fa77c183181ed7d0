"""The requests that are timed: one of each kind that users send."""

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 300.0

WORDS = "Tell me about the sea and the ships that cross it. "

CHAT = [{"role": "user", "content": "What is the capital of France?"}]

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat, greedy": ("chat/completions", {"messages": CHAT, "temperature": 0}),
    "chat, sampled": ("chat/completions", {"messages": CHAT, "temperature": 0.6, "top_p": 0.95}),
    "chat, streamed": ("chat/completions", {"messages": CHAT, "stream": True}),
    "log-probabilities": ("completions", {"prompt": "The sea", "logprobs": 3}),
    "JSON object": (
        "chat/completions",
        {"messages": CHAT, "response_format": {"type": "json_object"}},
    ),
    "long prompt": ("completions", {"prompt": WORDS * 40}),
}
"""Kinds of requests: path below /v1 and what is special about each."""

MOST_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Timed:
    """One request and how long its whole answer took."""

    kind: str
    seconds: float


def ask(url: str, model: str, kind: str) -> Timed:
    """Send one request and read its answer to the end; OSError where there is none."""
    path, special = KINDS[kind]
    body = {"model": model, "max_tokens": MOST_TOKENS, **special}
    request = urllib.request.Request(  # noqa: S310 - http
        f"{url}/v1/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    started = time.monotonic()
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        answer.read()
    return Timed(kind, time.monotonic() - started)

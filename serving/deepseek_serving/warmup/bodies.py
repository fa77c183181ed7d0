"""The JSON bodies of a warm-up's requests, in the fields that vLLM and TensorRT-LLM both know."""

import hashlib
import json
from typing import Any

QUESTION = "What is the capital of France?"
"""Short, in every model's training data, and with an answer that leaves the model little choice: its
log-probabilities then differ between runs by rounding only."""

TOUCH_TOKENS = 16
"""A first token and enough others for a mean time between them."""

THINKING_TOKENS = 64
"""Of a model that thinks: it goes on for long, and only its first steps are new to the engine."""

STRUCTURED_TOKENS = 48
"""Enough for the schema's object, so that the grammar is met from its first state to its last."""

REFERENCE_TOKENS = 8
"""Positions whose log-probabilities are compared: a few, since one different token ends the
comparison, and the result has to stay small."""

TOP_LOG_PROBABILITIES = 5
"""Alternatives at each position; most clients that ask for any ask for five."""

SAMPLING = {"temperature": 0.6, "top_p": 0.95}
"""DeepSeek's recommendation for R1, hence what most users send."""

GREEDY = {"temperature": 0}

_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 16}},
    "required": ["answer"],
    "additionalProperties": False,
}


def streaming() -> dict[str, Any]:
    """The answer token by token, and at its end how many there were."""
    return {"stream": True, "stream_options": {"include_usage": True}}


def chat(model: str, *, max_tokens: int = TOUCH_TOKENS, system: str = "") -> dict[str, Any]:
    """A conversation of one question."""
    said = [{"role": "system", "content": system}] if system else []
    messages = [*said, {"role": "user", "content": QUESTION}]
    return {"model": model, "messages": messages, "max_tokens": max_tokens, **GREEDY}


def text(model: str) -> dict[str, Any]:
    """A text to go on with."""
    return {"model": model, "prompt": QUESTION, "max_tokens": TOUCH_TOKENS, **GREEDY}


def tokens(model: str, *, max_tokens: int) -> dict[str, Any]:
    """A prompt of token ids, to be added; the answer has exactly so many tokens."""
    return {"model": model, "max_tokens": max_tokens, "ignore_eos": True, **GREEDY, **streaming()}


def structured(model: str) -> dict[str, Any]:
    """An answer that follows a JSON schema."""
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _SCHEMA}}
    return {**chat(model, max_tokens=STRUCTURED_TOKENS), "response_format": wanted, **streaming()}


def thinking(model: str) -> dict[str, Any]:
    """R1 always thinks; V3.1 and later only when their chat template is told to."""
    asked = chat(model, max_tokens=THINKING_TOKENS)
    return {**asked, **SAMPLING, "chat_template_kwargs": {"thinking": True}, **streaming()}


def reference(model: str) -> dict[str, Any]:
    """The fixed greedy prompt whose log-probabilities tell one set of weights from another."""
    asked = chat(model, max_tokens=REFERENCE_TOKENS)
    return {**asked, "logprobs": True, "top_logprobs": TOP_LOG_PROBABILITIES}


def reference_id() -> str:
    """Changes whenever the reference request does: values of different ones must not be compared."""
    return hashlib.sha256(json.dumps(reference(""), sort_keys=True).encode()).hexdigest()[:12]

"""One chat completion, as any OpenAI client asks for it."""

import json
import urllib.error
import urllib.request
from typing import Any

from dev import steps

ANSWER_SECONDS = 120.0


def chat(url: str, model: str, question: str) -> str:
    """The answer to one question; StepError with what the server said when there is none."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 128,
    }
    answer = post(f"{url}/v1/chat/completions", body)
    choice = answer["choices"][0]
    content = choice["message"]["content"]
    if not content or choice["finish_reason"] != "stop":
        raise steps.StepError(f"the model did not finish an answer: {json.dumps(answer)}")
    return str(content).strip()


def post(url: str, body: object) -> Any:
    """The JSON answer to a JSON request."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - http
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_SECONDS) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode(errors="replace")[:500]
        raise steps.StepError(f"{url} answered {error.code}: {said}") from None
    except OSError as error:
        raise steps.StepError(f"{url} does not answer: {error}") from None

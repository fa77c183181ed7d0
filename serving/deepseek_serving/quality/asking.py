"""Asks the pods of one revision the reference prompts, a few at once and each pod in turn."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp

from deepseek_serving.quality import grading
from deepseek_serving.quality.failures import Failure, Reason
from deepseek_serving.quality.grading import Answer
from deepseek_serving.quality.prompts import Prompt
from deepseek_serving.quality.result import Grade

AT_ONCE = 4
"""Prompts under way at a time: users of the stable revision are to notice nothing."""

ATTEMPTS = 3
"""Of each prompt, where a pod cannot be reached or has no room; each at the next pod."""

MOST_BYTES = 4 << 20
"""Of an answer."""

WAIT_SECONDS = 2.0
"""Between two attempts."""

_NO_ROOM = frozenset({429, 503})


class _Unreached(Exception):  # noqa: N818 - nothing is wrong with the answer: there is none
    """No answer, and nothing that says anything of the model."""


class Asking:
    """The prompts, asked over one session."""

    def __init__(
        self, session: aiohttp.ClientSession, *, model: str, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        """`model` is the name under which the engines serve."""
        self._session = session
        self._model = model
        self._wait_seconds = wait_seconds

    async def grade(self, prompts: Sequence[Prompt], urls: Sequence[str]) -> Grade:
        """How the pods at these base URLs answer; Failure where one prompt gets no answer."""
        room, turns = asyncio.Semaphore(AT_ONCE), itertools.cycle(urls)

        async def one(prompt: Prompt) -> Answer | None:
            async with room:
                return await self._answer(prompt, turns)

        tasks = [asyncio.ensure_future(one(prompt)) for prompt in prompts]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        failed = [
            f"{prompt.name}: {missing}"
            for prompt, answer in zip(prompts, answers, strict=True)
            if (missing := _missing(prompt, answer)) is not None
        ]
        return Grade(len(prompts), len(prompts) - len(failed), tuple(failed))

    async def _answer(self, prompt: Prompt, turns: Iterator[str]) -> Answer | None:
        last = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._wait_seconds)
            try:
                return await self._ask(prompt, next(turns))
            except _Unreached as error:
                last = str(error)
        raise Failure(Reason.NOT_ANSWERING, f"prompt {prompt.name}: {last}")

    async def _ask(self, prompt: Prompt, url: str) -> Answer | None:
        """None where the engine refuses: a model that cannot be asked has not answered as expected."""
        body = {
            "model": self._model,
            "messages": [message.model_dump() for message in prompt.messages],
            "max_tokens": prompt.max_tokens,
            "temperature": 0,
            "seed": 0,
        }
        try:
            async with self._session.post(
                f"{url}/v1/chat/completions", json=body, allow_redirects=False
            ) as response:
                text = await response.content.read(MOST_BYTES + 1)
                while len(text) <= MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
                    text += more
        except (aiohttp.ClientError, OSError) as error:
            raise _Unreached(f"{url}: {type(error).__name__}") from error
        if response.status in _NO_ROOM:
            raise _Unreached(f"{url}: status {response.status}")
        if response.status != 200 or len(text) > MOST_BYTES:
            return None
        return _read(text)


def _missing(prompt: Prompt, answer: Answer | None) -> str | None:
    if answer is None:
        return grading.ANSWERED
    return grading.failing(answer, prompt.expect)


def _read(text: bytes) -> Answer | None:
    """The answer of a chat completion; None for what is none."""
    try:
        document: Any = json.loads(text)
        choice = document["choices"][0]
        content = choice["message"].get("content")
        tokens = (document.get("usage") or {}).get("completion_tokens") or 0
        reason = choice.get("finish_reason")
        return Answer(str(content or ""), int(tokens), str(reason or ""))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None

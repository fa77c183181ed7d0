"""Asks the user's judge: one POST, one small answer, nothing followed and nothing believed."""

import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from deepseek_serving.quality.failures import Failure, Reason
from deepseek_serving.quality.result import Document, Opinion
from deepseek_serving.quality.spec import WebhookSpec

MOST_BYTES = 16 << 10
"""Of an answer."""


async def ask(
    spec: WebhookSpec, review: Document, *, token_file: Path | None, ca_file: Path | None
) -> Opinion:
    """What the judge says of the review; Failure for anything that is no opinion.

    The environment's proxies and its .netrc are not used, and a redirect is an answer that cannot be read: what is
    posted goes to the address that the object names, and nowhere else.
    """
    headers = {} if token_file is None else {"Authorization": f"Bearer {_token(token_file)}"}
    timeout = aiohttp.ClientTimeout(total=spec.timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=_trust(ca_file)), timeout=timeout
            ) as session,
            session.post(spec.url, json=review, headers=headers, allow_redirects=False) as response,
        ):
            text = b""
            while len(text) <= MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
                text += more
            return _read(response.status, text)
    except (aiohttp.ClientError, OSError) as error:
        # TimeoutError is an OSError too.
        message = f"{type(error).__name__}: {error}; it has {spec.timeout_seconds:g} s"
        raise Failure(Reason.WEBHOOK_UNANSWERED, message) from error


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = "the Secret of webhook.token, or its key, is not there"
        raise Failure(Reason.WEBHOOK_UNUSABLE, message) from error


def _trust(file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if file is None else str(file))
    except (OSError, ValueError) as error:
        message = "the ConfigMap of webhook.ca, or its key, is not there or holds no certificate"
        raise Failure(Reason.WEBHOOK_UNUSABLE, message) from error


def _read(status: int, text: bytes) -> Opinion:
    if status != 200:
        raise Failure(Reason.WEBHOOK_UNREADABLE, f"status {status}, and 200 is an answer")
    if len(text) > MOST_BYTES:
        raise Failure(Reason.WEBHOOK_UNREADABLE, f"more than {MOST_BYTES} bytes")
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Failure(Reason.WEBHOOK_UNREADABLE, "no JSON") from None
    passes = document.get("pass") if isinstance(document, dict) else None
    if not isinstance(passes, bool):
        raise Failure(Reason.WEBHOOK_UNREADABLE, "`pass` is neither true nor false")
    reason = document.get("reason", "")
    return Opinion(passes, reason if isinstance(reason, str) else "")

"""Answers of pods, read whole or not at all."""

import aiohttp

LONGEST = 4 * 1024 * 1024
"""Bytes; nothing that is read here is longer."""


async def whole(response: aiohttp.ClientResponse) -> bytes:
    """All of an answer's body; ValueError where it does not end. One read gives what has come so far."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LONGEST:
            raise ValueError(f"an answer of more than {LONGEST} bytes")
    return bytes(body)

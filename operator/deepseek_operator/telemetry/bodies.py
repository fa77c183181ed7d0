"""What pods answer, read whole or not at all."""

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


async def page(
    session: aiohttp.ClientSession, address: str, port: int, path: str, *, seconds: float
) -> bytes | None:
    """What a pod's address has under a path; None where it has nothing, or not in time.

    What a pod says of where else to look is not followed: the image is its user's, and the operator reaches more than
    the user does.
    """
    host = f"[{address}]" if ":" in address else address
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(
            f"http://{host}:{port}{path}", timeout=timeout, allow_redirects=False
        ) as response:
            return await whole(response) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None

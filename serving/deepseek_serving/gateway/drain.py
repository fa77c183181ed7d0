"""Let a gateway's requests end before it does: `python -m deepseek_serving.gateway.drain --timeout=SECONDS`.

A preStop hook of Envoy's container: SIGTERM would cut them all (Envoy 1.40).
"""

import argparse
import asyncio
import sys
import time

import aiohttp

from deepseek_serving.gateway.admin import Admin
from deepseek_serving.gateway.bootstrap import ADMIN_PORT

_SETTLE_SECONDS = 5.0
"""Until every node and client knows that this pod gets no new requests."""
_PERIOD_SECONDS = 0.5


async def drain(admin: Admin, *, timeout: float, settle: float = _SETTLE_SECONDS) -> int:
    """Requests that were still running when the time was over."""
    deadline = time.monotonic() + timeout
    await asyncio.sleep(min(settle, timeout))
    await admin.drain()
    while True:
        running = await admin.active_requests()
        if not running or time.monotonic() >= deadline:
            return running
        await asyncio.sleep(_PERIOD_SECONDS)


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deepseek_serving.gateway.drain")
    parser.add_argument("--timeout", type=float, required=True, help="seconds to wait at most")
    parser.add_argument("--admin-port", type=int, default=ADMIN_PORT, help="Envoy's own port")
    options = parser.parse_args()
    async with aiohttp.ClientSession() as session:
        try:
            running = await drain(Admin(session, options.admin_port), timeout=options.timeout)
        except aiohttp.ClientError as error:
            # It has ended already: there is nothing to wait for.
            print(f"Envoy does not answer: {error}", file=sys.stderr)
            return 0
    if running:
        print(f"{running} requests still run after {options.timeout:g} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))

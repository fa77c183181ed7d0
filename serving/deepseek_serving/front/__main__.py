"""The front of an engine: `python3 -m deepseek_serving.front --help`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from yarl import URL

from deepseek_serving.front import proxy


async def _run(port: int, engine_port: int, paths: Sequence[str]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    engine = URL(f"http://127.0.0.1:{engine_port}")
    async with proxy.serve(host="0.0.0.0", port=port, engine=engine, paths=paths) as listening:  # noqa: S104 - a pod's requests come from other pods
        print(f"port {listening} leads to the engine on {engine}", flush=True)
        await stopped.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="deepseek_serving.front", description=(__doc__ or "").partition(":")[0]
    )
    parser.add_argument("--port", type=int, required=True, help="port that requests come to")
    parser.add_argument("--engine-port", type=int, required=True, help="port of the engine")
    parser.add_argument(
        "--open",
        action="append",
        default=[],
        metavar="PATH",
        help="a path that is passed on; with a slash at its end everything below",
    )
    options = parser.parse_args(arguments)
    asyncio.run(_run(options.port, options.engine_port, options.open))
    return 0


if __name__ == "__main__":
    sys.exit(main())

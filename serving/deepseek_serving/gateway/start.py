"""Become Envoy: `python -m deepseek_serving.gateway.start [--concurrency=N]`."""

import argparse
import json
import os
import uuid

from deepseek_serving.gateway import container
from deepseek_serving.gateway.bootstrap import bootstrap
from deepseek_serving.gateway.overload import Room

ENVOY = "/usr/local/bin/envoy"


def command(*, concurrency: int, node: str, room: Room) -> list[str]:
    """Envoy's command line; `node` tells this process from the one before."""
    return [
        ENVOY,
        *("--config-yaml", json.dumps(bootstrap(room=room))),
        *("--service-node", node),
        *("--concurrency", str(concurrency)),
        *("--log-level", "warning"),
        # An answer of Envoy's own has no time of a first byte, and each would be an error in the log.
        *("--component-log-level", "misc:critical"),
        # The access log; by default a line may wait for 10 s.
        *("--file-flush-interval-msec", "1000"),
        "--disable-hot-restart",
    ]


def main() -> None:
    """Replaces this process."""
    parser = argparse.ArgumentParser(prog="python -m deepseek_serving.gateway.start")
    parser.add_argument("--concurrency", type=int, default=2, help="threads (default: 2)")
    options = parser.parse_args()
    words = command(concurrency=options.concurrency, node=uuid.uuid4().hex, room=container.room())
    os.execv(words[0], words)  # noqa: S606 - nothing is given to a shell


if __name__ == "__main__":
    main()

"""Serve directories as models: python3 -m tests.hub --directory [ORGANISATION/NAME=]DIRECTORY --port PORT.

Prints one JSON object with the addresses when it serves. PUT /_rules takes a JSON list of faults,
GET /_log tells what was asked for.
"""

import argparse
import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.hub.hub import Hub
from tests.hub.models import Model


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python3 -m tests.hub", description=__doc__)
    made.add_argument(
        "--directory",
        action="append",
        required=True,
        metavar="[ORGANISATION/NAME=]DIRECTORY",
        help="a model; without a name it is models/<the directory's own>; may be repeated",
    )
    made.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    made.add_argument("--port", type=int, default=0, help="hub and registry (default: any)")
    made.add_argument("--tls-port", type=int, default=0, help="the same with TLS (default: any)")
    made.add_argument("--store-port", type=int, help="S3 (default: none; 0: any)")
    made.add_argument("--mib-per-second", type=float, help="of all answers (default: no limit)")
    made.add_argument("--token", default="", help="makes the models private: who has it may read")
    made.add_argument("--gated", action="store_true", help="the models' licence is to be accepted")
    made.add_argument("--registry-account", metavar="USER:PASSWORD", help="for the registry")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end."""
    options = parser().parse_args(arguments)
    models = []
    for text in options.directory:
        name, _, directory = text.rpartition("=")
        place = Path(directory).resolve()
        models.append(
            Model(
                name or f"models/{place.name}",
                place,
                private=bool(options.token) and not options.gated,
                gated=options.gated,
                token=options.token,
            )
        )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    rate = options.mib_per_second * 2**20 if options.mib_per_second else None
    with Hub(
        *models,
        host=options.host,
        port=options.port,
        tls_port=options.tls_port,
        store_port=options.store_port,
        bytes_per_second=rate,
        account=options.registry_account,
    ) as hub:
        addresses = {
            "hub": hub.url,
            "tls": hub.tls_url,
            "registry": hub.registry,
            "authority": str(hub.authority),
            "store": hub.store_url if options.store_port is not None else None,
            "models": list(hub.models),
        }
        print(json.dumps(addresses), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()

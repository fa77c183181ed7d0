"""The last good state, on the pod's own disk: with it a gateway starts while the API server is away."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from deepseek_serving.gateway.endpoints import Endpoint, Endpoints, is_reachable

logger = logging.getLogger(__name__)

FILE = "last-good.json"


@dataclass(frozen=True, slots=True)
class State:
    """What an agent knows: the document as it was read, and the pods that are ready."""

    document: str
    endpoints: Endpoints


def save(folder: Path, state: State) -> None:
    """All of it or nothing: a reader never sees half a file."""
    pods = {
        revision: [[endpoint.address, endpoint.port, endpoint.pod] for endpoint in endpoints]
        for revision, endpoints in state.endpoints.items()
    }
    text = json.dumps({"document": state.document, "endpoints": pods})
    unfinished = folder / f"{FILE}.new"
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / FILE)
    except OSError:
        # On a full disk half a file is in the way of all others.
        unfinished.unlink(missing_ok=True)
        raise


def load(folder: Path) -> State | None:
    """The last state that was saved; None where there is none, or none that can be read."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return State(
            str(data["document"]),
            {
                str(revision): tuple(_endpoint(*fields) for fields in endpoints)
                for revision, endpoints in data["endpoints"].items()
            },
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("the last good state cannot be read", extra={"error": str(error)})
        return None


def _endpoint(address: str, port: int, pod: str) -> Endpoint:
    if not is_reachable(address, port):
        raise ValueError(f"{address!r} with port {port!r}")
    return Endpoint(address, port, str(pod))

"""The last good state, on the pod's own disk: with it a gateway starts while the API server is away."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from deepseek_serving.gateway.endpoints import Endpoint, Endpoints

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
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / FILE)


def load(folder: Path) -> State | None:
    """The last state that was saved; None where there is none, or none that can be read."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return State(
            str(data["document"]),
            {
                str(revision): tuple(Endpoint(str(a), int(p), str(n)) for a, p, n in endpoints)
                for revision, endpoints in data["endpoints"].items()
            },
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("the last good state cannot be read", extra={"error": str(error)})
        return None

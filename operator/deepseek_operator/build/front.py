"""What an engine needs in its pod that cannot be told everything, or must not be reached by everybody. Pure.

A front takes the pod's requests in place of the engine (deepseek_serving.front). A file of options is
an annotation of the pod, so it is frozen with the template and needs no child of its own. And weights are
mounted under the name that they are served by.
"""

from deepseek_operator.api import names
from deepseek_operator.api.sources import PvcSource
from deepseek_operator.build.metadata import Manifest
from deepseek_operator.engines.contract import (
    FETCHED_FOLDER,
    MOST_LONG_VARIABLE,
    OPTIONS_FILE,
    OPTIONS_FOLDER,
    PORT,
    EngineContainer,
    EngineRequest,
)

FRONT_CONTAINER = "front"
OPTIONS_VOLUME = "options"


def annotations(engine: EngineContainer) -> dict[str, str]:
    """The options, where the engine has some."""
    return {names.OPTIONS_ANNOTATION: engine.options} if engine.options else {}


def containers(
    request: EngineRequest, engine: EngineContainer, security: Manifest
) -> list[Manifest]:
    """The front. As a sidecar it is there before the engine, and goes after the engine's last answer."""
    if not engine.open_paths:
        return []
    return [
        {
            "name": FRONT_CONTAINER,
            "image": request.images.toolbox,
            "restartPolicy": "Always",
            "command": ["python3", "-m", "deepseek_serving.front"],
            "args": [
                f"--port={PORT}",
                f"--engine-port={engine.engine_port}",
                *(f"--open={path}" for path in engine.open_paths),
            ],
            **_environment(request),
            "resources": {
                "requests": {"cpu": "100m", "memory": "64Mi"},
                "limits": {"memory": "512Mi"},
            },
            "startupProbe": {
                "tcpSocket": {"port": PORT},
                "periodSeconds": 1,
                "timeoutSeconds": 5,
                "failureThreshold": 60,
            },
            "securityContext": security,
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
    ]


def _environment(request: EngineRequest) -> Manifest:
    """For how many long requests the replica was sized: it is the front that takes them."""
    if request.sized is None:
        return {}
    return {"env": [{"name": MOST_LONG_VARIABLE, "value": f"{request.sized.long.most}"}]}


def mounts(request: EngineRequest, engine: EngineContainer) -> list[Manifest]:
    """Of the engine's container."""
    found: list[Manifest] = []
    if engine.options:
        found.append({"name": OPTIONS_VOLUME, "mountPath": OPTIONS_FOLDER, "readOnly": True})
    if engine.model_path:
        folder = request.source.path if isinstance(request.source, PvcSource) else FETCHED_FOLDER
        weights: Manifest = {"name": "weights", "mountPath": engine.model_path, "readOnly": True}
        found.append({**weights, **({"subPath": folder} if folder else {})})
    return found


def volumes(engine: EngineContainer) -> list[Manifest]:
    """The file of options."""
    if not engine.options:
        return []
    item = {
        "path": OPTIONS_FILE.removeprefix(f"{OPTIONS_FOLDER}/"),
        "fieldRef": {
            "apiVersion": "v1",
            "fieldPath": f"metadata.annotations['{names.OPTIONS_ANNOTATION}']",
        },
    }
    return [{"name": OPTIONS_VOLUME, "downwardAPI": {"items": [item]}}]

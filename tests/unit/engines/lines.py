"""Every command line of vLLM that the operator writes for what the catalog knows, as a pod's process is given it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from deepseek_operator import derivation
from deepseek_operator.engines import vllm
from deepseek_operator.engines.contract import EngineRequest
from tests.unit.engines.matrix import CATALOG, MATRIX
from tests.unit.samples import Manifest, engine_request

_BATCHING = (
    None,
    {"maxConcurrentSequences": 3000},
    {"maxBatchedTokens": 64},
    {"maxConcurrentSequences": 64, "maxBatchedTokens": 4096},
)
"""Limits, which bring one another where nothing is sized."""

_VARIABLES = {
    "LWS_WORKER_INDEX": "1",
    "LWS_LEADER_ADDRESS": "v3-0.v3.ns",
    "VLLM_HOST_IP": "10.0.0.7",
}
"""What the kubelet puts in the place of $(NAME)."""

_NAMED = re.compile(r"\$\((\w+)\)")


def lines() -> list[list[str]]:
    """Each once, in order."""
    unique = {json.dumps(line) for request in requests() for line in lines_of(request)}
    return [json.loads(line) for line in sorted(unique)]


def lines_of(request: EngineRequest) -> Iterator[list[str]]:
    """Of the replica's only pod, or of its leader and its workers."""
    container = vllm.engine_container(request)
    yield [_given(arg) for arg in container.args]
    if container.worker_args:
        yield [_given(arg) for arg in container.worker_args]


def requests() -> Iterator[EngineRequest]:
    """The whole matrix, without RDMA and with it; what nothing is sized for; CPUs."""
    for pair in MATRIX:
        yield pair.request
        if pair.request.nodes > 1:
            yield with_rdma(pair.request)
    for model in CATALOG.models:
        for batching in _BATCHING:
            for kind in ("GPU", "CPU"):
                block: Manifest = {"model": model, "accelerator": {"kind": kind}}
                if batching is not None:
                    block["batching"] = batching
                yield engine_request(**block)


def with_rdma(request: EngineRequest) -> EngineRequest:
    """The same where nodes exchange by RDMA: in ranks, where that pays."""
    derived = derivation.derive(request.block, catalog=CATALOG, field="spec", rdma=True)
    return replace(request, sized=derived.sized)


def _given(arg: str) -> str:
    """The argument with its variables in place; KeyError for one that no pod has."""
    return _NAMED.sub(lambda found: _VARIABLES[found[1]], arg)

"""FakeCollector: takes spans by OTLP over gRPC as a collector of OpenTelemetry does, and keeps them for a test to read.

It passes nothing on, batches nothing and answers every export with success.
"""

import importlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_messages: Any = importlib.import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was exported."""

    service: str
    name: str
    trace: str
    """In hexadecimal digits, as the next two."""
    span: str
    parent: str
    kind: int
    """2: a server's, 3: a client's."""
    tags: dict[str, str]


@dataclass(slots=True)
class FakeCollector:
    """A collector on a free port of this machine."""

    spans: list[Span] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    """What was exported, byte by byte."""
    port: int = 0
    address: str = "127.0.0.1"
    """Where it listens."""
    _server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.port = self._server.add_insecure_port(f"{self.address}:{self.port}")
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        await self._server.stop(grace=None)

    async def export(self, body: bytes, _context: Any) -> bytes:
        """One export of spans."""
        self.raw.append(body)
        for of in _messages.ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _tags(of.resource.attributes).get("service.name", "")
            # Called scope_spans since version 0.19 of the protocol; the bytes are the same.
            for scope in of.instrumentation_library_spans:
                self.spans += [_span(one, service) for one in scope.spans]
        answer: bytes = _messages.ExportTraceServiceResponse().SerializeToString()
        return answer

    def of(self, trace: str) -> list[Span]:
        """The spans of one trace."""
        return [one for one in self.spans if one.trace == trace]


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    """Only that call: no stub of it comes with the messages."""

    def __init__(self, collector: FakeCollector) -> None:
        self._collector = collector

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method != _EXPORT:
            return None
        return grpc.unary_unary_rpc_method_handler(self._collector.export)


def _span(one: Any, service: str) -> Span:
    return Span(
        service=service,
        name=one.name,
        trace=one.trace_id.hex(),
        span=one.span_id.hex(),
        parent=one.parent_span_id.hex(),
        kind=one.kind,
        tags=_tags(one.attributes),
    )


def _tags(attributes: Any) -> dict[str, str]:
    return {one.key: str(getattr(one.value, one.value.WhichOneof("value"))) for one in attributes}

"""An OpenTelemetry collector over real HTTP: what is sent to it is decoded, and kept as it came.

    async with Collector() as collector:
        ...                                 # a process with OTEL_EXPORTER_OTLP_ENDPOINT of its url
        collector.spans("request")

Takes OTLP over HTTP in protobuf (opentelemetry.io/docs/specs/otlp); knows nothing of this product.
"""

from __future__ import annotations

import gzip
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.serving import serve


@dataclass(frozen=True, slots=True)
class Span:
    """What a collector is told; ``links`` are ids of traces, in hexadecimal digits like its own."""

    name: str
    trace: str
    parent: str
    said: dict[str, Any]
    links: tuple[str, ...]
    failed: bool
    service: str


class Collector:
    """Takes spans as long as it is open."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        routes = [Route("/v1/traces", self._take, methods=["POST"])]
        self.url = await self._stack.enter_async_context(serve(Starlette(routes=routes)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def spans(self, name: str = "") -> list[Span]:
        """Those of that name, or all."""
        return [span for body in self.bodies for span in _read(body) if name in ("", span.name)]

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        content = ExportTraceServiceResponse().SerializeToString()
        return Response(content, media_type="application/x-protobuf")


def _read(body: bytes) -> list[Span]:
    told = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            span.name,
            span.trace_id.hex(),
            span.parent_span_id.hex(),
            {each.key: _value(each.value) for each in span.attributes},
            tuple(link.trace_id.hex() for link in span.links),
            span.status.code == span.status.STATUS_CODE_ERROR,
            {each.key: _value(each.value) for each in of.resource.attributes}["service.name"],
        )
        for of in told.resource_spans
        for scope in of.scope_spans
        for span in scope.spans
    ]


def _value(value: Any) -> Any:
    return getattr(value, str(value.WhichOneof("value")))

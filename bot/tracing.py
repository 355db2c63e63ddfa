"""Spans for an operator's OpenTelemetry collector, where there is one; the only room of the SDK.

Off, nothing is imported and a span is one comparison. On, the trace of what is done for a message
has the same id in every process: twice its trail's, with the digits 0 to f for a to p. Attributes
are kinds, codes, counts and the trail's id; an exception is named by its kind and place, never by
its words, which may be a person's.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, Self

from bot import trail
from bot.clock import wall
from bot.settings import SettingsError
from bot.telemetry import place_of

FLUSH_WITHIN = 1.0
"""Seconds for the last spans to be sent in when told to stop."""

SERVICE = "hesbot"
_NEEDS = ("opentelemetry.sdk", "opentelemetry.exporter")

_tracer: Any = None
"""The SDK's own, while spans are recorded."""


class Linked(Protocol):
    """What belongs to a request; ``span`` is what ``here`` said while that was under way."""

    @property
    def span(self) -> Any: ...


class Span:
    """Something that takes time, as a block; with ``async`` too, to stand beside others. This one
    is nobody's: nothing is recorded of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """It is over; an error is told of, and goes on its way."""

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.__exit__(kind, error, trace)

    def set(self, **said: str | int) -> None:
        """Kinds, codes and counts that are known by now."""


_NOBODYS = Span()


def span(name: str, *, of: Iterable[Linked] = (), **said: str | int) -> Span:
    """A span that begins with the block; ``of`` is what it does together for many requests."""
    if _tracer is None:
        return _NOBODYS
    return _Recorded(name, said, [each.span for each in of])


def request(path: str) -> Span:
    """The span of a request, from now on. It is begun once it is known what it is about, since its
    trace is that of the message."""
    if _tracer is None:
        return _NOBODYS
    return _Request("request", {"path": path})


def arrived() -> None:
    """It is known now what this task's request is about."""
    if _tracer is not None and (asked := _request.get()) is not None:
        asked.begin()


def here() -> Any:
    """The span that is under way in this task; None if none is recorded."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    return get_current_span().get_span_context()


@contextmanager
def recording(endpoint: str | None) -> Iterator[None]:
    """Meanwhile spans are sent to the collector there, in the whole process; None: to nobody.

    Raise SettingsError if the libraries are not installed.
    """
    global _tracer
    if endpoint is None:
        yield
        return
    provider = _provider(endpoint)
    _tracer = provider.get_tracer(SERVICE)
    try:
        yield
    finally:
        _tracer = None
        # The SDK's own patience is half a minute; who stops does not wait for a dead collector.
        last = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(FLUSH_WITHIN)


class _Recorded(Span):
    """A span as the SDK has it."""

    def __init__(self, name: str, said: dict[str, str | int], links: Iterable[Any] = ()) -> None:
        self._name = name
        self._said = said
        self._links = links
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Self:
        self._begin(None)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from opentelemetry import context

        self._end(error)
        context.detach(self._token)

    def set(self, **said: str | int) -> None:
        self._said |= said

    def _begin(self, at: int | None) -> None:
        from opentelemetry import context
        from opentelemetry.trace import Link, set_span_in_context

        links = [Link(each) for each in self._links if each is not None and each.is_valid]
        self._span = _tracer.start_span(self._name, links=links, start_time=at)
        self._token = context.attach(set_span_in_context(self._span))

    def _end(self, error: BaseException | None) -> None:
        from opentelemetry.trace import StatusCode

        said = {f"hesbot.{name}": value for name, value in self._said.items()}
        if id := trail.written():
            said["hesbot.trail"] = id
        if error is not None:
            said["hesbot.error"] = place_of(error)
            self._span.set_status(StatusCode.ERROR)
        self._span.set_attributes(said)
        self._span.end()


class _Request(_Recorded):
    """The span of a request. It stays the present one of its task, which ends soon after it: what
    is still done in it is done for that request."""

    def __enter__(self) -> Self:
        self._since = int(wall().timestamp() * 1e9)
        _request.set(self)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.begin()
        self._end(error)

    def begin(self) -> None:
        """Once; what was the request's before is counted to it."""
        if self._span is None and _tracer is not None:
            self._begin(self._since)


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


def _provider(endpoint: str) -> Any:
    if not all(map(_is_installed, _NEEDS)):
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: needs what is not installed;"
            " run: pip install 'istanbulkart-hes-bot[tracing]'"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Followed(RandomIdGenerator):  # type: ignore[misc, unused-ignore]
        """A trace begins with a message, and is called as its trail is."""

        def generate_trace_id(self) -> int:
            present = trail.here()
            own = 0 if present is None else present.number
            return own << 64 | own or int(super().generate_trace_id())

    # The environment's own words on the service win, as operators expect.
    about = Resource.create({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=about, id_generator=Followed(), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

"""Logs and metrics: what an operator sees. Nothing personal is ever handed to them.

Code logs keys, codes and counts; an exception is named by its kind and place, never by its words,
which may be a person's. As a second line of defence every log line is redacted for what looks like
an identity number, card, phone, HES code or e-mail address.

Labels of a metric come from lists that the code knows, never from what arrives: each new value of
a label is kept in memory for ever.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from bot import trail

EVENTS = Counter("hesbot_events", "Events answered", ["channel"])
REPEATS = Counter("hesbot_repeats", "Messages that came again and got the same answer")
PLACES = (
    *("batch", "broadcasts", "codes", "console", "contended", "demo", "errand", "feeds"),
    *("letter", "marks", "push", "records", "schedules", "sender", "state", "step"),
)
"""What ``where`` of a fault can be."""
FAULTS = Counter("hesbot_faults", "Faults of ours or of the records", ["where"])
for _place in PLACES:
    # At zero from the start: Prometheus sees no growth in a series that its first fault begins.
    FAULTS.labels(_place)
REFUSED = Counter(
    "hesbot_refused_requests", "Updates refused, or of no use here", ["channel", "why"]
)
FAILED_CALLS = Counter(
    "hesbot_failed_calls", "Calls to a messenger that failed, each try", ["channel", "why"]
)
REPORTED = Counter(
    "hesbot_reported_messages",
    "What became of our answers, by the messenger's own report",
    ["channel", "status", "error"],
)
ERRANDS = Counter("hesbot_errands", "Questions to outside services by outcome", ["outcome"])
BATCHES = Histogram(
    "hesbot_batch_events", "Events in one batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
INTEGRATION = Counter(
    "hesbot_integration_requests",
    "Requests of other systems, by the name of their key",
    ["name", "route", "status"],
)
RISK_RECORDS = Counter("hesbot_risk_records", "Records of the risk feed by outcome", ["outcome"])
BOARDINGS = Counter("hesbot_boardings", "Answers to validators by reason", ["reason"])
DELIVERIES = Counter(
    "hesbot_deliveries", "Tries to deliver a notice, by outcome", ["channel", "kind", "outcome"]
)
QUEUE = Gauge("hesbot_queue_due", "Deliveries that are due", ["channel"])
HELD = Gauge("hesbot_queue_held", "Deliveries that wait for the operator", ["channel"])
URGENT_AGE = Gauge(
    "hesbot_queue_oldest_urgent_seconds", "How long the oldest urgent one is due", ["channel"]
)
HALTED = Gauge("hesbot_sender_halted", "1 while a messenger refuses our account", ["channel"])
PAUSES = Counter("hesbot_limiter_pauses", "Pauses a messenger asked for", ["channel"])
LIMITER_WAIT = Histogram(
    "hesbot_limiter_wait_seconds",
    "From the lease of a delivery until its turn",
    ["channel"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)

_PERSONAL = re.compile(
    r"[0-9](?:[ .\-]?[0-9]){7,}"
    r"|\b[A-Za-z][0-9][A-Za-z][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{2}\b"
    r"|[^\s@\"']+@[^\s@\"']+\.[a-z]{2,}"
)

_WORDS_OF_ASYNCIO = re.compile(r"[^(<:\n]*")
"""What asyncio says before it quotes a task, a future or a call, and with them their values."""


def redact(text: str) -> str:
    """The text without anything that looks like a person's number, code or address."""
    return _PERSONAL.sub("[redacted]", text)


def place_of(error: BaseException) -> str:
    """An error's kind and the line that raised it; never its words, which may be a person's."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(map(place_of, error.exceptions))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {line}"


def fault(
    log: logging.Logger,
    where: str,
    what: str,
    error: Exception,
    of: trail.Trail | None,
    **said: object,
) -> None:
    """A fault of ours or of the records, counted and told of with the message it befell."""
    FAULTS.labels(where).inc()
    with trail.about(of):
        log.error(what, extra={**said, "error": place_of(error)})


OURS = ("hesbot", "bot", "storage")
"""Beginnings of the names of our own loggers."""


def set_up_logs(level: str = "INFO") -> None:
    """One JSON line per event on standard error, redacted, from that level on.

    Below INFO only we speak: other people's libraries would quote what passes through them.
    """
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _placed,
        _unquoted,
        _redacted,
        _followed,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    others = max(logging.getLevelNamesMapping()[level], logging.INFO)
    logging.basicConfig(level=others, handlers=[handler], force=True)
    for ours in OURS:
        logging.getLogger(ours).setLevel(level)
    for talkative in ("aiogram", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _placed(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """An exception by its kind and place."""
    exc_info = event.pop("exc_info", None)
    if isinstance(exc_info, tuple) and exc_info[1] is not None:
        event["error"] = place_of(exc_info[1])
    return event


def _unquoted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """asyncio's events without the reprs in them, which quote an exception's words."""
    if event.get("logger") == "asyncio" and (said := _WORDS_OF_ASYNCIO.match(event["event"])):
        event["event"] = said[0].strip()
    return event


def _redacted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if key in _OF_THE_LOG else _without_persons(value)
        for key, value in event.items()
    }


def _followed(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Which message or delivery it is about. The id is made of letters and no one's number."""
    here = trail.here()
    # asyncio tells of what was forgotten, at whatever moment it is found.
    if here is None or event.get("logger") == "asyncio" or not (id := here.id):
        return event
    event["trail"] = id
    if here.delivery:
        event["delivery"] = here.delivery
    return event


_OF_THE_LOG = frozenset({"_record", "_from_structlog"})


def _without_persons(value: Any) -> Any:
    """The value redacted however deep a person's stands in it, text or number."""
    if isinstance(value, Mapping):
        return {redact(str(key)): _without_persons(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_persons(each) for each in value]
    if value is None or isinstance(value, bool | float):
        return value
    told = place_of(value) if isinstance(value, BaseException) else redact(str(value))
    return value if isinstance(value, int) and told == str(value) else told

"""Logs and metrics: what an operator sees. Nothing personal is ever handed to them.

Code logs keys, codes and counts; as a second line of defence every log line is redacted for what
looks like an identity number, card, phone, HES code or e-mail address.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

from prometheus_client import Counter, Histogram

EVENTS = Counter("hesbot_events", "Events answered", ["channel"])
REPEATS = Counter("hesbot_repeats", "Messages that came again and got the same answer")
FAULTS = Counter("hesbot_faults", "Faults of ours or of the records", ["where"])
REFUSED = Counter("hesbot_refused_requests", "Webhook requests refused", ["channel", "why"])
ERRANDS = Counter("hesbot_errands", "Questions to outside services by outcome", ["outcome"])
BATCHES = Histogram(
    "hesbot_batch_events", "Events in one batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)

_PERSONAL = re.compile(
    r"[0-9](?:[ .\-]?[0-9]){7,}"
    r"|\b[A-Za-z][0-9][A-Za-z][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{2}\b"
    r"|[^\s@\"']+@[^\s@\"']+\.[a-z]{2,}"
)


def redact(text: str) -> str:
    """The text without anything that looks like a person's number, code or address."""
    return _PERSONAL.sub("[redacted]", text)


def set_up_logs(level: str = "INFO") -> None:
    """One JSON line per event on standard error, redacted."""
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redacted,
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
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("aiogram", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def _redacted(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: redact(value) if isinstance(value, str) and key != "timestamp" else value
        for key, value in event.items()
    }

"""Whatever other systems send: lists, lines and answers are read, or refused with a reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice

from bot.services import moments
from bot.services.card_lines import read_lines
from bot.services.hes import NO_ANSWER, judged
from bot.services.packed_lines import PackedLines, TooLarge
from bot.services.risk_feed import read_change
from bot.services.turnstile import read_attempt
from conversations.actions import AskHesService, Holder
from tests.conversations.talking import NOW
from tests.fuzz.feeding import Target, main

LOTS, MOST_LINES = 1, 64
"""As many as are read before others have their turn."""
_RISK = {
    "id": "r-1",
    "hes_code": "A1B2345678",
    "status": "RISKY",
    "changed_at": "2021-01-08T10:00:00+03:00",
    "until": "2021-01-18T10:00:00+03:00",
}
_ATTEMPT = {
    "card_number": "7301000011112222",
    "validator_id": "M2-Taksim-4",
    "at": "2021-01-15T08:30:00+03:00",
}
_HES = {
    "current_health_status": "RISKLESS",
    "expiration_date": "2021-02-01T00:00:00Z",
    "masked_identity_number": "********146",
    "masked_firstname": "Ay**",
    "masked_lastname": "Yı*****",
}
SEEDS = (
    *(json.dumps(each).encode() for each in (_RISK, _ATTEMPT, _HES)),
    gzip.compress(b"\n".join([json.dumps(_RISK).encode()] * 5), mtime=0),
    '\ufeffkart;kişisel\r\n7301000011112222;evet\r\n"7301 0000 1111 2223";hayır\r\n'.encode(),
    b"7301000011112222\n7301000011112223,1\n7301-0000-1111-2224\ttrue\n",
    b"2021-01-15T08:30:00+03:00",
    b"2021-01-15",
)


def _feed(made: bytes) -> None:
    for line in _lines(made):
        read_change(line, NOW)


def _single(made: bytes) -> None:
    read_attempt(made, NOW)
    read_lines(made, 1)
    text = made.decode("utf-8", "replace")
    for read in (moments.moment, moments.beginning, moments.ending):
        read(text)


def _lines(made: bytes) -> Iterator[bytes]:
    """The lines of the first lots; the product turns to others between two."""
    packed = PackedLines(1 << 22)
    with suppress(TooLarge):
        for lot in islice(chain(packed.read(made[:700]), packed.read(made[700:])), LOTS):
            yield from (line.text for line in lot[:MOST_LINES])
        for lot in islice(packed.end(), LOTS):
            yield from (line.text for line in lot[:MOST_LINES])


def _asked(made: bytes) -> None:
    try:
        body = json.loads(made)
    except (ValueError, RecursionError):
        return
    if not isinstance(body, dict):
        return
    errand = AskHesService("A1B2345678", Holder("10000000146", "Ayşe", "Yılmaz"), (1,))
    for status in (200, 400):
        with suppress(*NO_ANSWER):
            judged(status, body, errand, NOW)


TARGET = Target("lines", (_feed, _single, _asked), SEEDS)

if __name__ == "__main__":
    main(TARGET)

"""What the duty desk is shown of somebody, as HTML. Everything comes masked.

Only draws what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from bot.console import charts
from bot.console.charts import cell
from bot.console.desk_words import CAUSES
from bot.console.pages.overview import COLOURS
from bot.console.seat import Seat
from conversations.replies import Param, Word
from storage.lookups import (
    HANDFUL,
    AddressView,
    CitizenView,
    ConsentView,
    DeliveryView,
    Found,
    HeldCard,
)

CHANNELS = {"telegram": "Telegram", "whatsapp": "WhatsApp", "web": "Web"}
"""The messengers' own names."""

NONE = '<span class="soft">–</span>'


def warning(seat: Seat, quiet: float) -> str:
    """That every look is written down, and that results leave the screen after so many seconds."""
    params: dict[str, Param] = {"span": seat.span(quiet)}
    said = escape(seat.say(Word("console.citizen.recorded", params)))
    return f'<p class="note"><i class="material-icons" aria-hidden="true">history_edu</i>{said}</p>'


def hidden(seat: Seat) -> str:
    """Why nothing is shown any longer."""
    said = escape(seat.say(Word("console.citizen.hidden")))
    return f'<section class="card"><p class="nothing">{said}</p></section>'


def found(seat: Seat, found: Found) -> str:
    """Everybody who was found, or that nobody was."""
    if found.card is not None:
        return _card_alone(seat, found.card)
    if not found.citizens:
        return _nobody(seat)
    more = ""
    if found.more:
        said = seat.say(Word("console.citizen.more", {"count": HANDFUL}))
        more = f'<p class="note">{escape(said)}</p>'
    return more + "".join(_citizen(seat, each) for each in found.citizens)


def _nobody(seat: Seat) -> str:
    title, lead = Word("console.citizen.nobody"), Word("console.citizen.nobody_lead")
    return (
        f'<section class="card"><div class="empty-found"><b>{escape(seat.say(title))}</b>'
        f'<p class="soft">{escape(seat.say(lead))}</p></div></section>'
    )


def _card_alone(seat: Seat, card: HeldCard) -> str:
    title = escape(seat.say(Word("console.citizen.card_alone")))
    return (
        f'<section class="card"><h2 class="card-title">{title}</h2>{_cards(seat, [card])}</section>'
    )


def _citizen(seat: Seat, citizen: CitizenView) -> str:
    facts = (
        (Word("console.citizen.identity_number"), citizen.identity_number),
        (Word("console.citizen.phone"), citizen.phone or "–"),
        (Word("console.citizen.email"), citizen.email or "–"),
        (
            Word("console.citizen.registered"),
            f"{seat.day(citizen.registered)} {citizen.registered:%Y}",
        ),
    )
    told = "".join(
        f"<div><dt>{escape(seat.say(name))}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts
    )
    name = escape(citizen.name)
    sections = (
        (Word("console.citizen.cards"), _cards(seat, citizen.cards)),
        (Word("console.citizen.addresses"), _addresses(seat, citizen.addresses)),
        (Word("console.citizen.deliveries"), _deliveries(seat, citizen.deliveries)),
        (Word("console.citizen.consents"), _consents(seat, citizen.consents)),
    )
    rest = "".join(
        f'<div class="person-part"><h3>{escape(seat.say(title))}</h3>{table}</div>'
        for title, table in sections
    )
    return (
        f'<section class="card" aria-label="{name}"><h2 class="found-name">{name}</h2>'
        f'<dl class="facts">{told}</dl>{rest}</section>'
    )


def _cards(seat: Seat, cards: Sequence[HeldCard]) -> str:
    heads = (
        Word("console.citizen.card"),
        Word("console.citizen.status"),
        Word("console.citizen.code"),
        Word("console.citizen.until"),
        Word("console.citizen.paired"),
    )
    return _table(seat, heads, [_card(seat, each) for each in cards])


def _card(seat: Seat, card: HeldCard) -> list[str]:
    status = cell(seat.say(Word(f"console.status.{card.status}")), _cause(seat, card.cause))
    relative = seat.say(Word("console.citizen.by_relative")) if card.by_relative else ""
    return [
        f'<span class="nowrap">{escape(card.number)}</span>',
        f'<div><i class="dot" style="background:{COLOURS[card.status]}"></i>{status}</div>',
        cell(card.hes_code) if card.hes_code else NONE,
        cell(_moment(seat, card.valid_until)) if card.valid_until else NONE,
        cell(_moment(seat, card.linked_at), relative) if card.linked_at else NONE,
    ]


def _cause(seat: Seat, cause: str) -> str:
    return seat.say(Word(f"console.citizen.cause.{cause}")) if cause in CAUSES else cause


def _addresses(seat: Seat, addresses: Sequence[AddressView]) -> str:
    heads = (
        Word("console.citizen.channel"),
        Word("console.citizen.language"),
        Word("console.citizen.wishes"),
        Word("console.citizen.heard"),
    )
    return _table(seat, heads, [_address(seat, each) for each in addresses])


def _address(seat: Seat, address: AddressView) -> list[str]:
    wishes = [
        seat.say(word)
        for holds, word in (
            (address.opted_out, Word("console.citizen.opted_out")),
            (address.reminders_off, Word("console.citizen.reminders_off")),
            (address.blocked, Word("console.citizen.blocked")),
        )
        if holds
    ]
    language = seat.office.wording.text(Word(f"locale:{address.locale}"), address.locale)
    return [
        cell(_channel(address.channel)),
        cell(language),
        cell(", ".join(wishes)) if wishes else cell(seat.say(Word("console.citizen.reachable"))),
        cell(_moment(seat, address.heard_at)) if address.heard_at else NONE,
    ]


def _deliveries(seat: Seat, deliveries: Sequence[DeliveryView]) -> str:
    heads = (
        Word("console.citizen.notice"),
        Word("console.citizen.channel"),
        Word("console.citizen.outcome"),
        Word("console.citizen.at"),
    )
    rows = [
        [
            cell(seat.say(Word(f"console.citizen.kind.{each.kind}"))),
            cell(_channel(each.channel)),
            cell(seat.say(Word(f"console.post.{each.state}")), each.cause),
            cell(_moment(seat, each.at)),
        ]
        for each in deliveries
    ]
    return _table(seat, heads, rows)


def _consents(seat: Seat, consents: Sequence[ConsentView]) -> str:
    heads = (
        Word("console.citizen.document"),
        Word("console.citizen.channel"),
        Word("console.citizen.accepted"),
        Word("console.citizen.withdrawn"),
    )
    rows = [
        [
            cell(seat.say(Word(f"document.{each.document}.title")), each.version),
            cell(_channel(each.channel)),
            cell(_moment(seat, each.at)),
            cell(_moment(seat, each.withdrawn_at)) if each.withdrawn_at else NONE,
        ]
        for each in consents
    ]
    return _table(seat, heads, rows)


def _table(seat: Seat, heads: Sequence[Word], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f'<p class="nothing">{escape(seat.say(Word("console.citizen.nothing")))}</p>'
    return charts.table([seat.say(each) for each in heads], rows, "stacked")


def _channel(name: str) -> str:
    return CHANNELS.get(name, name)


def _moment(seat: Seat, at: datetime) -> str:
    """Day and time, which stay together."""
    return seat.moment(at).replace(" ", "\N{NO-BREAK SPACE}")

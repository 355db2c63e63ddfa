"""From what an author typed to a draft, and how that will look."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.notices.drafting import LONGEST_TITLE, bubbles, drafted
from bot.wording import Wording
from conversations.broadcasts import LONGEST, Audience, Group, Refusal
from conversations.outcomes import Invalid
from storage import Draft

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
DEADLINE = datetime(2021, 1, 14, 21, tzinfo=UTC)
WORDING = Wording.load()
SID = f"HX{'0a' * 16}"


def draft(texts: dict[str, str] | str = "Merhaba {ad}", **more: Any) -> Draft:
    audience = more.pop("audience", Audience())
    given = {"tr": texts} if isinstance(texts, str) else texts
    return drafted(given, audience, WORDING.locales, **more)


def test_what_was_typed_is_cleaned_once() -> None:
    """Ends of lines, spaces, a language that was left empty."""
    made = draft({"tr": " Merhaba\r\n\r\n\r\n\r\nSon gün \r\n", "en": " \n"}, templates={"tr": ""})
    assert made.texts == {"tr": "Merhaba\n\nSon gün"}
    assert made.templates == {}


@pytest.mark.parametrize(
    ("title", "text", "kept"),
    [
        (" Son \n hafta ", "Merhaba", "Son hafta"),
        ("Son\x1b[2J\udcffhafta", "Merhaba", "Son [2J hafta"),
        ("", "Merhaba {ad}\nSon gün", "Merhaba {ad}"),
        ("", "a" * 90, "a" * (LONGEST_TITLE - 1) + "…"),
        ("b" * 90, "Merhaba", "b" * (LONGEST_TITLE - 1) + "…"),
    ],
)
def test_a_title_is_one_short_line(title: str, text: str, kept: str) -> None:
    """Of what was given, or of how the text begins."""
    assert draft(text, title=title).title == kept


@pytest.mark.parametrize(
    ("texts", "audience", "code"),
    [
        ("", Audience(), "empty"),
        ({"en": "Hello"}, Audience(), "empty"),
        ("Merhaba {isim}", Audience(), "placeholder"),
        ("Merhaba {ad", Audience(), "braces"),
        ("Kart {kart_sonu}", Audience(Group.UNFINISHED), "no_card"),
        ("Merhaba \x07", Audience(), "unseen"),
        ("a" * 905, Audience(), "long"),
        ({"tr": "Merhaba", "en": "a" * 905}, Audience(), "long"),
    ],
)
def test_a_text_that_cannot_be_sent(
    texts: dict[str, str] | str, audience: Audience, code: str
) -> None:
    """Whatever language it is of."""
    with pytest.raises(Invalid) as invalid:
        draft(texts, audience=audience)
    assert invalid.value.code == f"broadcast.{code}"


def test_a_text_is_as_long_as_its_channels_carry() -> None:
    """Without WhatsApp much more fits."""
    assert draft("a" * 3900, audience=Audience(channels=("telegram", "web")))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"texts": {"tr": "Merhaba", "xx": "?"}}, "locale"),
        ({"audience": Audience(locales=("xx",))}, "locale"),
        ({"audience": Audience(channels=("pigeon",))}, "channel"),
        ({"templates": {"en": SID}}, "template"),
        ({"templates": {"tr": "HX12"}}, "template"),
        ({"failure_limit": 0.0}, "failure_limit"),
        ({"failure_limit": 1.01}, "failure_limit"),
        ({"failure_limit": math.nan}, "failure_limit"),
        ({"audience": Audience(not_told_days=0)}, "not_told_days"),
        ({"audience": Audience(not_told_days=366)}, "not_told_days"),
    ],
)
def test_what_else_cannot_be_used(more: dict[str, Any], what: str) -> None:
    """The refusal names it, in words of both languages."""
    with pytest.raises((Refusal, Invalid)) as refusal:
        draft(**more)
    assert isinstance(refusal.value, Refusal)
    assert (refusal.value.code, refusal.value.params) == ("unsound", {"what": what})
    for locale in WORDING.locales:
        assert "{" not in WORDING.text(refusal.value.word, locale)


class TestBubbles:
    """Each message as its channel will carry it."""

    def test_one_for_each_channel_and_language(self) -> None:
        """Filled in for somebody invented, with the line that says how to stop."""
        made = draft({"tr": "{ad}, son gün: {son_gun}", "en": "{ad}, by {son_gun}"})
        found = bubbles(made, WORDING, NOW, DEADLINE)
        assert [(each.channel, each.locale) for each in found] == [
            (channel, locale) for channel in LONGEST for locale in ("tr", "en")
        ]
        first = found[0]
        assert first.text.startswith("Ayşe Nur, son gün: 15 Ocak 2021, Cuma\n\n")
        assert "bildirimler" in first.text
        assert (first.length, first.limit) == (len(first.text), 4096)

    def test_only_the_channels_that_are_wanted(self) -> None:
        made = draft(audience=Audience(channels=("whatsapp",)))
        (found,) = bubbles(made, WORDING, NOW, DEADLINE)
        assert (found.channel, found.limit) == ("whatsapp", 1024)

    def test_what_is_urgent_cannot_be_declined(self) -> None:
        """So it does not say how."""
        (found, *_) = bubbles(draft("Merhaba", urgent=True), WORDING, NOW, DEADLINE)
        assert found.text == "Merhaba"

    def test_the_longest_text_fits_whole(self) -> None:
        """Also with an emoji, which counts twice, and with the longest values."""
        text = "Kart {kart_sonu}, {kod_bitis}, {son_gun} 🚇 "
        text += "a" * (904 - len(text.encode("utf-16-le")) // 2)
        made = draft(text, audience=Audience(Group.ACTIVE, ("whatsapp",)))
        (found,) = bubbles(made, WORDING, NOW, DEADLINE)
        assert found.text.count("a" * 800) == 1
        assert found.length <= found.limit

"""The environment as one value: what is refused, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import DATABASE_FILE, Settings, SettingsError, read_settings
from storage.database import DEFAULT_FILE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "abc-not-a-token"),
        ("TELEGRAM_BOT_TOKEN", "123456789:short"),
        ("TELEGRAM_BOT_TOKEN", "123456789:AAF-not-a-real-token of-any-bot-000"),
        ("TELEGRAM_BOT_TOKEN", "١٢٣٤:AAF-not-a-real-token-of-any-bot-000"),
        ("TELEGRAM_WEBHOOK_SECRET", "a secret!"),
        ("TELEGRAM_WEBHOOK_SECRET", "s" * 257),
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "bot.example.com"),
        ("PAIRING_DEADLINE", "tomorrow"),
        ("HESBOT_NOW", "yesterday"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, my-proxy"),
        ("ADDRESS_RATE", "-1.5"),
        ("IP_BURST", "-7"),
        ("HES_CODE_ON_SEVERAL_CARDS", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """In one line, without its value, which may be a secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as refusal:
        read_settings()
    assert value not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "Value error" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "123456789:AAF-not-a-real-token-of-any-bot-000"),
        ("TELEGRAM_WEBHOOK_SECRET", "Kapali_kapi-1"),
        ("TELEGRAM_WEBHOOK_SECRET", "s" * 256),
    ],
)
def test_a_setting_of_the_right_shape_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    given = getattr(read_settings(), name.lower())
    assert given.get_secret_value() == value


def test_the_database_has_one_name() -> None:
    """Settings know it without importing the records, which would make the first words late."""
    assert DATABASE_FILE == DEFAULT_FILE


@pytest.mark.parametrize(
    ("url", "file"),
    [
        (None, Path("home/hesbot.sqlite3")),
        ("sqlite:///records.db", Path("records.db")),
        ("sqlite+aiosqlite:////var/records.db?timeout=1", Path("/var/records.db")),
        ("postgresql://localhost/hesbot", None),
    ],
)
def test_where_the_records_are(url: str | None, file: Path | None) -> None:
    assert Settings(hesbot_home=Path("home"), database_url=url).database_file == file

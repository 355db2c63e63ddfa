"""The environment, read once into one value. Nothing else in the product reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from conversations.calendar import ISTANBUL

DATABASE_FILE = "hesbot.sqlite3"
"""The database in the home folder; here too, so that nothing heavy is imported to look for it."""
WORKFLOWS_FILE = "workflows.sqlite3"
"""DBOS's own beside it, unless the records are on PostgreSQL."""

_TOKEN = re.compile(r"[0-9]+:[\w-]{20,}", re.ASCII)
"""Telegram says no more of a bot's token than its shape; a real one has 35 characters there."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""Bot API, setWebhook, ``secret_token``."""

_KEY = re.compile(r"[\w-]+:[0-9a-f]{64}", re.ASCII)
"""Who may use the integration API: a name, and the SHA-256 of the key."""

_TEMPLATE = re.compile(r"[a-z_.]+\.[a-z]{2}=HX[0-9a-f]{32}")
"""A notice and its language, and the name of its template at Twilio."""

_SQLITE = re.compile(r"sqlite(?:\+aiosqlite)?:///([^?]+)")


class SettingsError(Exception):
    """A setting cannot be used. The message names it and says why, without its value."""


def _aware(moment: datetime) -> datetime:
    """A moment without a zone is Istanbul's."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=ISTANBUL)).astimezone(UTC)


def _plain_url(url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/") if url else None


def _bot_token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("is not a token of @BotFather's (123456789:35 letters and digits)")
    return token


def _webhook_secret(secret: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("must be 1 to 256 letters, digits, _ and -")
    return secret


def _pairs(text: str, of: re.Pattern[str], form: str) -> str:
    """Pairs with commas between them; read them with ``dict_of``."""
    if not all(of.fullmatch(pair.strip()) for pair in text.split(",") if pair.strip()):
        raise ValueError(f"must be {form}, with commas between them")
    return text


def _integration_keys(keys: SecretStr) -> SecretStr:
    _pairs(keys.get_secret_value(), _KEY, "name:sha256hex pairs")
    return keys


def _templates(templates: str) -> str:
    return _pairs(templates, _TEMPLATE, "notice.language=ContentSid pairs")


def _networks(text: str) -> str:
    """Addresses or networks with commas between them; read them with ``networks_of``."""
    try:
        networks_of(text)
    except ValueError:
        raise ValueError("must be addresses or networks (10.0.0.0/8), with commas") from None
    return text


def networks_of(text: str) -> list[IPv4Network | IPv6Network]:
    """``10.0.0.1,fd00::/8`` as networks. Raise ValueError."""
    words = (word.strip() for word in text.split(","))
    return [ip_network(word, strict=False) for word in words if word]


def dict_of(pairs: str, mark: str) -> dict[str, str]:
    """``a:1,b:2`` as a dictionary."""
    found = (pair.strip().partition(mark) for pair in pairs.split(",") if pair.strip())
    return {name: value for name, _, value in found}


Moment = Annotated[datetime, AfterValidator(_aware)]
IntegrationKeys = Annotated[SecretStr, AfterValidator(_integration_keys)]
Templates = Annotated[str, AfterValidator(_templates)]
Networks = Annotated[str, AfterValidator(_networks)]
Url = Annotated[str | None, AfterValidator(_plain_url)]
BotToken = Annotated[SecretStr, AfterValidator(_bot_token)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]


def _shouted(level: object) -> object:
    return level.upper() if isinstance(level, str) else level


Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_shouted)]


class Settings(BaseSettings):
    """Every setting of the product; the names are the environment's, in lower case here."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str | None = Field(
        default=None, description="SQLite file in HESBOT_HOME, or postgresql://…"
    )
    hesbot_home: Path = Field(
        default=Path(".hesbot"), description="folder of the database and the key file"
    )
    hesbot_keys: SecretStr | None = Field(
        default=None, description="key ring: a file's path, or the ring"
    )
    hesbot_keys_command: SecretStr | None = Field(
        default=None, description="a command that prints the key ring; run without a shell"
    )
    hesbot_now: Moment | None = Field(
        default=None, description="pinned start time, for demonstrations"
    )
    pairing_deadline: Moment = Field(
        default=datetime(2021, 1, 15, tzinfo=ISTANBUL).astimezone(UTC),
        description="from when unpaired cards are passive",
    )
    hes_code_on_several_cards: bool = Field(
        default=True, description="whether one person may use one code on several cards"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="port to listen on")
    worker_port: int | None = Field(
        default=None, ge=0, le=65535, description="port of `hesbot worker` for health and metrics"
    )
    public_url: Url = Field(
        default=None, description="where the world reaches us; turns webhooks on"
    )
    telegram_bot_token: BotToken | None = Field(default=None, description="turns Telegram on")
    telegram_webhook_secret: WebhookSecret | None = Field(
        default=None, description="secret of the webhook; derived from the key ring if not given"
    )
    telegram_api_base: Url = Field(
        default=None, description="another Bot API server than the official one"
    )
    twilio_account_sid: str | None = Field(
        default=None, description="our account at Twilio, for notices"
    )
    twilio_auth_token: SecretStr | None = Field(
        default=None, description="turns WhatsApp on: Twilio signs its webhooks with it"
    )
    twilio_whatsapp_from: str | None = Field(
        default=None, description="our WhatsApp number at Twilio, for notices"
    )
    twilio_api_base: Url = Field(
        default=None, description="another Twilio server than the official one, for notices"
    )
    telegram_rate: float = Field(
        default=25.0, gt=0, description="notices a second through Telegram; replies come on top"
    )
    whatsapp_rate: float = Field(
        default=60.0, gt=0, description="notices a second through WhatsApp; replies come on top"
    )
    whatsapp_templates: Templates = Field(
        default="",
        description="approved templates, `notice.language=ContentSid`; `hesbot whatsapp setup`",
    )
    whatsapp_sensitive: Literal["chat", "web"] = Field(
        default="chat",
        description="where WhatsApp's people are asked for numbers: `chat`, or `web` (PUBLIC_URL)",
    )
    trusted_proxies: Networks = Field(
        default="",
        description="proxies whose X-Forwarded-For is believed: addresses or networks",
    )
    address_burst: int = Field(
        default=100, ge=1, description="messages that one address may write at once"
    )
    address_rate: float = Field(
        default=12.0, gt=0, description="messages a second that one address may write after that"
    )
    ip_burst: int = Field(
        default=2000, ge=1, description="requests to the page at once from one IP address"
    )
    ip_rate: float = Field(
        default=200.0, gt=0, description="requests a second from one IP address after that"
    )
    log_level: Level = Field(
        default="INFO", description="`debug`: also each hop of a message, by its trail"
    )
    otel_exporter_otlp_endpoint: Url = Field(
        default=None, description="OpenTelemetry collector (OTLP over HTTP) that is sent spans"
    )
    integration_keys: IntegrationKeys = Field(
        default=SecretStr(""),
        description="who may use `/api`: `name:sha256hex` pairs; closed without",
    )
    hes_service_url: Url = Field(
        default=None, description="the HES query service; format check only without"
    )
    hes_service_user: str = Field(default="", description="account at the HES query service")
    hes_service_password: SecretStr = Field(default=SecretStr(""), description="its password")

    @property
    def database_file(self) -> Path | None:
        """The SQLite file of the records; None if they are on a server."""
        if self.database_url is None:
            return self.hesbot_home / DATABASE_FILE
        named = _SQLITE.match(self.database_url)
        return Path(named[1]) if named else None

    @property
    def fresh(self) -> bool:
        """Nothing has ever been recorded here."""
        return self.database_file is not None and not self.database_file.exists()

    @property
    def key_file(self) -> Path:
        """Where the keys are unless ``HESBOT_KEYS`` says otherwise."""
        return self.hesbot_home / "keys.json"

    @property
    def address(self) -> str:
        """Where the world reaches us: ``PUBLIC_URL``, or the address we listen on."""
        return self.public_url or f"http://{self.host}:{self.port}"


def read_settings() -> Settings:
    """Raise SettingsError naming the first setting that cannot be used."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_reasons(error)[0]) from None
    if settings.hesbot_keys is not None and settings.hesbot_keys_command is not None:
        raise SettingsError("HESBOT_KEYS, HESBOT_KEYS_COMMAND: only one of the two can be set")
    if settings.whatsapp_sensitive == "web" and settings.public_url is None:
        raise SettingsError("WHATSAPP_SENSITIVE: web needs PUBLIC_URL")
    return settings


def faults() -> list[str]:
    """All settings that cannot be used, each by its name and with the reason."""
    try:
        read_settings()
    except SettingsError as first:
        try:
            Settings()
        except ValidationError as error:
            return _reasons(error)
        return [str(first)]
    return []


def _reasons(error: ValidationError) -> list[str]:
    return [
        f"{str(each['loc'][0]).upper() if each['loc'] else 'settings'}: "
        f"{each['msg'].removeprefix('Value error, ')}"
        for each in error.errors(include_input=False, include_url=False)
    ]

"""The fields in which a broadcast is written, each with what it is for and why it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from bot.console import telling
from bot.console.pages.sheets import card
from bot.console.seat import Seat
from bot.console.sheet import Sheet, Troubles
from bot.wording import REFERENCE
from conversations.broadcasts import LONGEST, PLACEHOLDERS, ROOM, Group
from conversations.replies import Param, Word
from storage import Draft

SOON = 300
"""Milliseconds after the last stroke until what was typed is looked at."""

_INSERT = """() => {
  const found = getHtmlElement(%d);
  const area = found.matches('textarea') ? found : found.querySelector('textarea');
  area.focus();
  area.setRangeText('%s', area.selectionStart, area.selectionEnd, 'end');
  area.dispatchEvent(new Event('input', {bubbles: true}));
}"""
_GUARD = "window.onbeforeunload = %s"
_GO = "document.querySelector('.write .q-field--error')?.scrollIntoView({block: 'center'})"


class Fields:
    """The sheet on the screen; ``changed`` is called after what was typed has settled."""

    def __init__(self, seat: Seat, sheet: Sheet, changed: Callable[[], None]) -> None:
        self._seat = seat
        self._given = sheet
        self._changed = changed
        self._by_name: dict[str, Any] = {}
        self._touched: set[str] = set()
        self._is_guarded = False

    # --- what is in them ------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        """What is in the fields now."""
        held = {name: field.value for name, field in self._by_name.items()}
        locales = self._seat.office.wording.locales
        return Sheet(
            title=held["title"] or "",
            texts={name: held[f"text.{name}"] or "" for name in locales},
            templates={name: held[f"template.{name}"] or "" for name in locales},
            group=held["group"],
            channels=self._chosen("channel"),
            locales=self._chosen("locale"),
            registered_since=held["registered_since"] or "",
            code_ends_before=held["code_ends_before"] or "",
            not_told_days=held["not_told_days"],
            urgent=held["urgent"],
            resend_unknown=held["resend_unknown"] == "resend",
            failure_limit=held["failure_limit"],
            starts_at=held["starts_at"] or "",
        )

    def _chosen(self, kind: str) -> list[str]:
        prefix = f"{kind}:"
        return [
            name.removeprefix(prefix)
            for name, field in self._by_name.items()
            if name.startswith(prefix) and field.value
        ]

    def mark(self, troubles: Troubles, draft: Draft | None, *, all_of_them: bool = False) -> None:
        """Say beside each field why it cannot be used; of those nobody touched yet only when
        ``all_of_them`` are meant."""
        if all_of_them:
            self._touched |= set(self._by_name)
        for name, field in self._by_name.items():
            if hasattr(field, "error"):
                word = troubles.get(name) if name in self._touched else None
                field.error = None if word is None else self._seat.say(word)
        self._count(draft)

    def go_to_trouble(self) -> None:
        """Bring the first refused field into sight."""
        ui.run_javascript(_GO)

    def settle(self) -> None:
        """Nothing is lost any more when the page is left."""
        ui.run_javascript(_GUARD % "null")
        self._is_guarded = False

    def _count(self, draft: Draft | None) -> None:
        """How much of one message each text fills."""
        channels = self._chosen("channel") or LONGEST
        most = min(LONGEST[each] for each in channels) - ROOM
        for name in self._seat.office.wording.locales:
            text = (draft.texts.get(name) if draft else None) or self._text(name)
            length = len(text.encode("utf-16-le", "replace")) // 2
            said = Word("console.broadcast.length", {"length": length, "limit": most})
            self._counts[name].set_text(self._seat.say(said))
            self._counts[name].classes(**{"add" if length > most else "remove": "over"})

    def _text(self, locale: str) -> str:
        return str(self._by_name[f"text.{locale}"].value or "").strip()

    # --- drawing --------------------------------------------------------------------------------

    def draw(self) -> None:
        """All of them, in the order in which they are thought about."""
        self._counts: dict[str, ui.label] = {}
        with card(self._say(Word("console.broadcast.what")), "first"):
            title = self._input("title", self._given.title, Word("console.broadcast.title"))
            title.props(f'maxlength=80 hint="{self._say(Word("console.broadcast.title_hint"))}"')
            for locale in self._seat.office.wording.locales:
                self._draw_text(locale)
        with card(self._say(Word("console.broadcast.for_whom"))):
            self._draw_audience()
        with card(self._say(Word("console.broadcast.how"))):
            self._draw_manner()

    def _draw_text(self, locale: str) -> None:
        language = telling.language(self._seat, locale)
        told: dict[str, Param] = {"language": language}
        optional = Word("console.broadcast.text_optional", told)
        word = Word("console.broadcast.text", told) if locale == REFERENCE else optional
        area = ui.textarea(self._seat.say(word), value=self._given.texts.get(locale, ""))
        area.props(f"outlined autogrow hide-bottom-space debounce={SOON} lang={locale}").classes(
            "field full text"
        )
        self._hold(f"text.{locale}", area)
        with ui.element("div").classes("under-text"):
            with ui.element("div").classes("chips").props("role=group"):
                for name, what in PLACEHOLDERS.items():
                    self._draw_chip(area, name, what, lengthy=locale == REFERENCE)
            self._counts[locale] = ui.label().classes("count-told")

    def _draw_chip(self, area: ui.textarea, name: str, what: str, *, lengthy: bool) -> None:
        about = self._seat.say(Word(f"console.broadcast.placeholder.{what}"))
        button = ui.element("button").classes("insert").props("type=button")
        button.props(f'title="{escape(about)}" aria-label="{{{name}}}: {escape(about)}"')
        with button:
            ui.label(f"{{{name}}}")
            if lengthy:
                ui.label(about).classes("insert-about")
        button.on("click", js_handler=_INSERT % (area.id, f"{{{name}}}"))

    def _draw_audience(self) -> None:
        groups = {
            str(group): self._seat.say(Word(f"console.broadcast.group.{group}")) for group in Group
        }
        group = ui.radio(groups, value=str(self._given.group)).classes("radios")
        group.props(f'aria-label="{self._say(Word("console.broadcast.group"))}"')
        self._hold("group", group)
        channels = {name: telling.channel(self._seat, name) for name in LONGEST}
        channels.pop("terminal")
        self._checks("channel", channels, self._given.channels, Word("console.broadcast.channels"))
        languages = {
            name: telling.language(self._seat, name) for name in self._seat.office.wording.locales
        }
        self._checks("locale", languages, self._given.locales, Word("console.broadcast.languages"))
        with ui.element("div").classes("field-row"):
            since = self._given.registered_since
            self._input(
                "registered_since", since, Word("console.broadcast.registered_since"), "date"
            )
            before = self._given.code_ends_before
            self._input(
                "code_ends_before", before, Word("console.broadcast.code_ends_before"), "date"
            )
            days = self._given.not_told_days
            self._number("not_told_days", days, Word("console.broadcast.not_told_days"), 365)

    def _draw_manner(self) -> None:
        with ui.element("div").classes("urgent-row"):
            urgent = ui.switch(
                self._say(Word("console.broadcast.urgent")), value=self._given.urgent
            )
            self._hold("urgent", urgent)
            ui.label(self._say(Word("console.broadcast.urgent_hint"))).classes("told")
        with ui.element("div").classes("field-row"):
            start = self._given.starts_at
            name = Word("console.broadcast.starts_at")
            at = self._input("starts_at", start, name, "datetime-local")
            at.props(f'hint="{self._say(Word("console.broadcast.starts_at_hint"))}"')
            name = Word("console.broadcast.failure_limit")
            share = self._number("failure_limit", self._given.failure_limit, name, 100)
            share.props(
                f'suffix=% hint="{self._say(Word("console.broadcast.failure_limit_hint"))}"'
            )
        ui.label(self._say(Word("console.broadcast.unknown"))).classes("field-title")
        choices = {
            "leave": self._say(Word("console.broadcast.unknown_leave")),
            "resend": self._say(Word("console.broadcast.unknown_resend")),
        }
        chosen = "resend" if self._given.resend_unknown else "leave"
        unknown = ui.radio(choices, value=chosen).classes("radios")
        unknown.props(f'aria-label="{self._say(Word("console.broadcast.unknown"))}"')
        self._hold("resend_unknown", unknown)
        ui.label(self._say(Word("console.broadcast.templates"))).classes("field-title")
        ui.label(self._say(Word("console.broadcast.templates_hint"))).classes("told")
        with ui.element("div").classes("field-row"):
            for locale in self._seat.office.wording.locales:
                sid = self._given.templates.get(locale, "")
                field = self._input(
                    f"template.{locale}", sid, Word("console.broadcast.template"), "text"
                )
                field.props(f'label="{telling.language(self._seat, locale)}" placeholder=HX…')

    def _checks(self, kind: str, choices: Mapping[str, str], chosen: object, title: Word) -> None:
        """Several that can be chosen; none means all."""
        with ui.element("div").classes("checks").props("role=group") as group:
            group.props(f'aria-label="{self._say(title)}"')
            ui.label(self._say(title)).classes("field-title")
            for name, said in choices.items():
                is_chosen = isinstance(chosen, tuple | list) and name in chosen
                self._hold(f"{kind}:{name}", ui.checkbox(said, value=is_chosen))
            ui.label(self._say(Word("console.broadcast.none_is_all"))).classes("told")

    def _input(self, name: str, value: str, title: Word, kind: str = "text") -> ui.input:
        field = ui.input(self._say(title), value=value)
        field.props(f"outlined dense hide-bottom-space debounce={SOON} type={kind}").classes(
            "field grow"
        )
        if kind != "text":
            # Chromium writes "dd.mm.yyyy" into an empty one, where the label would stand.
            field.props("stack-label")
        self._hold(name, field)
        return field

    def _number(self, name: str, value: float | None, title: Word, most: int) -> ui.number:
        field = ui.number(self._say(title), value=value, min=1, max=most, step=1)
        field.props(f"outlined dense hide-bottom-space debounce={SOON} stack-label").classes(
            "field grow"
        )
        self._hold(name, field)
        return field

    def _hold(self, name: str, field: Any) -> None:
        self._by_name[name] = field
        if hasattr(field, "without_auto_validation"):
            # It would take away what we say of it as soon as something is typed.
            field.without_auto_validation()

        def changed() -> None:
            self._touched.add(name)
            if not self._is_guarded:
                self._is_guarded = True
                ui.run_javascript(_GUARD % "event => event.preventDefault()")
            self._changed()

        field.on_value_change(changed)

    def _say(self, word: Word) -> str:
        return self._seat.say(word)

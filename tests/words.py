"""Which catalogue keys the code uses, and catalogues written the way they must stand.

``python -m tests.words`` brings the catalogues in line: new keys come in empty, unused ones go.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.console.desk_words import CAUSES, COUNTS, FORM, REFUSALS, WHY
from bot.console.look import Theme
from bot.console.places import ACTS, NOTES, PAGES
from bot.console.signing import DOOR_WORDS
from bot.console.telling import CAUSES as FAILURES
from bot.console.telling import CHANNELS, FILTERS
from bot.console.uploads import ERRORS
from bot.feeds.values import End
from bot.notices.rules import Kind as NoticeKind
from bot.page_words import PAGE_WORDS
from bot.services.turnstile import REASONS
from bot.wording import COMMANDS
from conversations import announcements, findings, questions
from conversations.actions import Status, Verdict
from conversations.broadcasts import (
    LONGEST,
    PLACEHOLDERS,
    UNSOUND,
    Act,
    Group,
    LeftOut,
    Role,
    Stage,
)
from conversations.engine import MEDIA
from conversations.form import Form
from conversations.registration import DOCUMENTS, FORMS, REGISTRATION
from conversations.replies import Choice
from conversations.state import Aside, Place
from storage import Post, newsroom
from storage.audit import Flaw

ROOT = Path(__file__).parent.parent
CATALOGUES = sorted((ROOT / "locales").glob("*/messages.po"))
SPOKEN = {"Reply": "", "Word": "", "Invalid": "invalid.", "Refusal": "refusal."}
"""What takes a key as its first argument, and what the catalogue puts before it."""
NUMBERS = ("card", "identity", "phone")
"""Kinds of number that share their refusals, spelled ``<kind>.letters`` and so on."""

BROADCAST: Mapping[str, Iterable[str]] = {
    "stage": Stage,
    "group": Group,
    "left_out": LeftOut,
    "post": Post,
    "role": Role,
    "what": UNSOUND,
}
"""What is named in words where staff speak of broadcasts."""


@cache
def literal_keys() -> frozenset[str]:
    """Keys that stand in the code as text."""
    rooms = ("conversations", "storage", "bot")
    sources = [source for room in rooms for source in (ROOT / room).rglob("*.py")]
    return frozenset(
        {
            key
            for source in sources
            for node in ast.walk(ast.parse(source.read_text("utf-8")))
            for key in _keys_in(node)
        }
    )


def _keys_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and re.fullmatch(r"doubt\.\w+", str(node.value)):
        yield str(node.value)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return
    if node.func.id == "choice" and len(texts := _texts(node.args[:2])) == 2:
        yield f"choice.{texts[0]}.{texts[1]}"
    elif node.func.id in SPOKEN:
        yield from (SPOKEN[node.func.id] + text for text in _texts(node.args[:1]))


def _texts(arguments: Sequence[ast.expr]) -> list[str]:
    """The texts an argument can be: a literal, or either side of a condition."""
    branches = [
        branch
        for argument in arguments
        for branch in (
            (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,)
        )
    ]
    return [
        branch.value
        for branch in branches
        if isinstance(branch, ast.Constant) and isinstance(branch.value, str)
    ]


def form_keys(form: Form) -> set[str]:
    """What every declared form needs, whatever its fields."""
    kinds = ("title", "ask", "again", "help", "why")
    keys = {f"{kind}.{f.name}" for f in form.fields for kind in kinds}
    return keys | {f"none.{f.name}" for f in form.fields if f.optional}


def declared_keys() -> set[str]:
    """Keys made of names that are declared somewhere: fields, choices, statuses, verdicts."""
    keys = {key for form in FORMS.values() for key in form_keys(form)}
    keys |= {f"{name}.ask" for name in ("consent", "review", "terms", "menu", "correct")}
    keys |= {f"invalid.{kind}.{why}" for kind in NUMBERS for why in ("no_digits", "letters")}
    keys |= {f"invalid.{kind}.length" for kind in ("card", "identity")}
    keys |= {"language.ask", "card.ask", "language.name", "review.relative"}
    keys |= {f"{aside}.ask" for aside in (Aside.REMINDED, Aside.UNREMINDED, Aside.SILENT)}
    keys |= {f"relative.{field.name}" for field in REGISTRATION.fields}
    keys |= {f"help.{place}" for place in (Place.CONSENT, Place.REVIEW, Place.TERMS, Place.MENU)}
    keys |= {choice.label.key for choice in declared_choices()}
    keys |= {f"document.{document.name}" for document in DOCUMENTS}
    keys |= {f"document.{document.name}.title" for document in DOCUMENTS}
    keys |= {f"code.{verdict}" for verdict in Verdict if verdict is not Verdict.VALID}
    keys |= {f"status.code_{verdict}" for verdict in Verdict if verdict is not Verdict.VALID}
    keys |= {
        f"refused.{code}"
        for code in (*findings.REFUSED_FIELD, "identity_conflict", "person_unknown")
    }
    keys |= {f"status.{status}" for status in Status}
    keys |= {f"media.{kind}" for kind in (*MEDIA, "other")}
    keys |= {f"courtesy.{name}" for name in ("thanks", "greeting", "anger")}
    keys |= {f"command.{name}{part}" for name in COMMANDS for part in ("", ".about")}
    keys |= {f"turnstile.{reason}" for reason in REASONS}
    keys |= {f"broadcast.{kind}.{value}" for kind, of in BROADCAST.items() for value in of}
    keys |= {f"page.{name}" for name in PAGE_WORDS}
    return keys | console_keys() | staff_keys()


def refusals() -> set[str]:
    """Why an answer of the registration may not be taken."""
    kinds = {f"{kind}.{why}" for kind in NUMBERS for why in ("no_digits", "letters", "length")}
    said = {key.removeprefix("invalid.") for key in literal_keys() if key.startswith("invalid.")}
    return {code for code in said | kinds if not code.startswith("broadcast.")} | {
        *findings.REFUSED_FIELD
    }


def console_keys() -> set[str]:
    """What the console says by names that are declared: pages, roles, themes, notes."""
    keys = {f"console.door.{name}" for name in (*DOOR_WORDS, "refused", "locked", "busy")}
    keys |= {f"console.page.{page.name}" for page in PAGES}
    keys |= {f"console.role.{role}" for role in Role}
    keys |= {f"console.theme.{theme.name.lower()}" for theme in Theme}
    keys |= {f"console.act.{act}" for act in ACTS}
    keys |= {f"console.audit.flaw.{flaw}" for flaw in Flaw}
    keys |= {f"console.status.{status}" for status in Status}
    keys |= {f"console.post.{post}" for post in Post}
    keys |= broadcast_page_keys()
    keys |= {f"console.citizen.cause.{cause}" for cause in CAUSES}
    keys |= {f"console.citizen.kind.{kind}" for kind in NoticeKind}
    keys |= {f"console.feeds.{name}" for name in FORM}
    keys |= {f"console.feeds.count.{kind}.{name}" for kind in COUNTS for name in COUNTS[kind]}
    keys |= {f"console.feeds.end.{end}" for end in End}
    keys |= {f"console.feeds.error.{code}" for code in ERRORS}
    keys |= {f"console.feeds.refused.{code}" for code in REFUSALS}
    keys |= {f"console.feeds.why.{code}" for code in WHY}
    keys |= {f"console.refusal.{code.rpartition('.')[2]}" for code in refusals()}
    return keys | {
        f"console.note.{name}{part}" for name in NOTES.values() for part in ("", ".title")
    }


def staff_keys() -> set[str]:
    """What the staff's part of the talk says by names that are declared."""
    fields = [field for form in announcements.FORMS.values() for field in form.fields]
    kinds = ("title", "ask", "again", "help")
    keys = {f"{kind}.{field.name}" for field in fields for kind in kinds}
    keys |= {f"none.{field.name}" for field in fields if field.optional}
    keys |= {f"{place}.ask" for place in questions.STAFF_PLACES}
    keys |= {f"title.{place}" for place in (Place.WAITING, Place.LISTED)}
    keys |= {f"announcement.done.{act}" for act in (Act.SUBMIT, *newsroom.ACTS)}
    keys |= {f"broadcast.channel.{channel}" for channel in LONGEST}
    return keys | {"review.announcement", "help.staff"}


def broadcast_page_keys() -> set[str]:
    """What the broadcasts' pages say by declared names."""
    names = {
        "stage": Stage,
        "group": Group,
        "channel": set(LONGEST) - set(CHANNELS),
        "cause": FAILURES,
        "filter": FILTERS,
        "placeholder": PLACEHOLDERS.values(),
    }
    return {f"console.broadcast.{kind}.{name}" for kind, some in names.items() for name in some}


def declared_choices() -> list[Choice]:
    """Every choice that is declared, question by question."""
    declared = {**vars(questions), **vars(announcements)}
    groups = (value for name, value in declared.items() if name.isupper())
    return [
        choice
        for group in groups
        for choice in (group if isinstance(group, tuple) else (group,))
        if isinstance(choice, Choice)
    ]


def wanted_keys() -> frozenset[str]:
    """All keys a complete catalogue has."""
    return literal_keys() | declared_keys()


def read(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parent.name)


def extracted(path: Path) -> bytes:
    """The catalogue as extraction would write it: the wanted keys in order, nothing else."""
    old = read(path)
    new = Catalog(locale=path.parent.name, fuzzy=False)
    for key in wanted_keys():
        kept = old.get(key)
        new.add(key, kept.string if kept else "", user_comments=kept.user_comments if kept else ())
    body = io.BytesIO()
    write_po(body, new, width=100, sort_output=True, omit_header=True)
    return header(path.parent.name) + body.getvalue()


def header(locale: str) -> bytes:
    return (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    ).encode()


def update() -> None:
    """Rewrite every catalogue."""
    for path in CATALOGUES:
        path.write_bytes(extracted(path))


if __name__ == "__main__":
    update()

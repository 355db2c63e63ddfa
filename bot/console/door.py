"""The plain pages of the console: the sign-in, and the notes that stand instead of a page.

Only draws; what is said and when is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from bot.console.look import Look
from bot.console.visits import PATH, SIGN_IN, STYLE


def sign_in(
    look: Look, words: Mapping[str, str], trouble: str, after: str, other: tuple[str, str]
) -> str:
    """The sign-in page. ``after`` is the page to go on to; ``other`` the language that can be had
    instead, with the words for it in itself."""
    again = f"{SIGN_IN}?dil={other[0]}&sonra={quote(after, safe='')}"
    return _draw("sign_in", look, t=words, trouble=trouble, after=after, other=other, again=again)


def note(look: Look, words: Mapping[str, str]) -> str:
    """A page that says why there is none, and leads back."""
    return _draw("note", look, t=words)


def _draw(kind: str, look: Look, **values: object) -> str:
    fixed = {"console": PATH, "style": STYLE, "action": SIGN_IN, "mark": Markup(mark())}  # noqa: S704
    return _template().render(kind=kind, lang=look.locale, theme=look.theme, **fixed, **values)


@cache
def mark() -> str:
    """The product's mark, an SVG element."""
    return _file("mark.svg")


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(_file("door.html"))


def _file(name: str) -> str:
    return (files("bot.console") / "style" / name).read_text("utf-8")

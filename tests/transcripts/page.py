"""What a visitor sees on the citizen's page: the bubbles drawn into its HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.transcripts.heard import Bubble

Button = tuple[str, str]
"""A label and what the form sends for it."""


class Page(HTMLParser):
    """Reads ``bubbles``, the ``buttons`` of each and the ``token`` to answer with; templates, which
    come last, are not shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._lines: list[list[str]] = []
        self.buttons: list[list[Button]] = []
        self.token = ""
        self._in_button = False
        self._into: list[str] | None = None
        self._hidden = False
        self.feed(html)
        self.close()

    @property
    def bubbles(self) -> list[Bubble]:
        return [
            Bubble("\n".join(lines), tuple(label for label, _ in buttons))
            for lines, buttons in zip(self._lines, self.buttons, strict=True)
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        classes = told.get("class", "").split()
        if self._hidden or tag == "template":
            self._hidden = True
        elif told.get("name") == "message":
            self.token = told["value"]
        elif "bubble" in classes:
            self._lines.append([])
            self.buttons.append([])
        elif "line" in classes:
            self._lines[-1] += ["", ""] if "gap" in classes else [""]
            self._into = self._lines[-1]
        elif tag == "button" and told.get("name") == "pick":
            self.buttons[-1].append(("", told["value"]))
            self._in_button = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._into = None
        if tag == "button":
            self._in_button = False

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data
        elif self._in_button:
            label, sent = self.buttons[-1][-1]
            self.buttons[-1][-1] = (label + data, sent)

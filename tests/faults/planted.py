"""Values that are planted, and the search for them in whatever the product wrote.

A value is looked for in every form a program could have brought it to: its spellings (letters in
every case, digits in every grouping), the encodings of those, and hashes without a key, which say
as much of a number as the number itself. Knows nothing of the product.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import struct
from collections.abc import Iterator, Mapping
from itertools import product
from urllib.parse import quote, quote_plus

from conversations.turkish import fold, lower, upper

HEAD = 8
"""Bytes by which a form is found; shorter ones would be found by accident."""

_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))


def forms(value: str) -> Iterator[bytes]:
    """Everything a program could have made of the value, in small ASCII letters."""
    for spelt in spellings(value):
        for form in encodings(spelt):
            if len(form) >= HEAD:
                yield form.translate(_LOWER)


def spellings(value: str) -> set[str]:
    """The value as people and programs write it."""
    cases = {value, value.strip(), lower(value), upper(value), fold(value)}
    cases |= {value.lower(), value.upper(), value.casefold()}
    bare = re.sub(r"[\s\-.()+/]", "", value)
    found = cases | {re.sub(r"\s+", between, case) for case in cases for between in ("", "-", "_")}
    if bare.isascii() and bare.isalnum() and any(map(str.isdigit, bare)):
        found |= {bare, bare.lower(), bare.upper(), *groupings(bare)}
    return found


def groupings(bare: str) -> Iterator[str]:
    """Digits and codes with something between their groups."""
    cuts = {10: ((3, 3, 2, 2), (3, 3, 4), (4, 4, 2)), 11: ((3, 3, 3, 2), (4, 3, 2, 2)),
            12: ((2, 3, 3, 2, 2), (2, 3, 7)), 16: ((4, 4, 4, 4),)}  # fmt: skip
    for sizes, between in product(cuts.get(len(bare), ()), " -."):
        ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
        starts = [0, *ends[:-1]]
        yield between.join(bare[start:end] for start, end in zip(starts, ends, strict=True))


def encodings(spelt: str) -> Iterator[bytes]:
    """One spelling in bytes, as text, escaped, packed, and hashed without a key."""
    text = spelt.encode()
    yield from (text, spelt.encode("utf-16-le"), spelt.encode("utf-16-be"))
    yield from (spelt.encode("utf-32-le"), spelt.encode("cp1254", "replace"))
    yield from (json.dumps(spelt)[1:-1].encode(), spelt.encode("unicode_escape"))
    yield from (quote(spelt, safe="").encode(), quote_plus(spelt).encode())
    yield from (html.escape(spelt).encode(), spelt.encode("ascii", "xmlcharrefreplace"))
    yield from (repr(text)[2:-1].encode(), text.hex().encode(), text.hex(" ").encode())
    for shift in range(3):
        # Within a longer text, at any of the places where three bytes begin.
        packed = base64.b64encode(b"\0" * shift + text)
        inner = packed[(0, 2, 3)[shift] :].rstrip(b"=")[: -1 if len(text) % 3 else None]
        yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, text)
        yield from (digest.digest(), digest.hexdigest().encode(), base64.b64encode(digest.digest()))
    if spelt.isdigit() and 0 < int(spelt) < 2**63 and len(spelt) > 14:
        yield from (struct.pack(order + "q", int(spelt)) for order in "<>")


class Search:
    """Looks for planted values, all at once. ``values`` are by what they are called in a report."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._heads: dict[bytes, list[tuple[bytes, str]]] = {}
        for name, value in values.items():
            found = set(forms(value))
            assert found, f"{name} is too short to be looked for"
            for form in found:
                self._heads.setdefault(form[:HEAD], []).append((form, name))

    def found_in(self, content: bytes) -> set[str]:
        """The names of the values that stand in it."""
        small = content.translate(_LOWER)
        heads = self._heads
        places = (at for at in range(len(small) - HEAD + 1) if small[at : at + HEAD] in heads)
        return {
            name
            for at in places
            for form, name in heads[small[at : at + HEAD]]
            if small.startswith(form, at)
        }

    def found(self, contents: Mapping[str, bytes]) -> dict[str, set[str]]:
        """Of each content where something stands, what."""
        looked = {where: self.found_in(content) for where, content in contents.items()}
        return {where: names for where, names in looked.items() if names}

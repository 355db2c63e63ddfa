"""E-mail addresses as people type them, and the slips that can be mended with a question.

Knows addresses alone; it asks no mail server whether one lives.
"""

from __future__ import annotations

import re
import unicodedata

from conversations.outcomes import Doubt, Invalid
from conversations.turkish import fold, plain, spellings

LONGEST = 254
"""Characters of an address (RFC 5321, erratum 1690)."""

_AROUND = spellings(
    """
    benim, mail, maili, mailim, e, eposta, epostam, posta, postam, adres, adresi, adresim, email,
    emailim, e posta, e postam, e mail, e mailim, elektronik, iş, şu, bu, budur, teşekkürler,
    lütfen, tamam, evet, my, address, is
    """
)
_SLIPS = {
    "gmail": spellings(
        """
        gmail, gmial, gmai, gmal, gmil, gamil, gmaill, gmali, gnail, gmeil, gimail, ggmail, gmaol
        """
    ),
    "hotmail": spellings(
        """
        hotmail, hotmial, hotmal, hotmil, hotmai, homail, hotmaill, hotmali, hotmeil, hotamil
        """
    ),
    "outlook": spellings("outlook, outlok, outloook, oulook, outlok, outllok, outlock, autlook"),
    "yahoo": spellings("yahoo, yaho, yahooo, yhaoo, yaoo"),
    "icloud": spellings("icloud, iclod, icloude, iclaud, icoud"),
    "yandex": spellings("yandex, yandeks, yandx"),
}
_NAMES = {slip: name for name, slips in _SLIPS.items() for slip in slips}
_ENDINGS = spellings("com, con, co, cm, om, comm, cmo, ocm, vom, xom, cpm, coml, come, kom, c0m")
_WITHOUT_DOT = re.compile(r"([a-z0-9-]{2,})(com|net|org)")
_WHOLE = re.compile(r"[^@.,;][^@]*@[^@]+[.,;][a-z]{2,}[.,;]*", re.IGNORECASE)
_SUFFIXED = re.compile(r"(\.(?:com|net|org|tr))d[iu]r$")
_SPACED = re.compile(r"\s*([@.,;])\s*")
_AT = re.compile(r"\s*(?:\(at\)|\[at\]|\{at\}|\sat\s)\s*")


def read(text: str) -> str:
    """The address, in lower case. Raise Invalid or Doubt."""
    typed = unicodedata.normalize("NFKC", text)
    spelt = typed if "@" in typed else _AT.sub("@", typed, count=1)
    if "@" not in spelt:
        raise Invalid("email.no_at")
    found = _address(spelt)
    joined = found or _among_words(spelt) or _address(_SPACED.sub(r"\1", spelt))
    if joined is None:
        raise Invalid("email.several" if spelt.count("@") > 1 else "email.spaces")
    mended = _mended(joined)
    _check(mended)
    if found is None or spelt != typed or mended != joined.lower():
        raise Doubt("doubt.email", mended)
    return mended


def _address(text: str) -> str | None:
    """The one word that is an address, if the others only introduce it."""
    words = _words(text)
    found = [word for word in words if "@" in word]
    others = [word for word in words if "@" not in word]
    if len(found) != 1 or not all(map(_introduces, others)):
        return None
    return None if others and found[0][0] == "@" else found[0]


def _among_words(text: str) -> str | None:
    """The one whole address in a sentence; not in "ayse yilmaz@…", where a space may have slipped
    into the address itself."""
    words = _words(text)
    places = [at for at, word in enumerate(words) if "@" in word]
    if len(places) != 1 or not _WHOLE.fullmatch(words[places[0]]):
        return None
    before = words[: places[0]]
    slipped = bool(before) and (before[-1][-1] in ".,;" or len(words) == 2)
    return None if slipped and not _introduces(before[-1]) else words[places[0]]


def _words(text: str) -> list[str]:
    bare = re.sub(r"\b[Mm]ailto:|[<>\"'“”‘’()]", " ", text)
    return re.sub(r"(?<=[\w-]):", " ", bare).split()


def _introduces(word: str) -> bool:
    return fold(word) in _AROUND or not any(map(str.isalnum, word))


def _mended(address: str) -> str:
    """The address without the slips that have one cure: letters, commas, doubled or last signs."""
    signs = re.sub(r"[,.;]+", ".", re.sub("@+", "@", plain(address))).rstrip(".;:!?")
    name, _, domain = _SUFFIXED.sub(r"\1", signs).partition("@")
    return f"{name}@{_domain(domain)}"


def _domain(typed: str) -> str:
    name, dot, ending = typed.partition(".")
    if not dot and (glued := _WITHOUT_DOT.fullmatch(name)):
        name, ending = glued.groups()
    if name in _NAMES and (not ending or ending in _ENDINGS):
        return f"{_NAMES[name]}.com"
    if typed == "gmail.com.tr":
        return "gmail.com"
    return f"{name}.{ending}" if ending else name


def _check(address: str) -> None:
    name, _, domain = address.partition("@")
    if not name:
        raise Invalid("email.no_name")
    if not domain:
        raise Invalid("email.no_domain")
    if "@" in domain:
        raise Invalid("email.several")
    if "." not in domain:
        raise Invalid("email.no_dot")
    if len(address) > LONGEST:
        raise Invalid("email.long")
    if not address.isascii():
        raise Invalid("email.letters")
    _check_by_the_standards(address)


def _check_by_the_standards(address: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise Invalid("email.signs") from None

"""What an answer means: one small function per kind of answer.

Every parser takes what was typed and today's date in Istanbul and returns the value that is stored.
What cannot be read raises ``Invalid``; what can be read only by changing more than spacing, casing
and separators raises ``Doubt``, so that the person is asked. No parser raises anything else.

Knows no form, channel, clock or sentence: reasons are codes with parameters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import wraps
from itertools import pairwise

from conversations import birth_dates, digits, emails, names
from conversations.actions import Value
from conversations.names import introduced
from conversations.outcomes import Doubt, Invalid
from conversations.replies import Word
from conversations.turkish import fold, meaning, spellings, upper

__all__ = [
    "Doubt",
    "Invalid",
    "birth_date",
    "card_number",
    "email_address",
    "hes_code",
    "identity_number",
    "introduced",
    "mobile_phone",
    "person_name",
    "recognise",
    "surname",
]

LONGEST = 500
"""Characters of an answer. Anything longer is a letter or a flood and is not read."""

_Parser = Callable[[str, date], Value]


def _answer(kind: str) -> Callable[[_Parser], _Parser]:
    """Refuse floods and blanks first; say so when the text is clearly another kind of answer."""

    def framed(parse: _Parser) -> _Parser:
        @wraps(parse)
        def parsed(text: str, today: date) -> Value:
            if len(text) > LONGEST:
                raise Invalid("too_long")
            if not fold(text):
                raise Invalid("empty")
            try:
                return parse(text, today)
            except Invalid:
                seen = recognise(text)
                if seen in (None, kind):
                    raise
            raise Invalid("mixed_up", seen=Word(f"title.{seen}"))

        return parsed

    return framed


# --- names ----------------------------------------------------------------------------------


@_answer("first_name")
def person_name(text: str, today: date) -> Value:
    """Given names with Turkish capitals; any Latin letters, at most 60."""
    return names.read(text)


@_answer("last_name")
def surname(text: str, today: date) -> Value:
    """The surname with Turkish capitals, None for people who have none."""
    return None if _has_none(text, _SURNAME) else names.read(text, surname=True)


_SURNAME = re.compile(r"soy ?(?:ad|is)[a-z]*|surname|(?:last|family) name")
_EMAIL_ADDRESS = re.compile(r"e ?posta[a-z]*|posta[a-z]*|(?:e ?)?mail[a-z]*|adres[a-z]*")
_NONE = re.compile(r"\b(?:yok|yoktur|bulunm[a-z]+|none|no|don ?t have|do not have)\b")
_ONE_NAME = re.compile(r"\btek (?:isim|ad)")


def _has_none(text: str, what: re.Pattern[str]) -> bool:
    """Whether the text says that there is none: "soyadım yok benim", "i have no surname"."""
    folded = fold(text)
    if "none" in meaning(text) or (what is _SURNAME and _ONE_NAME.search(folded)):
        return True
    # "My surname is No" is a name.
    said = _NONE.search(folded) and not folded.endswith(" is no")
    return bool(said and what.search(folded) and "@" not in text)


# --- numbers --------------------------------------------------------------------------------

_PASSPORT = re.compile(r"(?!TC|NO)[A-Z]{1,2} ?[0-9]{6,8}")
_ID_CARD_SERIAL = re.compile(r"[A-Z][0-9]{2}[A-Z] ?[0-9]{5}")
_CHIP = re.compile(r"(?=.*[0-9])(?=.*[A-F])(?:[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{16})")
_IDENTITY = re.compile("([1-9][0-9]{10})")
_CARD = re.compile("([0-9]{16})")
_BANK_CARD = re.compile(r"4|5[1-5]|9792|222[1-9]|22[3-9]|2[3-6]|27[01]|2720")
"""First digits of Visa, Mastercard and Troy (ISO/IEC 7812 issuer ranges)."""


@_answer("identity_number")
def identity_number(text: str, today: date) -> Value:
    """The 11 digits of a Turkish identity number, or of a foreigner's, which starts with 97–99."""
    spelt = upper(text.strip()).replace("İ", "I")
    if _PASSPORT.fullmatch(spelt) or not _HAS_NO_NUMBER.isdisjoint(fold(text).split()):
        raise Invalid("identity.passport")
    if _ID_CARD_SERIAL.fullmatch(spelt):
        raise Invalid("identity.serial")
    number = _number(text, "identity", _IDENTITY)
    if number.digits[0] == "0" and len(number.digits) == 11:
        raise Invalid("identity.leading_zero")
    _check_length(number, 11, "identity")
    if _is_run(number.digits):
        raise Invalid("identity.pattern")
    if not _has_checksum(number.digits):
        raise Invalid("identity.checksum")
    return _sure(number, number.digits, "doubt.identity_number")


_HAS_NO_NUMBER = spellings("pasaport, pasaportum, pasaportla, passport, yok, yabancıyım, turistim")


@_answer("card_number")
def card_number(text: str, today: date) -> Value:
    """The 16 digits printed on the card. No check digit is known, so none is demanded."""
    if _CHIP.fullmatch(re.sub(r"[\s:.\-]", "", text).upper()):
        raise Invalid("card.chip")
    number = _number(text, "card", _CARD)
    if _IDENTITY.fullmatch(number.digits):
        raise Invalid("mixed_up", seen=Word("title.identity_number"))
    _check_length(number, 16, "card")
    if len(set(number.digits)) == 1:
        raise Invalid("card.repeated")
    if _is_bank_card(number.digits):
        raise Doubt("doubt.bank_card", number.digits)
    return _sure(number, number.digits, "doubt.card_number")


def _number(text: str, kind: str, shape: re.Pattern[str] | None) -> digits.Number:
    number = digits.read(text, shape)
    if number.several:
        raise Invalid("phone.several" if kind == "phone" else "number.several")
    if not number.digits:
        raise Invalid(f"{kind}.no_digits")
    if number.broken:
        raise Invalid(f"{kind}.letters")
    return number


def _check_length(number: digits.Number, length: int, kind: str) -> None:
    if len(number.digits) != length:
        raise Invalid(f"{kind}.length", digits=len(number.digits))


def _sure(number: digits.Number, value: str, doubt: str) -> str:
    if number.mended:
        raise Doubt(doubt, value)
    return value


def _is_run(number: str) -> bool:
    """Whether nine digits stand still or count up or down: such numbers can pass the checksum."""
    steps = {(int(later) - int(sooner)) % 10 for sooner, later in pairwise(number[:9])}
    return steps in ({0}, {1}, {9})


def _has_checksum(number: str) -> bool:
    from stdnum.tr import tckimlik

    return bool(tckimlik.is_valid(number))


def _is_bank_card(number: str) -> bool:
    from stdnum import luhn

    return bool(_BANK_CARD.match(number)) and bool(luhn.is_valid(number))


# --- dates, e-mail --------------------------------------------------------------------------


@_answer("birth_date")
def birth_date(text: str, today: date) -> Value:
    """A day before today, at most 120 years ago; the day stands before the month."""
    return birth_dates.read(text, today)


@_answer("email")
def email_address(text: str, today: date) -> Value:
    """An address in lower case, None for people who have none."""
    return None if _has_none(text, _EMAIL_ADDRESS) else emails.read(text)


# --- phone ----------------------------------------------------------------------------------

_COUNTRY_CODE = re.compile("^0{0,2}90(?=0?5[0-9]{9}$)")
_MOBILE = re.compile("5[0-9]{9}")
_DIALLED = re.compile("(?:0{0,2}90)?0?(5[0-9]{9})")
_ABROAD = re.compile(r"[^0-9]*(?:\+|00)(?!0*90)")


@_answer("phone")
def mobile_phone(text: str, today: date) -> Value:
    """A Turkish mobile number as E.164: "+905320000021"."""
    shape = None if _ABROAD.match(digits.ascii_digits(text)) else _DIALLED
    number = _number(text, "phone", shape)
    national = _national(number.digits)
    if _MOBILE.fullmatch(national):
        return _sure(number, f"+90{national}", "doubt.phone")
    raise _not_mobile(number.digits, abroad=_is_international(text))


def _national(row: str) -> str:
    """The number without what is dialled before it; "+90 0532…" is common and means the same."""
    return _COUNTRY_CODE.sub("", row).removeprefix("0")


def _is_international(text: str) -> bool:
    return bool(re.match(r"[^0-9]*(?:\+|00)", digits.ascii_digits(text)))


def _not_mobile(row: str, *, abroad: bool) -> Invalid:
    """Why the number is refused. libphonenumber tells landlines and foreign numbers apart."""
    import phonenumbers

    row = row.removeprefix("00") if abroad else row
    try:
        number = phonenumbers.parse(f"+{row}" if abroad else row, "TR")
    except phonenumbers.NumberParseException:
        return _wrong_length(row.removeprefix("0"))
    if number.country_code != 90:
        return Invalid("phone.foreign")
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE:
        return Invalid("phone.landline")
    return _wrong_length(str(number.national_number))


def _wrong_length(national: str) -> Invalid:
    if len(national) == 10:
        return Invalid("phone.not_mobile")
    return Invalid("phone.short" if len(national) < 10 else "phone.long", digits=len(national))


# --- HES code -------------------------------------------------------------------------------

_BETWEEN = r"[\s\-‐‑‒–—―−_./\\·•]*"
_LETTER, _DIGIT = "[A-Z]", "[0-9]"
_END = "(?![A-Z0-9])"
_NO_DIGIT_NEXT = f"{_END}(?!{_BETWEEN}[0-9])"


def _pattern(letter: str, digit: str, after: str = "") -> re.Pattern[str]:
    places = [letter, digit] * 2 + [digit] * 6
    code = _BETWEEN.join(f"({place})" for place in places)
    return re.compile(f"(?<![A-Z0-9])(?:HES)?{code}{after}")


_HES = _pattern(_LETTER, _DIGIT, _NO_DIGIT_NEXT)
_HES_AND_DIGITS = _pattern(_LETTER, _DIGIT, _END)
_HES_IS = _pattern(_LETTER, _DIGIT, f"[DT][IU]R{_END}")
_HES_MISREAD = _pattern("[A-Z01]", "[0-9OIL]", _NO_DIGIT_NEXT)
_HES_SMS = re.compile(r"HES\s+[1-9][0-9]{10}(?![0-9])")
_TO_LETTER = str.maketrans("01", "OI")
_TO_DIGIT = str.maketrans("OIL", "011")


@_answer("hes_code")
def hes_code(text: str, today: date) -> Value:
    """The ten characters of a HES code without dashes: "A1B2345678"."""
    spelt = _hes_letters(text)
    codes = _codes(_HES, spelt)
    if len(codes) > 1:
        raise Invalid("hes.several")
    if codes and codes == _codes(_HES, _turkish_i(text)):
        return codes.pop()
    likely = codes or _codes(_HES_AND_DIGITS, spelt) or _codes(_HES_IS, spelt) or _misread(spelt)
    if len(likely) == 1:
        raise Doubt("doubt.hes_code", likely.pop())
    raise _no_code(spelt)


def _turkish_i(text: str) -> str:
    """The text in capitals, every i of a Turkish keyboard as I, other Turkish letters as typed."""
    letters = digits.ascii_digits(unicodedata.normalize("NFKC", text)).replace("\u0307", "")
    return upper(letters).replace("İ", "I")


def _hes_letters(text: str) -> str:
    """The text in capitals without diacritics."""
    parts = unicodedata.normalize("NFD", _turkish_i(text))
    return "".join(sign for sign in parts if unicodedata.category(sign) not in ("Mn", "Cf"))


def _codes(pattern: re.Pattern[str], spelt: str) -> set[str]:
    return {"".join(found.groups()) for found in pattern.finditer(spelt)}


def _misread(spelt: str) -> set[str]:
    """The codes that are there once O and 0, I, L and 1 stand where they belong."""
    return {_corrected(code) for code in _codes(_HES_MISREAD, spelt) if _is_near(code)}


def _is_near(code: str) -> bool:
    """Whether letters and digits are where they belong often enough to call it a slip."""
    return not (code[0] + code[2]).isdigit() and sum(map(str.isdigit, code)) >= 5


def _corrected(code: str) -> str:
    letters, row = code.translate(_TO_LETTER), code.translate(_TO_DIGIT)
    return letters[0] + row[1] + letters[2] + row[3:]


def _no_code(spelt: str) -> Invalid:
    if _HES_SMS.search(spelt):
        return Invalid("hes.sms")
    pieces = [piece for piece in re.findall("[A-Z0-9]+", spelt) if re.search("[0-9]", piece)]
    if not pieces:
        return Invalid("hes.no_code")
    length = sum(map(len, pieces))
    return Invalid("hes.order") if length == 10 else Invalid("hes.length", characters=length)


# --- which kind -----------------------------------------------------------------------------

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_GROUPED_PHONE = re.compile(r"\(?5[0-9]{2}\)?[ -][0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}")


def recognise(text: str) -> str | None:
    """The field whose kind of answer the text clearly is, None if it could be several or none."""
    if len(text) > LONGEST:
        return None
    if len(_codes(_HES, _turkish_i(text))) == 1:
        return "hes_code"
    if _EMAIL.search(text):
        return "email"
    if birth_dates.is_written_out(text):
        return "birth_date"
    card = digits.read(text, _CARD)
    if len(card.digits) == 16 and not card.broken:
        return "card_number"
    return _kind_of_number(text, digits.read(text))


def _kind_of_number(text: str, number: digits.Number) -> str | None:
    if number.broken or not number.digits:
        return None
    if len(number.digits) == 11 and _has_checksum(number.digits):
        return "identity_number"
    return "phone" if _is_phone(text, number.digits) else None


def _is_phone(text: str, row: str) -> bool:
    """Ten digits alone could be a shortened anything; a prefix or a phone's grouping tells."""
    if len(row) == 10:
        return bool(_GROUPED_PHONE.fullmatch(text.strip()))
    return bool(_MOBILE.fullmatch(_national(row)))

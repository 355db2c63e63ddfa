"""The declared forms: the order is the conversation.

To add a field, add a line here and its sentences to the catalogues: the talk, the review, the help
and the checks of the catalogues follow. The records know by name only what the register's rules
need: the identity number, the card and the code.
"""

from __future__ import annotations

from dataclasses import replace

from conversations import masks
from conversations.actions import (
    Action,
    AmendPerson,
    AskHesService,
    Document,
    FindRecord,
)
from conversations.form import Answers, Field, Form
from conversations.parsers import (
    birth_date,
    card_number,
    email_address,
    hes_code,
    identity_number,
    mobile_phone,
    person_name,
    surname,
)

NOTICE = Document("notice", "2021-01")
"""Aydınlatma metni: what is processed, why, by whom (law 6698, article 10)."""
CONSENT = Document("consent", "2021-01")
"""Açık rıza: processing through the messenger the person writes in (law 6698, article 3/1-a)."""
TERMS = Document("terms", "2021-01")
"""Kullanım Koşulları ve Çerçeve Sözleşmesi."""
DOCUMENTS = (NOTICE, CONSENT, TERMS)

REGISTRATION = Form(
    "registration",
    version=1,
    fields=(
        Field("first_name", person_name, names=True, autofill="given-name"),
        Field("last_name", surname, optional=True, names=True, autofill="family-name"),
        Field(
            "identity_number",
            identity_number,
            show=masks.identity,
            sensitive=True,
            keyboard="digits",
        ),
        Field("birth_date", birth_date, autofill="bday"),
        Field(
            "email",
            email_address,
            show=masks.email,
            optional=True,
            skippable=True,
            keyboard="email",
            autofill="email",
        ),
        Field(
            "card_number",
            card_number,
            show=masks.card,
            spell=masks.display_card,
            sensitive=True,
            keyboard="digits",
        ),
        Field(
            "phone",
            mobile_phone,
            show=masks.phone,
            spell=masks.display_phone,
            shareable=True,
            keyboard="phone",
            autofill="tel",
        ),
        Field(
            "hes_code",
            hes_code,
            show=masks.hes,
            spell=masks.display_hes,
            sensitive=True,
            errand=AskHesService,
        ),
    ),
    consent=TERMS,
)
ADD_CARD = REGISTRATION.only("card_number", "hes_code", name="add_card")
RENEW_CODE = REGISTRATION.only("hes_code", name="renew_code", review=False)


def _amended(answers: Answers, _cards: object, _terms: object, _relative: object) -> Action:
    return AmendPerson(answers)


def _shown(answers: Answers, _cards: object, _terms: object, _relative: object) -> Action:
    return FindRecord(str(answers["identity_number"]))


AMENDMENT = replace(
    REGISTRATION.only("first_name", "last_name", "birth_date", "email", "phone", name="amendment"),
    action=_amended,
)
"""What a person may correct of themselves (law 6698, art. 11/1-d)."""
RECORD = replace(REGISTRATION.only("identity_number", name="record", review=False), action=_shown)
"""The question before everything is shown: that it is the person themselves who asks."""

FORMS = {form.name: form for form in (REGISTRATION, ADD_CARD, RENEW_CODE, AMENDMENT, RECORD)}

"""One person's talk with the engine, the records played by a table of findings. All invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from bot.channels.base import Limits
from bot.wording import Wording
from conversations.actions import (
    Action,
    AmendPerson,
    CardsFound,
    CardView,
    Done,
    ErasePerson,
    Errand,
    Finding,
    FindRecord,
    Holder,
    KeepVerdict,
    LanguagesFound,
    LinkSaved,
    LookUpCards,
    LookUpLanguages,
    LookUpNotices,
    LookUpPerson,
    NoticesFound,
    PersonAmended,
    PersonErased,
    PersonFound,
    RecordConsent,
    RecordFound,
    SaveLink,
    SetNotices,
    SetReminders,
    Status,
    Staying,
    Value,
    VerdictKept,
    WithdrawConsent,
)
from conversations.broadcasts import Act, Audience, Role, Stage
from conversations.engine import Turn, step
from conversations.events import Event, Learned, Picked, Said
from conversations.newsroom import (
    BroadcastFound,
    BroadcastMoved,
    BroadcastsFound,
    BroadcastView,
    CheckDraft,
    DraftAllowed,
    LinkStaff,
    ListBroadcasts,
    LookUpBroadcast,
    LookUpStaff,
    MoveBroadcast,
    StaffFound,
    StaffLinked,
    SubmitBroadcast,
)
from conversations.questions import question
from conversations.replies import Question, Reply, Retract
from conversations.state import State

WORDING = Wording.load()
NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)

TYPED: Mapping[str, str] = {
    "first_name": "ayşe nur",
    "last_name": "yıldızoğlu",
    "identity_number": "10000000146",
    "birth_date": "1.2.1990",
    "email": "ayse@example.com",
    "card_number": "7301 0000 1111 2222",
    "phone": "0532 000 00 21",
    "hes_code": "A1B2-3456-78",
}
"""What a person types, in the order of the form."""

STORED: Mapping[str, Value] = {
    "first_name": "Ayşe Nur",
    "last_name": "Yıldızoğlu",
    "identity_number": "10000000146",
    "birth_date": date(1990, 2, 1),
    "email": "ayse@example.com",
    "card_number": "7301000011112222",
    "phone": "+905320000021",
    "hes_code": "A1B2345678",
}
"""What is kept of it."""

HOLDER = Holder("10000000146", "Ayşe Nur", "Yıldızoğlu")
CARD = CardView(
    1, 11, "7301000011112222", "A1B2345678", "Ayşe Nur", Status.ACTIVE, "paired", False, None
)
OTHER_CARD = replace(CARD, card=2, link=12, number="7301000033334444")

WRITTEN = BroadcastView(12, 3, Stage.SUBMITTED, "Son hafta", "Nil")
LETTER = "Kartınızı eşleştirin.\n\nSon gün yaklaşıyor."
SEEN = BroadcastFound(
    WRITTEN, {"tr": LETTER}, Audience(), (Act.APPROVE, Act.GIVE_BACK), approvals=("Ece",)
)
"""A broadcast of somebody else's that waits for approval."""

FINDINGS: Mapping[type, Finding] = {
    RecordConsent: Done(),
    SetNotices: Done(),
    SetReminders: Done(),
    LookUpNotices: NoticesFound(reminders=True, stopped=False),
    SaveLink: LinkSaved((CARD,), HOLDER),
    LookUpCards: CardsFound((CARD,)),
    LookUpPerson: PersonFound(STORED, (("terms", "2021-01", NOW),)),
    FindRecord: RecordFound(
        STORED,
        (CARD,),
        (("terms", "2021-01", NOW),),
        (("telegram", NOW), ("web", NOW)),
        told=2,
    ),
    AmendPerson: PersonAmended(),
    WithdrawConsent: Done(),
    ErasePerson: PersonErased(True, tuple(Staying)),
    LookUpLanguages: LanguagesFound(("tr", "en")),
    LookUpStaff: StaffFound("Deniz", Role.AUTHOR),
    LinkStaff: StaffLinked("Deniz"),
    ListBroadcasts: BroadcastsFound(True, (WRITTEN,)),
    LookUpBroadcast: SEEN,
    SubmitBroadcast: BroadcastMoved(12, Act.SUBMIT, Stage.SUBMITTED),
}
"""What the records find when nothing stands in the way."""


def found(action: Action, findings: Mapping[type, Finding] = FINDINGS) -> Finding:
    """What the records find; a verdict is kept as it is, unless the table says otherwise."""
    if isinstance(action, KeepVerdict) and KeepVerdict not in findings:
        return VerdictKept(action.checked)
    if isinstance(action, CheckDraft) and CheckDraft not in findings:
        return DraftAllowed(action.audience, action.texts)
    if isinstance(action, MoveBroadcast) and MoveBroadcast not in findings:
        return BroadcastMoved(action.id, action.act, Stage.APPROVED)
    return findings[type(action)]


@dataclass
class Talk:
    """Where one person stands, and everything that was done in the last move."""

    state: State = field(default_factory=State)
    findings: dict[type, Finding] = field(default_factory=lambda: dict(FINDINGS))
    now: datetime = NOW
    turn: Turn = field(default_factory=lambda: Turn(State()))
    actions: list[Action] = field(default_factory=list)

    def do(self, event: Event) -> Talk:
        """One event, and whatever the records find because of it; there are words for all of it."""
        self.turn, self.actions = step(self.state, event, self.now), []
        while self.turn.action is not None:
            action = self.turn.action
            self.actions.append(action)
            finding = found(action, self.findings)
            self.turn = self.turn.then(step(self.turn.state, Learned(finding), self.now))
        self.state = self.turn.state
        WORDING.answer(self.turn.replies, "tr", Limits(4096))
        return self

    def say(self, *texts: str, **more: Any) -> Talk:
        """Type some messages, one after the other."""
        for text in texts:
            self.do(Said(text=text, **more))
        return self

    def pick(self, *choices: str) -> Talk:
        """Press buttons of the present question."""
        for choice in choices:
            asked = self.asked
            self.do(Picked(choice, asked.field, asked.turn))
        return self

    def learn(self, finding: Finding) -> Talk:
        """What an errand found comes in."""
        return self.do(Learned(finding))

    @property
    def replies(self) -> list[Reply]:
        """What was said in the last move."""
        return [reply for reply in self.turn.replies if isinstance(reply, Reply)]

    @property
    def keys(self) -> list[str]:
        return [reply.key for reply in self.replies]

    @property
    def retracted(self) -> tuple[str, ...]:
        """The messages that were taken back in the last move."""
        taken = [reply for reply in self.turn.replies if isinstance(reply, Retract)]
        return tuple(message for each in taken for message in each.messages)

    @property
    def errand(self) -> Errand | None:
        return self.turn.errand

    @property
    def asked(self) -> Question:
        """The present question."""
        found = question(self.state).question
        assert found is not None
        return found

    @property
    def choices(self) -> list[str]:
        return [choice.id for choice in self.asked.choices]


def agreed() -> Talk:
    """Consent is given and the first name is asked."""
    return Talk().say("merhaba").pick("accept")


def asked_for(name: str) -> Talk:
    """Everything before the field is answered and the field is asked."""
    talk = agreed()
    for answered, text in TYPED.items():
        if answered == name:
            return talk
        talk.say(text)
    raise KeyError(name)


def reviewed() -> Talk:
    """All answers are given and stand for review."""
    return agreed().say(*TYPED.values())


def registered() -> Talk:
    """A known citizen with one card, in the menu."""
    return reviewed().pick("confirm", "accept")


def on_duty(role: Role = Role.AUTHOR, talk: Talk | None = None) -> Talk:
    """Somebody of that role, in the staff's menu."""
    talk = talk or registered()
    talk.findings[LookUpStaff] = StaffFound("Deniz", role)
    return talk.say("duyuru")

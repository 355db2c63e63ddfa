"""Whatever happens, in whatever order: what holds after every single turn."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bot.channels.base import Answer, Limits
from bot.channels.telegram import Telegram
from bot.channels.terminal import Terminal
from bot.channels.web import Web
from bot.channels.whatsapp import WhatsApp
from bot.wording import COMMANDS, Wording
from conversations.actions import (
    Action,
    AmendPerson,
    CardsFound,
    CodeChecked,
    ErasePerson,
    Errand,
    Finding,
    FindRecord,
    KeepVerdict,
    LinkRefused,
    LinkSaved,
    LookUpCards,
    LookUpNotices,
    LookUpPerson,
    NoticesFound,
    PersonAmended,
    PersonErased,
    PersonFound,
    RecordRefused,
    SaveLink,
    Status,
    Staying,
    Value,
    Verdict,
    VerdictKept,
)
from conversations.broadcasts import PLACEHOLDERS, Act, Audience, Group, LeftOut, Role, Stage
from conversations.engine import Turn, step
from conversations.events import (
    Command,
    Delivered,
    Event,
    Learned,
    Opened,
    OptedOut,
    Picked,
    Said,
    SentMedia,
    SharedContact,
)
from conversations.findings import REFUSED_FIELD
from conversations.marking import marks
from conversations.newsroom import (
    AudienceCounted,
    AudienceUncounted,
    BroadcastMoved,
    BroadcastRefused,
    BroadcastsFound,
    CheckDraft,
    CountAudience,
    DraftAllowed,
    LinkStaff,
    ListBroadcasts,
    LookUpBroadcast,
    LookUpStaff,
    MoveBroadcast,
    NotLinked,
    NotStaff,
    Pace,
    StaffFound,
    StaffLinked,
    SubmitBroadcast,
)
from conversations.questions import question
from conversations.registration import REGISTRATION
from conversations.replies import Question, Reply, Retract
from conversations.state import Aside, Place, State, from_plain, to_plain
from conversations.turkish import WORDS
from tests.bot.channels.recording import RecordingDesk
from tests.conversations.talking import (
    CARD,
    FINDINGS,
    HOLDER,
    LETTER,
    NOW,
    OTHER_CARD,
    SEEN,
    STORED,
    TYPED,
    WRITTEN,
    Talk,
    agreed,
    asked_for,
    on_duty,
    registered,
    reviewed,
)
from tests.words import wanted_keys

WHATSAPP = WhatsApp(RecordingDesk(), auth_token="none", public_url="http://127.0.0.1")
LIMITS: tuple[Limits, ...] = (Telegram.limits, WHATSAPP.limits, Web.limits, Terminal.limits)
WORDING = Wording.load()

ENDINGS = {
    "stopped",
    "amended",
    "record",
    "record.refused",
    "record.closed",
    "erase.kept",
    "withdraw.kept",
    "erased",
    "erased.nothing",
    *(f"erased.staying.{why}" for why in Staying),
    "withdrawn",
    "cancelled",
    "cancelled.known",
    "code.later",
    "code.restored",
    "later",
    "consent.elsewhere",
    "consent.refused",
    "terms.refused",
    "saved.next",
    "unpaired",
    "status",
    "reminders.on",
    "reminders.off",
    "silent.kept",
    "my_data",
    "my_data.consents",
    "courtesy.thanks",
    "courtesy.anger",
    "code.valid",
    "code.valid_until",
    "code.unlimited",
    "code.unchecked",
    "staff.only",
    "staff.left",
    "link.done",
    "link.unknown",
    "link.elsewhere",
    "link.wait",
    "announcement.count",
    "announcement.count.nobody",
    "announcement.left_out",
    "announcement.uncounted",
}
"""What a turn may end with where no answer is awaited."""
FORGETTING = {
    "amended",
    "record.here",
    "record.refused",
    "record.closed",
    "erased",
    "erased.nothing",
    "withdrawn",
    "restarted",
    "cancelled",
    "cancelled.known",
    "consent.elsewhere",
    "consent.refused",
    "terms.refused",
    "saved.next",
    "announcement.cancelled",
    "announcement.done.submit",
}
"""What is said when answers are rightly forgotten."""

PEOPLE = {
    "new": State(),
    "asked": agreed().state,
    "reviewing": reviewed().state,
    "known": registered().state,
    "author": on_duty().state,
    "approver": on_duty(Role.APPROVER, asked_for("phone")).state,
    "operator": on_duty(Role.OPERATOR, Talk()).state,
}
FOUND: dict[type, tuple[Finding, ...]] = {
    SaveLink: (
        LinkSaved((CARD,), HOLDER),
        LinkSaved((CARD, replace(OTHER_CARD, status=Status.SUSPENDED)), HOLDER),
        *map(
            LinkRefused,
            ("card_taken", "code_taken", "code_in_use", "identity_conflict", "person_unknown"),
        ),
    ),
    LookUpCards: (
        CardsFound((CARD,)),
        CardsFound((CARD, OTHER_CARD)),
        CardsFound((CARD, replace(OTHER_CARD, holder="Bora"))),
        CardsFound(tuple(replace(CARD, card=number, link=number) for number in range(30))),
        CardsFound(
            tuple(
                replace(CARD, status=status, cause=cause, verified=verified, valid_until=until)
                for status in Status
                for cause in ("paired", "code_expired", "code_mismatch", "code_not_found")
                for verified, until in ((False, None), (True, None), (True, NOW))
            )
        ),
        CardsFound(()),
    ),
    LookUpPerson: (
        PersonFound(STORED, (("notice", "2021-01", NOW), ("consent", "2021-01", NOW))),
        PersonFound({**STORED, "last_name": None, "email": None}),
        PersonFound(None),
    ),
    FindRecord: (FINDINGS[FindRecord], RecordRefused()),
    AmendPerson: (PersonAmended(), LinkRefused("person_unknown")),
    ErasePerson: (PersonErased(True, tuple(Staying)), PersonErased(False)),
    LookUpStaff: (
        StaffFound("Deniz", Role.AUTHOR),
        StaffFound("Deniz", Role.APPROVER, 2),
        StaffFound("Deniz", Role.OPERATOR),
        StaffFound("Deniz", Role.AUDITOR),
        NotStaff(),
    ),
    LinkStaff: (NotLinked("unknown"), NotLinked("elsewhere"), StaffLinked("Deniz")),
    ListBroadcasts: (
        BroadcastsFound(True, (WRITTEN,)),
        BroadcastsFound(
            False,
            tuple(
                replace(WRITTEN, id=number, stage=stage, title=f"{stage} " * 20)
                for number, stage in enumerate(Stage, 1)
            ),
        ),
        BroadcastsFound(False, ()),
        NotStaff(),
    ),
    LookUpBroadcast: (
        SEEN,
        replace(
            SEEN,
            texts={"tr": LETTER, "en": LETTER},
            audience=Audience(Group.ACTIVE, ("web",), ("tr",), NOW.date(), NOW.date(), 7),
            acts=(Act.PAUSE,),
            urgent=True,
            templates={"tr": "HX"},
            starts_at=NOW,
            pace=Pace(9000, 8000, 7000, 1000, 27.4, NOW),
        ),
        replace(SEEN, acts=(), pace=Pace(0, 0, 0, 0)),
        BroadcastRefused("unknown", {}),
        NotStaff(),
    ),
    SubmitBroadcast: (
        BroadcastMoved(12, Act.SUBMIT, Stage.SUBMITTED),
        BroadcastRefused("role", {"role": "operator"}),
        NotStaff(),
    ),
    MoveBroadcast: (
        BroadcastMoved(12, Act.APPROVE, Stage.APPROVED),
        BroadcastMoved(12, Act.PAUSE, Stage.PAUSED),
        BroadcastMoved(12, Act.GIVE_BACK, Stage.DRAFT),
        *(BroadcastRefused(code, {}) for code in ("own", "changed", "approved", "unknown")),
        BroadcastRefused("stage", {"stage": "paused"}),
        NotStaff(),
    ),
    LookUpNotices: tuple(
        NoticesFound(reminders, stopped) for reminders in (True, False) for stopped in (False, True)
    ),
}
VERDICTS = tuple(
    (verdict, until)
    for verdict in Verdict
    for until in (None, NOW + timedelta(days=30), datetime(2070, 12, 30, tzinfo=UTC))
)
COUNTS = (
    AudienceCounted((("telegram", 9000), ("web", 1)), ((LeftOut.OPTED_OUT, 4000),), ("Merhaba",)),
    AudienceCounted((), ()),
    AudienceUncounted(),
)
COUNTED = AudienceCounted | AudienceUncounted
TEXTS = {"audience": "herkes", "broadcast_text": LETTER, "broadcast_text_en": "Pair your card."}
SAYINGS = [
    *sorted({spelling for spellings in WORDS.values() for spelling in spellings}),
    *TYPED.values(),
    "1OOOOOOO146",
    "10000000145",
    "99000000110",
    "4111 1111 1111 1111",
    "Metin",
    "English",
    "/durum",
    "1",
    "2.",
    "7",
    "1.1.90",
    "A1B2345678 C3D4567890",
    "duyuru abcd-efg2",
    "Durdur",
    "Onayla",
    "{kart_sonu}",
]
BRACES = re.compile(r"\{([a-z_]{2,})\}")
TIMES = st.none() | st.integers(-90, 90).map(lambda minute: NOW + timedelta(minutes=minute))
MESSAGES = st.integers(0, 400).map(str)
CODES = {key.removeprefix("invalid.") for key in wanted_keys() if key.startswith("invalid.")}
MARKS = {
    *("consented", "reviewed", "saved", "left", "added_card", "renewed"),
    *(f"answered:{field.name}" for field in REGISTRATION.fields),
    *(f"refused:{field.name}:{code}" for field in REGISTRATION.fields for code in CODES),
    *(f"refused:{field}:{code}" for code, field in REFUSED_FIELD.items()),
}
"""All that can be counted of a talk."""


class AnyTalk(RuleBasedStateMachine):
    """One person who may do anything, and records that may find anything."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.errands: list[Errand] = []

    @initialize(person=st.sampled_from(sorted(PEOPLE)))
    def meet(self, person: str) -> None:
        self.state = PEOPLE[person]

    # --- what a person can do ---------------------------------------------------------------

    @precondition(lambda self: self.state.place is Place.ASKING)
    @rule(found=st.integers(0, 20), at=TIMES, message=MESSAGES)
    def answer(self, found: int, at: datetime | None, message: str) -> None:
        text = (TYPED | TEXTS)[self.state.field]
        self.hear(Said(text=text, written_at=at, message=message), found)

    @rule(text=st.sampled_from(SAYINGS), found=st.integers(0, 20), at=TIMES, message=MESSAGES)
    def say(self, text: str, found: int, at: datetime | None, message: str) -> None:
        self.hear(Said(text=text, written_at=at, message=message), found)

    @rule(text=st.text(max_size=60), found=st.integers(0, 20))
    def babble(self, text: str, found: int) -> None:
        self.hear(Said(text=text, message="babble"), found)

    @rule(text=st.text(st.characters(codec=None), max_size=8))
    def say_what_is_no_unicode(self, text: str) -> None:
        self.hear(Said(text="\ud800" + text), 0)

    @rule(place=st.integers(0, 12), found=st.integers(0, 20), at=TIMES)
    def press(self, place: int, found: int, at: datetime | None) -> None:
        choices = self.asked.choices
        if choices:
            choice = choices[place % len(choices)].id
            self.hear(Picked(choice, self.asked.field, self.asked.turn, written_at=at), found)

    @rule(
        age=st.integers(1, 9),
        field=st.sampled_from(["consent", "review", "terms", "menu", "doubt", "email", "x"]),
        choice=st.sampled_from(["accept", "refuse", "confirm", "cancel", "yes", "none", "1-2", ""]),
        present=st.booleans(),
    )
    def press_what_is_stale(self, age: int, field: str, choice: str, present: bool) -> None:
        """A button of another turn, or one of this turn that was never there."""
        before = self.state
        turn = before.turn if present else max(0, before.turn - age)
        event = Picked("no such choice" if present else choice, field, turn)
        if (event.turn, event.field) == (self.asked.turn, self.asked.field) and not present:
            return
        self.hear(event, 0)
        if before.place is not Place.NEW:
            # What was still to be taken back is taken back at whatever happens next.
            assert replace(self.state, traces=()) == replace(before, traces=())

    @rule(name=st.sampled_from(COMMANDS) | st.text(max_size=12), found=st.integers(0, 20))
    def command(self, name: str, found: int) -> None:
        self.hear(Command(name), found)

    @rule(own=st.booleans(), phone=st.sampled_from(["905320000021", "+491701234567", ""]))
    def share(self, own: bool, phone: str) -> None:
        self.hear(SharedContact(phone, own), 0)

    @rule(kind=st.sampled_from(["photo", "voice", "sticker", "contact", "other", "ton"]), at=TIMES)
    def send(self, kind: str, at: datetime | None) -> None:
        self.hear(SentMedia(kind, written_at=at), 0)

    @rule(text=st.sampled_from(["STOP", "iptal", "CANCEL", "dur", ""]), at=TIMES)
    def opt_out(self, text: str, at: datetime | None) -> None:
        self.hear(OptedOut(text=text, written_at=at), 0)

    @rule()
    def open(self) -> None:
        self.hear(Opened(), 0)

    @rule(message=MESSAGES)
    def have_delivered(self, message: str) -> None:
        before = self.state
        self.hear(Delivered(message=message), 0)
        assert replace(self.state, traces=()) == replace(before, traces=())

    @precondition(lambda self: self.errands)
    @rule(found=st.sampled_from(VERDICTS), which=st.integers(0, 20))
    def finish_errand(self, found: tuple[Verdict, datetime | None], which: int) -> None:
        errand = self.errands.pop()
        if isinstance(errand, CountAudience):
            self.hear(Learned(COUNTS[which % len(COUNTS)]), which)
        else:
            self.hear(Learned(CodeChecked(errand.links, *found)), which)

    # --- what holds -------------------------------------------------------------------------

    @property
    def asked(self) -> Question:
        state = self.state
        if state.place is Place.NEW:
            state = step(state, Opened(), NOW).state
        found = question(state).question
        assert found is not None
        return found

    def hear(self, event: Event, found: int) -> None:
        before = self.state
        turn = step(before, WORDING.hear(event), NOW)
        rounds = 0
        while turn.action is not None:
            rounds += 1
            assert rounds < 4, "the records are asked without end"
            finding = Learned(_found(turn.action, found))
            turn = turn.then(step(turn.state, finding, NOW))
        self.state = _survives(turn.state)
        if turn.errand is not None:
            self.errands.append(turn.errand)
        _loses_no_answer(before, turn, event)
        _never_turns_back(before, turn)
        _ends_well(turn, event)
        _takes_back_little(turn)
        assert set(marks(before, turn)) <= MARKS
        for locale in WORDING.locales:
            for limits in LIMITS:
                _can_be_carried(WORDING.answer(turn.replies, locale, limits), limits)


def _found(action: Action, which: int) -> Finding:
    if isinstance(action, KeepVerdict):
        return VerdictKept(action.checked, restored=which % 3 == 1)
    if isinstance(action, CheckDraft):
        allowed = DraftAllowed(action.audience, action.texts)
        refused = BroadcastRefused("role", {"role": "operator"})
        return (allowed, allowed, refused, NotStaff())[which % 4]
    findings = FOUND.get(type(action)) or (FINDINGS[type(action)],)
    return findings[which % len(findings)]


def _survives(state: State) -> State:
    """The state as it comes back from the records, which is the state itself."""
    kept = msgspec.json.encode(to_plain(state))
    opened = from_plain(msgspec.json.decode(kept))
    assert opened == state
    return opened


def _loses_no_answer(before: State, turn: Turn, event: Event) -> None:
    """What was accepted stays, but for the very field that is being asked."""
    if before.apart is not None or turn.state.apart is not None:
        # Whatever the staff's part brings, the citizen's own stays as it was left.
        assert turn.state.citizen.answers == before.citizen.answers
    if (before.apart is None) is not (turn.state.apart is None):
        return
    keys = {reply.key for reply in turn.replies if isinstance(reply, Reply)}
    if keys & FORGETTING:
        return
    after: dict[str, Value] = dict(turn.state.answers)
    altered = {
        name for name, value in before.answers.items() if name not in after or after[name] != value
    }
    if any(key.startswith(("refused.", "refusal.")) for key in keys):
        return
    answering = before.place is Place.ASKING and not isinstance(event, Learned | Delivered)
    assert altered <= ({before.field} if answering else set())


def _never_turns_back(before: State, turn: Turn) -> None:
    assert turn.state.turn >= before.turn or turn.state.blank


def _ends_well(turn: Turn, event: Event) -> None:
    """The last word is a question, or one that needs no answer."""
    said = [reply for reply in turn.replies if isinstance(reply, Reply)]
    if not said:
        late = isinstance(event, Learned) and isinstance(event.finding, COUNTED)
        assert isinstance(event, Delivered) or late
        return
    if turn.state.place in (Place.MENU, Place.NEW) or isinstance(event, Learned):
        assert said[-1].question is not None or said[-1].key in ENDINGS
    else:
        assert said[-1].question is not None or said[-1].key in ("stopped", "later")
    if turn.state.aside is Aside.NONE and said[-1].question is not None:
        assert said[-1].question.turn == turn.state.turn


def _takes_back_little(turn: Turn) -> None:
    retracted = [reply for reply in turn.replies if isinstance(reply, Retract)]
    assert sum(len(each.messages) for each in retracted) <= 100
    assert len(turn.state.traces) <= 100


def _can_be_carried(answer: Answer, limits: Limits) -> None:
    """Every message fits the messenger and can be written down."""
    msgspec.json.encode(answer)
    for message in answer.messages:
        assert message.text.strip()
        assert set(BRACES.findall(message.text)) <= PLACEHOLDERS.keys()
        assert len(message.text.encode("utf-16-le")) // 2 <= limits.text
        assert len(message.buttons) <= limits.buttons
        for button in message.buttons:
            assert 0 < len(button.label) <= limits.label
            assert len(button.data.encode()) <= 64


AnyTalk.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnyTalk = AnyTalk.TestCase

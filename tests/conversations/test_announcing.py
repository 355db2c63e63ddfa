"""The staff's part of the talk: who comes in, what is asked there, and what a citizen keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from conversations.actions import AskHesService
from conversations.announcing import MOST_TRIES
from conversations.broadcasts import Act, Audience, Group, LeftOut, Role, Stage
from conversations.events import Command, Event, Picked, Said
from conversations.newsroom import (
    AudienceCounted,
    AudienceUncounted,
    BroadcastFound,
    BroadcastRefused,
    BroadcastsFound,
    CheckDraft,
    CountAudience,
    LinkStaff,
    ListBroadcasts,
    LookUpBroadcast,
    LookUpStaff,
    MoveBroadcast,
    NotLinked,
    NotStaff,
    StaffFound,
    SubmitBroadcast,
)
from conversations.replies import Listing, Word
from conversations.state import Aside, Place, State
from tests.conversations.talking import (
    LETTER,
    NOW,
    SEEN,
    WORDING,
    WRITTEN,
    Talk,
    agreed,
    asked_for,
    on_duty,
    registered,
    reviewed,
)

CODE = "abcd-efg2"


def outsider(talk: Talk) -> Talk:
    """Somebody whose account is nobody's of the staff."""
    talk.findings[LookUpStaff] = NotStaff()
    return talk


def writing(*texts: str) -> Talk:
    """An author who has chosen everybody and typed that."""
    return on_duty().pick("write", "all").say(*texts)


# --- who comes in ---------------------------------------------------------------------------


@pytest.mark.parametrize("talk", [agreed, lambda: asked_for("phone"), reviewed, registered])
@pytest.mark.parametrize("event", [Said("duyuru"), Command("duyuru"), Said("Announcement")])
def test_a_citizen_gets_one_line_and_keeps_their_place(talk: object, event: Event) -> None:
    """Nothing of their form is disturbed, and what was asked is asked again."""
    here: Talk = outsider(talk())  # type: ignore[operator]
    before = here.state
    here.do(event)
    assert here.actions == [LookUpStaff()]
    assert here.keys[0] == "staff.only"
    assert here.state == before
    assert here.state.place is Place.MENU or here.replies[-1].question is not None


def test_who_has_not_been_met_is_met() -> None:
    """The greeting and the notice come as for anybody."""
    talk = outsider(Talk()).say("duyuru")
    assert talk.keys == ["staff.only", "greeting", "notice", "consent.ask"]
    assert talk.say("merhaba").state.place is Place.CONSENT


@pytest.mark.parametrize(
    ("role", "choices"),
    [
        (Role.AUTHOR, ["write", "list", "leave"]),
        (Role.APPROVER, ["waiting", "list", "leave"]),
        (Role.OPERATOR, ["list", "leave"]),
        (Role.AUDITOR, ["list", "leave"]),
    ],
)
def test_the_menu_is_that_of_the_role(role: Role, choices: list[str]) -> None:
    assert on_duty(role).choices == choices


def test_an_approver_hears_what_waits() -> None:
    talk = registered()
    talk.findings[LookUpStaff] = StaffFound("Deniz", Role.APPROVER, 2)
    assert talk.say("/duyuru", "duyuru").keys == ["staff.waiting", "staff.ask"]


@pytest.mark.parametrize(
    "start", [Talk, agreed, lambda: asked_for("hes_code"), reviewed, registered], ids=range(5)
)
@pytest.mark.parametrize("word", ["iptal", "menü", "geri", "Duyurulardan çık", "3"])
def test_what_was_open_goes_on_where_it_was(start: object, word: str) -> None:
    """A form half-way, a review, the menu, or nobody yet: all but the turn is as it was."""
    talk: Talk = start()  # type: ignore[operator]
    before = talk.state
    on_duty(talk=talk).pick("list").say("menü")
    talk.do(WORDING.hear(Said(word)))
    assert replace(talk.state, turn=before.turn) == before
    assert talk.keys[0] == "staff.left"
    assert (len(talk.keys) == 2) is (before.place is not Place.NEW)


def test_a_button_of_before_is_stale_after_it() -> None:
    talk = reviewed()
    old = talk.asked
    on_duty(talk=talk).say("iptal")
    assert talk.do(Picked("confirm", old.field, old.turn)).keys[0] == "stale"


def test_a_citizens_word_waits_until_the_staffs_part_is_left() -> None:
    """It is said how to leave; nothing is done."""
    for word in ("durum", "kart ekle", "bilgilerim", "baştan", "hes güncelle"):
        talk = on_duty().say(word)
        assert (talk.keys, talk.actions) == (["staff.busy", "staff.ask"], [])


def test_an_opt_out_holds_here_too() -> None:
    assert on_duty().say("stop").keys == ["stopped", "staff.ask"]


def test_a_citizens_errand_is_not_forgotten() -> None:
    """A code is still being asked about while the member is busy with broadcasts."""
    talk = on_duty()
    assert isinstance(talk.state.errand, AskHesService)
    assert talk.say("iptal").state.errand == talk.state.errand


# --- linking --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        Command("duyuru", CODE),
        Command("duyuru", "ABCD-EFG2"),
        Command("DUYURU", "abcdefg2"),
        Said("duyuru abcd-efg2"),
        Said("Duyuru  ABCD-EFG2"),
    ],
)
def test_a_code_links_the_account(event: Event) -> None:
    """However it is written, and its message is taken back at once, half-way through a form too."""
    talk = asked_for("phone").do(replace(event, message="77"))
    (action,) = talk.actions
    assert isinstance(action, LinkStaff)
    assert action.code.replace("-", "") == "abcdefg2"
    assert talk.keys == ["link.done", "ask.phone"]
    assert talk.retracted == ("77",)
    assert talk.state.tries == ()


@pytest.mark.parametrize(
    "text", ["duyuru hakkında", "duyuru ne zaman", "duyuru yazilari", "duyuru 4821"]
)
def test_a_sentence_is_no_code(text: str) -> None:
    assert not asked_for("phone").say(text).actions


def test_somebody_new_can_be_linked_and_stays_new() -> None:
    """No citizen's consent is wanted of a member, and none is recorded."""
    talk = Talk().do(Command("duyuru", CODE, message="77"))
    assert (talk.keys, talk.state) == (["link.done"], State())


def test_who_guesses_is_braked() -> None:
    """After five wrong codes within an hour the records are not even asked; an hour later again."""
    talk = Talk()
    talk.findings[LinkStaff] = NotLinked("unknown")
    for _ in range(MOST_TRIES):
        assert talk.do(Command("duyuru", CODE)).keys == ["link.unknown"]
    assert not talk.state.blank
    talk.do(Command("duyuru", CODE, message="77"))
    assert (talk.keys, talk.actions, talk.retracted) == (["link.wait"], [], ("77",))
    talk.now = NOW + timedelta(hours=1)
    assert talk.do(Command("duyuru", CODE)).keys == ["link.unknown"]


def test_a_messenger_whose_accounts_cannot_be_linked_says_so() -> None:
    talk = Talk()
    talk.findings[LinkStaff] = NotLinked("elsewhere")
    assert talk.do(Command("duyuru", CODE)).keys == ["link.elsewhere"]
    assert talk.state.blank


# --- writing --------------------------------------------------------------------------------


def test_a_broadcast_is_written_counted_and_submitted() -> None:
    """Every line as typed; the count is an errand that the review does not wait for."""
    talk = writing(LETTER, "Pair your card.")
    texts = {"tr": LETTER, "en": "Pair your card."}
    assert talk.keys == ["review.announcement"]
    assert talk.errand == CountAudience(Audience(), texts, {})
    talk.learn(AudienceCounted((("telegram", 9),), ((LeftOut.BLOCKED, 2),), ("Merhaba Ayşe",)))
    assert talk.keys == ["announcement.sample", "announcement.count", "announcement.left_out"]
    talk.pick("confirm")
    assert talk.actions == [SubmitBroadcast(Audience(), texts), LookUpStaff()]
    assert talk.keys == ["announcement.done.submit", "staff.ask"]
    assert talk.state.answers == {}


@pytest.mark.parametrize(
    ("found", "key"),
    [
        (AudienceUncounted(), "announcement.uncounted"),
        (AudienceCounted((), ()), "announcement.count.nobody"),
    ],
)
def test_without_a_number_the_review_stands(found: object, key: str) -> None:
    talk = writing(LETTER, "yok").learn(found)  # type: ignore[arg-type]
    assert talk.keys == [key]
    assert talk.pick("confirm").keys[0] == "announcement.done.submit"


def test_a_count_that_comes_too_late_is_not_said() -> None:
    talk = writing(LETTER, "yok").say("iptal")
    assert talk.learn(AudienceCounted((("telegram", 9),), ())).keys == []


def test_only_the_turkish_text_is_wanted() -> None:
    talk = writing(LETTER, "yok").pick("confirm")
    assert talk.actions[0] == SubmitBroadcast(Audience(), {"tr": LETTER})


@pytest.mark.parametrize(
    "text",
    ["Merhaba", "English", "Kartım kapandı mı?", "yarın alırım", "Durum", "teşekkürler", "12"],
)
def test_a_text_may_read_like_anything(text: str) -> None:
    """What would be a command, a courtesy or a question elsewhere is the text here."""
    assert writing(text).state.answers["broadcast_text"] == text


@pytest.mark.parametrize("word", ["iptal", "vazgeçtim"])
def test_writing_can_be_left(word: str) -> None:
    """Nothing is kept, and the member is back in their menu."""
    talk = writing().say(word)
    assert talk.keys == ["announcement.cancelled", "staff.ask"]
    assert (talk.state.place, talk.state.answers) == (Place.STAFF, {})


@pytest.mark.parametrize("word", ["menü", "duyuru"])
def test_what_is_half_written_is_not_lost_by_a_word(word: str) -> None:
    talk = writing().say(word)
    assert talk.keys == ["staff.unfinished", "ask.broadcast_text"]


def test_back_goes_question_by_question() -> None:
    talk = writing(LETTER, "yok")
    for key in ("again.broadcast_text_en", "again.broadcast_text", "again.audience"):
        assert talk.say("geri").keys == [key]
    assert talk.say("geri").keys == ["announcement.cancelled", "staff.ask"]


@pytest.mark.parametrize("text", ["1", "herkes", "Herkes"])
def test_the_audience_is_picked_by_number_and_label_too(text: str) -> None:
    talk = on_duty().pick("write").do(WORDING.hear(Said(text)))
    assert talk.state.answers == {"audience": "all"}


def test_an_audience_is_none_of_ones_own_making() -> None:
    assert on_duty().pick("write").say("komşular").keys[0] == "invalid.broadcast.group"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Kart {kart_sonu}", "no_card"),
        ("Sayın {soyad}?", "placeholder"),
        ("Son gün {", "braces"),
        ("a" * 2000, "long"),
    ],
)
def test_a_text_that_cannot_go_out_is_told_why(text: str, code: str) -> None:
    """The reason, and the question again; also where the text itself asks something."""
    talk = writing(text)
    assert talk.keys == [f"invalid.broadcast.{code}", "again.broadcast_text"]


def test_an_audience_that_changes_must_still_fit_the_text() -> None:
    """Of people without a card nobody has the last digits of one."""
    talk = on_duty().pick("write", "active").say("Kart: {kart_sonu}", "yok")
    assert talk.pick("correct").state.aside is Aside.CORRECT
    talk.pick("audience", "all")
    assert talk.keys == ["corrected", "invalid.broadcast.no_card", "again.broadcast_text"]
    talk.say("Kartınızı eşleştirin.")
    assert talk.keys == ["review.announcement"]
    assert talk.actions == [CheckDraft(Audience(), {"tr": "Kartınızı eşleştirin."})]


def test_who_may_not_submit_any_more_is_told_before_the_review_counts() -> None:
    """Taken off the staff half-way, they are out, and nothing is counted for them."""
    talk = writing(LETTER)
    talk.findings[CheckDraft] = NotStaff()
    talk.say("yok")
    assert (talk.errand, talk.state.apart, talk.keys[-1]) == (None, None, "staff.only")


# --- approving and stopping -----------------------------------------------------------------


def looking(found: BroadcastFound = SEEN, role: Role = Role.APPROVER) -> Talk:
    """A member who has just been shown a broadcast of a list."""
    talk = on_duty(role)
    talk.findings[LookUpBroadcast] = found
    return talk.pick("waiting" if role is Role.APPROVER else "list", "12")


def test_what_is_approved_is_what_was_seen() -> None:
    """The choice names the broadcast and its version; the count comes as an errand."""
    talk = looking()
    assert talk.choices == ["approve:12:3", "give_back:12:3", "close"]
    assert talk.errand == CountAudience(SEEN.audience, SEEN.texts, {})
    talk.pick("approve:12:3")
    assert talk.actions == [MoveBroadcast(Act.APPROVE, 12, 3), LookUpStaff()]
    assert talk.keys == ["announcement.done.approve", "staff.ask"]


def test_a_broadcast_is_shown_with_text_audience_and_author() -> None:
    sheet, text, asked = looking().replies
    assert sheet.params["author"] == "Nil"
    about = sheet.params["about"]
    assert isinstance(about, Listing)
    assert about.lines[0].params["value"] == Word(f"broadcast.group.{Group.ALL}")
    assert text.params["text"] == LETTER
    assert asked.key == "seen.ask"


@pytest.mark.parametrize("text", ["1", "1.", "evet", "tamam"])
def test_nothing_is_approved_by_a_number_or_a_yes(text: str) -> None:
    """The number may belong to the list that was there before."""
    assert looking().say(text).actions == []


@pytest.mark.parametrize("text", ["Onayla", "onayla"])
def test_it_is_approved_by_its_label(text: str) -> None:
    talk = looking().do(WORDING.hear(Said(text)))
    assert talk.actions[0] == MoveBroadcast(Act.APPROVE, 12, 3)


@pytest.mark.parametrize("text", ["12", "duyuru no 12", "1"])
def test_a_list_is_picked_from_by_the_broadcasts_number(text: str) -> None:
    """Not by the place in the list, for a number stands on every button."""
    talk = on_duty(Role.APPROVER).pick("waiting").say(text)
    assert talk.actions == ([LookUpBroadcast(12)] if "12" in text else [])


@pytest.mark.parametrize("text", ["dur", "durdur", "Durdur"])
def test_a_broadcast_that_runs_is_stopped_by_a_word(text: str) -> None:
    """And the member's own notices are not."""
    running = replace(SEEN, view=replace(WRITTEN, stage=Stage.RUNNING), acts=(Act.PAUSE,))
    talk = looking(running, Role.OPERATOR).say(text)
    assert talk.actions == [MoveBroadcast(Act.PAUSE, 12, 3), LookUpStaff()]
    assert talk.keys == ["announcement.done.pause", "staff.ask"]


def test_who_can_only_look_stays_in_the_list() -> None:
    talk = looking(replace(SEEN, acts=()), Role.AUDITOR)
    assert talk.state.place is Place.WAITING
    assert talk.choices == ["12", "close"]
    assert talk.errand is None


@pytest.mark.parametrize("waiting", [True, False])
def test_an_empty_list_says_so(waiting: bool) -> None:
    talk = on_duty(Role.APPROVER)
    talk.findings[ListBroadcasts] = BroadcastsFound(waiting, ())
    talk.pick("waiting" if waiting else "list")
    assert talk.keys == ["waiting.none" if waiting else "listed.none", "staff.ask"]


def test_a_refusal_is_told_and_leads_to_the_menu() -> None:
    talk = looking()
    talk.findings[MoveBroadcast] = BroadcastRefused("stage", {"stage": "paused"})
    talk.pick("approve:12:3")
    assert talk.keys == ["refusal.stage", "staff.ask"]
    assert talk.replies[0].params["stage"] == Word("broadcast.stage.paused")


def test_an_old_button_is_stale() -> None:
    """Also for somebody who is still on the staff."""
    talk = looking()
    old = talk.asked
    talk.pick("close")
    talk.do(Picked("approve:12:3", old.field, old.turn))
    assert (talk.keys[0], talk.actions) == ("stale", [])


def test_who_is_taken_off_the_staff_is_out_at_the_next_step() -> None:
    """Their part as a citizen goes on."""
    talk = looking()
    talk.findings[MoveBroadcast] = NotStaff()
    talk.pick("approve:12:3")
    assert (talk.state.place, talk.state.apart) == (Place.MENU, None)
    assert talk.keys == ["staff.only"]

"""A conversation in the browser goes astray, and comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Come
from tests.browser.town import Town
from tests.browser.visitor import person

pytestmark = pytest.mark.browser
SOMEONE = person(20, "97000000130")


def test_a_mistake_is_told_and_asked_again(come: Come) -> None:
    """What is missing, and the same question."""
    visitor = come()
    visitor.accept()
    visitor.answer(SOMEONE.answers[:2])
    visitor.hear("3/8")
    visitor.say("1000000014")
    visitor.hear("Bu numarada 10 hane var")
    visitor.hear("3/8")
    visitor.say(SOMEONE.answers[2])
    visitor.hear("4/8")


def test_going_back_and_correcting(come: Come, town: Town) -> None:
    """An answer is changed on the way, another in the review; the record has the last ones."""
    visitor = come()
    visitor.accept()
    visitor.answer(("Ayse", "Yılmaz"))
    visitor.hear("3/8")
    visitor.say("geri")
    visitor.hear("2/8")
    visitor.say("geri")
    visitor.hear("1/8")
    visitor.say("Ayşe Nur")
    visitor.answer(SOMEONE.answers[2:5], first=3)
    visitor.answer(("7301234567890099", *SOMEONE.answers[6:]), first=6)
    visitor.hear("Ad: Ayşe Nur")
    visitor.press("Düzelteceğim")
    visitor.press("Kart numarası")
    visitor.hear("Şu anki yanıtınız: 7301 •••• •••• 0099")
    visitor.say(SOMEONE.card)
    visitor.hear(f"Kart numarası: 7301 •••• •••• {SOMEONE.card[-4:]}")
    visitor.finish()
    assert town.card(SOMEONE.card) is not None
    assert town.card("7301234567890099") is None


def test_cancelling_keeps_nothing(come: Come, town: Town) -> None:
    """After "İptal" in the review no record is made."""
    someone = person(21, "10000000146")
    visitor = come()
    visitor.accept()
    visitor.answer(someone.answers)
    visitor.hear("Bilgileriniz doğru mu?")
    visitor.press("İptal")
    expect(visitor.button("İptal")).to_have_count(0)
    assert town.card(someone.card) is None


def test_closing_the_tab_and_coming_back(come: Come) -> None:
    """The question waits where it was left."""
    visitor = come()
    visitor.accept()
    visitor.answer(SOMEONE.answers[:3])
    visitor.hear("4/8")
    visitor.return_in_a_new_tab()
    visitor.hear("Kaldığınız yerden devam edelim.")
    visitor.hear("4/8")
    visitor.say(SOMEONE.answers[3])
    visitor.hear("5/8")


def test_leaving_forgets(come: Come) -> None:
    """After "Bitir ve çık" neither the page nor the way back shows what was said."""
    visitor = come()
    visitor.accept()
    visitor.say("Ayşe Nur")
    visitor.hear("2/8")
    visitor.press("Bitir ve çık")
    expect(visitor.button("Kabul ediyorum")).to_be_visible()
    visitor.page.go_back()
    expect(visitor.button("Kabul ediyorum")).to_be_visible()
    expect(visitor.log).not_to_contain_text("Ayşe")


def test_an_old_button_cannot_be_pressed(come: Come) -> None:
    """Only the present question's buttons answer."""
    visitor = come()
    visitor.accept()
    for label in ("Kabul ediyorum", "Kabul etmiyorum", "Metnin tamamı"):
        expect(visitor.log.get_by_role("button", name=label)).to_be_disabled()


def test_what_is_typed_is_never_run(come: Come) -> None:
    """Markup is shown as it was typed, by the script and by the server."""
    typed = '<img src=x onerror="document.title=1"><b>&amp;'
    for scripted in (True, False):
        visitor = come(java_script_enabled=scripted)
        visitor.accept()
        visitor.say(typed)
        expect(visitor.log.locator(".you .words").last).to_have_text(typed)
        assert "HES" in visitor.page.title()


def test_another_language_is_another_page(come: Come) -> None:
    """After "English" the page's own words are English, and the question stands."""
    visitor = come()
    visitor.accept()
    visitor.say("English")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    expect(visitor.page.get_by_role("button", name="Send")).to_be_visible()
    visitor.hear("1/8")


def test_a_lost_connection_loses_no_answer(come: Come) -> None:
    """The answer stays, is sent again with the same token, and counts once."""
    visitor = come()
    visitor.accept()
    sent: list[str] = []

    def lose(route: Route) -> None:
        """Let the server have it, and the visitor hear nothing."""
        sent.append(route.request.post_data or "")
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    visitor.page.route(f"{visitor.address}/", lose)
    visitor.say("Ayşe Nur")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Bağlantı kurulamadı")
    visitor.press("Yeniden gönder")
    visitor.hear("2/8")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert [line for line in visitor.complaints if "ERR_FAILED" not in line] == []
    visitor.complaints.clear()


def test_a_crowd_is_waited_out(come: Come) -> None:
    """At 503 the page says so and tries again by itself, with the same token."""
    visitor = come()
    visitor.accept()
    sent: list[str] = []

    def crowd(route: Route) -> None:
        sent.append(route.request.post_data or "")
        if len(sent) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"})
        else:
            route.continue_()

    visitor.page.route(f"{visitor.address}/", crowd)
    visitor.say("Ayşe Nur")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Şu an yoğunluk var")
    visitor.hear("2/8")
    expect(visitor.page.get_by_role("alert")).to_be_empty()
    assert len(sent) == 2
    assert sent[0] == sent[1]
    visitor.complaints.clear()

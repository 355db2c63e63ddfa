"""Turkish letters, folding, and the words people use for yes, no, back and the like."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.turkish import WORDS, capitals, fold, lower, meaning, plain, upper


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("IŞIL", "ışıl", "IŞIL"),
        ("İsmail", "ismail", "İSMAİL"),
        ("ismail", "ismail", "İSMAİL"),
        ("ığdır", "ığdır", "IĞDIR"),
        ("kâzım", "kâzım", "KÂZIM"),
        ("I\u0307zmir", "izmir", "İZMİR"),
        ("i\u0307zmir", "izmir", "İZMİR"),
        ("GÜL", "gül", "GÜL"),
    ],
)
def test_dotted_and_dotless_i_keep_their_dots(written, low, high):
    """Python's own lower and upper would mix the two letters."""
    assert (lower(written), upper(written)) == (low, high)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("İPTAL!", "iptal"),
        ("  Evet,  doğru. ", "evet dogru"),
        ("E-postam yok", "e postam yok"),
        ("HAYIR", "hayir"),
        ("«Kâğıt»", "kagit"),
        ("Ayşe'nin", "ayse nin"),
        (unicodedata.normalize("NFD", "İŞGÜÇ öğün"), "isguc ogun"),
        ("i\u0307ptal", "iptal"),
        ("ＥＶＥＴ", "evet"),
        ("ev\u200bet", "evet"),
        ("???", "?"),
        ("👍🏽", "👍"),
        ("evet 👍", "evet"),
        ("", ""),
        (" \u200b\n", ""),
    ],
)
def test_folding_leaves_what_is_compared(typed, folded):
    """Casing, diacritics, punctuation and spacing never tell two answers apart."""
    assert fold(typed) == folded


def test_plain_letters_keep_signs_and_spaces():
    """An address keeps its at sign when its letters are made plain."""
    assert plain("Işıl.Öz@Örnek.com") == "isil.oz@ornek.com"


@given(st.text())
def test_folding_twice_changes_nothing(text):
    """What is folded is a spelling that can be looked up."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ayşe nur", "Ayşe Nur"),
        ("AYŞE NUR", "Ayşe Nur"),
        ("İSMAİL IŞIK", "İsmail Işık"),
        ("ırmak ilgaz", "Irmak İlgaz"),
        ("ayşe-nur", "Ayşe-Nur"),
        ("o'neill", "O'Neill"),
        ("d’angelo", "D’Angelo"),
        ("m. ali", "M. Ali"),
        ("McDonald", "McDonald"),
        ("van der Berg", "van der Berg"),
        ("Ayşe", "Ayşe"),
        ("ßen", "ßen"),
    ],
)
def test_names_get_turkish_capitals(typed, name):
    """All small or all capital letters become a name; mixed case is the person's own choice."""
    assert capitals(typed) == name


MEANT_TWICE = {"yok": {"no", "none"}}


def test_no_spelling_stands_under_two_keys_by_accident():
    """A word that could mean two things is listed here as meant so."""
    keys = defaultdict(set)
    for key, spellings in WORDS.items():
        for spelling in spellings:
            keys[spelling].add(key)
    assert {spelling: found for spelling, found in keys.items() if len(found) > 1} == MEANT_TWICE


def test_every_spelling_is_folded_and_not_empty():
    """An unfolded spelling could never be met; an empty one would meet everything."""
    spellings = {spelling for group in WORDS.values() for spelling in group}
    assert all(spelling and fold(spelling) == spelling for spelling in spellings)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("Evet", {"yes"}),
        ("evt", {"yes"}),
        ("EVET!!!", {"yes"}),
        ("eveeeet", {"yes"}),
        ("evet evet", {"yes"}),
        ("hı hı", {"yes"}),
        ("Kabul ediyorum.", {"yes"}),
        ("evet, kabul ediyorum", {"yes"}),
        ("👍🏻", {"yes"}),
        ("tmm", {"yes"}),
        ("HAYIR", {"no"}),
        ("hayir", {"no"}),
        ("hayır teşekkürler", {"no"}),
        ("kabul etmiyorum", {"no"}),
        ("onaylamıyorum", {"no"}),
        ("yok", {"no", "none"}),
        ("İptal", {"cancel"}),
        ("IPTAL", {"cancel"}),
        ("iptal lütfen", {"cancel"}),
        ("iptal etmek istiyorum", {"cancel"}),
        ("vazgeçtim", {"cancel"}),
        ("bir önceki soru", {"back"}),
        ("Geri dön", {"back"}),
        ("baştan başla", {"restart"}),
        ("yardım!", {"help"}),
        ("merhaba, yardım", {"help"}),
        ("?", {"help"}),
        ("anlamadım", {"help"}),
        ("ana menü", {"menu"}),
        ("dil değiştir", {"language"}),
        ("devam et", {"resume"}),
        ("başla", {"start"}),
        ("merhaba", {"greeting"}),
        ("s.a.", {"greeting"}),
        ("kart durumu", {"status"}),
        ("yeni kart ekle", {"add_card"}),
        ("HES kodumu güncellemek istiyorum", {"renew_code"}),
        ("bilgilerim", {"my_data"}),
        ("hes kodu nasıl alınır?", {"code_help"}),
        ("kodum yok", {"code_help"}),
        ("aydınlatma metni", {"full_text"}),
        ("sözleşmeyi oku", {"full_text"}),
        ("aynı kalsın", {"keep"}),
        ("e-postam yok", {"none"}),
        ("soyadım yok", {"none"}),
        ("sağ ol", {"thanks"}),
        ("neden soruyorsunuz?", {"why"}),
        ("abonelikten çık", {"stop"}),
        ("şerefsiz bot", {"anger"}),
        ("Ayşe", set()),
        ("evet ama hayır", set()),
        ("kabul etmiyorum diye bir şey yok", set()),
        ("10000000146", set()),
    ],
)
def test_what_people_type_is_understood(typed, keys):
    """Spellings are met with courtesy words, doubled letters and repeated words around them."""
    assert meaning(typed) == keys


def test_a_long_letter_is_no_command():
    """Only short texts are commands; anger is still noticed at the beginning of a long one."""
    assert meaning("evet " * 50) == frozenset()
    assert meaning("salak " + "x " * 300) == {"anger"}

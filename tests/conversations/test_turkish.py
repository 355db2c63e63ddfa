"""Turkish letters, folding, and the words people use for yes, no, back and the like."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.turkish import (
    WORDS,
    bare,
    capitals,
    fold,
    lower,
    meaning,
    plain,
    puts_off,
    upper,
)


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


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_letters_are_the_same_beside_a_turkish_one(text: str):
    """ASCII takes a shorter way, and comes to the same."""
    assert plain(f"ı{text}") == f"i{plain(text)}"


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


IN_CAPITALS = """
    FATMA Fatma, HATICE Hatice, ALI Ali, AYSE Ayse, CIHAN Cihan, DEMIR Demir, YILDIZ Yıldız,
    YILMAZ Yılmaz, ISIK Isik, IŞIK Işık, ÇELIK Çelik, KILIÇ Kılıç, ŞAHIN Şahin, AYDIN Aydın,
    ARSLAN Arslan, ÖZTÜRK Öztürk, TEKIN Tekin, PINAR Pınar, KADIR Kadir, FIRAT Fırat, SELIM Selim,
    EMINE Emine, ISMAIL Ismail, İSMAİL İsmail, IBRAHIM Ibrahim, ELIF Elif, ZEYNEP Zeynep,
    MERYEM Meryem, ŞERIFE Şerife, ZELIHA Zeliha, HÜSEYIN Hüseyin, HASAN Hasan, ÖZDEMIR Özdemir,
    YILDIRIM Yıldırım, ÇETIN Çetin, KOÇ Koç, KURT Kurt, ÖZKAN Özkan, ŞIMŞEK Şimşek, POLAT Polat,
    AKIN Akın, YALÇIN Yalçın, ÇIFTÇI Çiftçi, ÇIĞDEM Çiğdem, ŞIRIN Şirin, GÜLIZAR Gülizar,
    ALTIN Altın, RIZA Rıza, RIDVAN Rıdvan, KIYMET Kıymet, ÇINAR Çınar, IRMAK Irmak, DENIZ Deniz,
    FERIDE Feride, SEVGI Sevgi, NAZLI Nazlı, TARIK Tarık, MELIKE Melike, SÜLEYMAN Süleyman,
    ÇAĞRI Çağrı, GÜNGÖR Güngör, HALIL Halil, YASIN Yasin, BINGÖL Bingöl, YAĞIZ Yağız, IŞIL Işıl
"""


@pytest.mark.parametrize("pair", [pair.split() for pair in IN_CAPITALS.split(",")], ids=ascii)
def test_an_ambiguous_capital_i_is_read_as_the_name_is_known(pair):
    """Of names in capitals, the dots are where most people's are; the first letter stays."""
    typed, name = pair
    assert capitals(typed) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("FATMA HATICE", "Fatma Hatice"),
        ("MEHMET ALI", "Mehmet Ali"),
        ("AYŞE HATICE", "Ayşe Hatice"),
        ("ALI-RIZA", "Ali-Rıza"),
        ("İSMAİL ŞIKLI", "İsmail Şıklı"),
    ],
)
def test_each_part_of_a_name_in_capitals_is_judged_alone(typed, name):
    """Only an İ tells for the whole name that I has no dot."""
    assert capitals(typed) == name


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("English please", "english"),
        ("in english", "english"),
        ("English pls!", "english"),
        ("türkçe olsun", "turkce"),
        ("Türkçe konuş lütfen", "turkce"),
        ("speak english", "english"),
        ("türk dilinde", "turk"),
        ("lütfen", ""),
        ("", ""),
    ],
)
def test_bare_text_is_what_matters_in_it(typed, left):
    """Courtesies and fillers go, wherever they stand."""
    assert bare(typed) == left


@pytest.mark.parametrize("typed", ["kodumu yarın alırım", "akşam bakarım ben", "sonra alacağım"])
def test_putting_off_is_noticed_in_a_sentence(typed):
    """Who will come back later gives no answer now."""
    assert puts_off(typed)


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
        ("KABUL EDIYORUM YAVRUM", {"yes"}),
        ("DOGRU EVLADIM", {"yes"}),
        ("TAMAM ONAYLIYORUM KIZIM", {"yes"}),
        ("iyi tamam kabul", {"yes"}),
        ("yes i accept", {"yes"}),
        ("ok i accept please", {"yes"}),
        ("It is correct.", {"yes"}),
        ("that's right", {"yes"}),
        ("I don't accept", {"no"}),
        ("i do not approve", {"no"}),
        ("YOK YAVRUM", {"no", "none"}),
        ("yok bende", {"none"}),
        ("mailim yok benim", {"none"}),
        ("i don't have an email", {"none"}),
        ("i dont have one", {"none"}),
        ("n/a", {"none"}),
        ("boş", {"none"}),
        ("atla lütfen", {"none"}),
        ("SELAMUN ALEYKUM EVLADIM", {"greeting"}),
        ("ALLAH RAZI OLSUN EVLADIM", {"thanks"}),
        ("iptal sana zahmet", {"cancel"}),
        ("geri zahmet olmazsa", {"back"}),
        ("hes kodunu nasıl alcam", {"code_help"}),
        ("HES KODUNU NEREDEN ALIRIM", {"code_help"}),
        ("kodu nasıl alabilirim acaba", {"code_help"}),
        ("how do i get code?", {"code_help"}),
        ("nasıl alınır", {"code_help"}),
        ("hes kodum A1B2345678 nasıl alırım", set()),
        ("hes kodunu nasıl yazacağım", set()),
        ("hes kodunu yarın alırım", set()),
        ("kodumu aldım", set()),
        ("yarın alırım", {"later"}),
        ("sonra alırım", {"later"}),
        ("akşam bakarım", {"later"}),
        ("insan ile görüşmek istiyorum", {"human"}),
        ("temsilci", {"human"}),
        ("yetkili", {"human"}),
        ("müşteri hizmetlerine bağlanmak istiyorum", {"human"}),
        ("I have no HES code", {"code_help"}),
        ("iyi akşamlar yavrum", {"greeting"}),
        ("müşteri hizmetleri", {"human"}),
        ("gerçek kişi", {"human"}),
        ("operatör", {"human"}),
        ("telefon numaranız", {"human"}),
        ("nasıl yapılacak", {"help"}),
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

"""Turkish letters and words: casing, folding, and what people type for yes, no, back and the like.

Knows the language alone. It must not know forms, fields, channels or replies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_TO_LOWER = str.maketrans({"I": "ı"})
_TO_UPPER = str.maketrans({"i": "İ", "ı": "I"})
_DOT_ABOVE = "\u0307"


def lower(text: str) -> str:
    """The text in lower case by Turkish rules: ``I`` gives ``ı`` and ``İ`` gives ``i``."""
    composed = unicodedata.normalize("NFC", text)
    return composed.translate(_TO_LOWER).lower().replace("i" + _DOT_ABOVE, "i")


def upper(text: str) -> str:
    """The text in upper case by Turkish rules: ``i`` gives ``İ`` and ``ı`` gives ``I``."""
    composed = unicodedata.normalize("NFC", text).replace("i" + _DOT_ABOVE, "i")
    return composed.translate(_TO_UPPER).upper()


def fold(text: str) -> str:
    """The text as it is compared: lower case, no diacritics, words parted by one space.

    Punctuation and signs part words and are gone; a text of signs alone is its first sign, so that
    "???" reads as "?" and a raised thumb as itself.
    """
    letters = plain(text)
    words = "".join(sign if sign.isalnum() else " " for sign in letters).split()
    return " ".join(words) or letters.strip()[:1]


def plain(text: str) -> str:
    """The text in lower case without diacritics, its signs and spaces kept: "Işıl@…" → "isil@…"."""
    parts = unicodedata.normalize("NFKD", lower(unicodedata.normalize("NFKC", text)))
    letters = (sign for sign in parts if unicodedata.category(sign) not in ("Mn", "Cf"))
    return "".join(letters).replace("ı", "i")


_NAME_PART = re.compile(r"[^\s\-'’.]+")


def capitals(name: str) -> str:
    """A person's name with Turkish capitals: "ayşe nur" and "AYŞE NUR" give "Ayşe Nur".

    A name that already mixes cases is left as it was written.
    """
    composed = unicodedata.normalize("NFC", name)
    if composed not in (lower(composed), upper(composed)):
        return composed
    return _NAME_PART.sub(lambda part: _capital(part[0][0]) + lower(part[0][1:]), composed)


def _capital(letter: str) -> str:
    """The capital, or the letter itself where it would take two (ß)."""
    capital = upper(letter)
    return capital if len(capital) == 1 else letter


def spellings(text: str) -> frozenset[str]:
    """The folded spellings in a list parted by commas."""
    return frozenset(fold(spelling) for spelling in text.split(","))


WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "yes": spellings(
            """
            evet, evt, ewet, evett, eevet, eet, evvet, e, he, hee, hı hı, hıhı, aha,
            ehe, heya, tamam, tmm, tmam, tamamdır, tm, ok, okey, okay, oke, okk, oki, olur, oldu,
            olsun, tabii, tabi, tabii ki, tabi ki, tabiki, tabiiki, elbette, peki, pekala,
            pekiyi, kabul, kabul et, kabul ediyorum, kabul ettim, kabul ederim, kabulüm, kabulumdur,
            kbul, kabl, ediyorum, onay, onayla, onaylıyorum, onayladım, onaylarım, onaylandı, onay
            veriyorum, onaylayın, doğru, doğrudur, dogrudr, doğruluyorum, hepsi doğru, bilgiler
            doğru, bilgilerim doğru, hepsi tamam, aynen, öyle, aynen öyle, evet öyle, evet o, evet
            bu, kesinlikle, isterim, istiyorum, uygun, uygundur, mutlaka, yes,
            yeah, yep, y, sure, i agree, agree, correct, okudum kabul ediyorum, okudum
            onaylıyorum, razıyım, izin veriyorum, kaydet, 👍, ✅, 👌, ✔, 🆗
            """
        ),
        "no": spellings(
            """
            hayır, hayr, hayıır, hayırdır, hyr, hyır, hayı, yok, yo, yoo, yok hayır, h, ı ıh, ıı,
            cık cık, istemiyorum, istemem, istemez, istemiyom, kabul etmiyorum, kabul etmem, kabul
            etmedim, kabul değil, etmiyorum, onaylamıyorum, onaylamam, onaylamadım, değil, yanlış,
            yalnış, yanlış var, doğru değil, hatalı, hata var, olmaz, olmadı, olmasın, izin
            vermiyorum, reddediyorum, ret, red, asla, hiçbiri, no, nope, n, nah, wrong, i do not
            agree, disagree, 👎, ❌, ✖
            """
        ),
        "back": spellings(
            """
            geri, geri dön, geri git, geri gel, geri al, geri gitmek, geriye, geriye dön, önceki,
            bir önceki, bir geri, önceki soru, bir önceki soru, önceki soruya dön, öncekine dön, bir
            önceki soruya dön, bir adım geri, öncekini değiştir, öncekini düzelt, back, go back,
            previous, ◀, ⬅, ↩, 🔙
            """
        ),
        "cancel": spellings(
            """
            iptal, iptal et, iptal edin, iptal ediyorum, iptal etmek, iptal olsun, iptl, vazgeç,
            vazgeçtim, vaz geç, vaz geçtim, vazgeçiyorum, bırak, boşver, boş ver, boşverin, kalsın,
            kapat, cancel, abort, leave
            """
        ),
        "restart": spellings(
            """
            baştan, baştan başla, baştan al, en baştan, en başa dön, başa dön, başa al, başa sar,
            yeniden, yeniden başla, yeniden başlat, tekrar başla, tekrardan, sıfırdan, sıfırla,
            sıfırdan başla, baştan başlamak, yeniden başlamak, restart, reset, start over
            """
        ),
        "help": spellings(
            """
            yardım, yardim et, yardım edin, yardım eder misin, yardım eder misiniz, yardm, yrdm,
            yardımcı ol, yardımcı olun, yardımcı olur musun, yardımcı olur musunuz, bana yardım et,
            destek, imdat, anlamadım, anlamıyorum, anlayamadım, hiç anlamadım, bilmiyorum, bilmiyom,
            nasıl, nasıl yani, nasıl yapacağım, nasıl olacak, ne, ne yani, nasıl yapıcam, ne
            yapacağım, ne yapmalıyım, ne yapıcam, ne yapayım, ne yapmam lazım, nedir, bu ne, bu
            nedir, o ne, ne demek, bu ne demek, efendim, yapamadım, yapamıyorum, olmuyor, bulamadım,
            bulamıyorum, nerede, nerede yazıyor, nereden bulacağım, nerde, nereden bulurum, help,
            help me, how, info, bilgi, ?, 🆘, ❓, ❔
            """
        ),
        "language": spellings(
            """
            dil, dil değiştir, dili değiştir, dil seç, dil seçimi, dil ayarı, başka dil, diller,
            language, languages, change language, lang, lisan
            """
        ),
        "menu": spellings(
            """
            menü, ana menü, menüye dön, ana menüye dön, ana sayfa, seçenekler, işlemler, neler
            yapabilirsin, ne yapabilirsin, neler yapabilirim, main menu, options, 🏠
            """
        ),
        "resume": spellings(
            """
            devam, devam et, devam edelim, devam ediyorum, devam edeceğim, devam etmek, dewam,
            kaldığım yerden, kaldığım yerden devam, kaldığım yerden devam et, devamm, sürdür,
            kaldığımız yerden, kaldığımız yerden devam, ilerle, sonraki, sıradaki, geç, ileri,
            continue, resume, go on, next, ▶, ➡
            """
        ),
        "start": spellings(
            """
            başla, başlat, başlayalım, başlıyorum, hadi başlayalım, haydi başlayalım, hadi, haydi,
            başlamak, başlayabiliriz, kayıt, kayıt ol, kaydol, kayıt olmak, kayıt yap, eşleştir,
            kayıt yaptırmak, eşleştirme, kart eşleştir, kartımı eşleştir, eşleştirmek, start,
            kartımı eşleştirmek, hes eşleştir, hes kodu eşleştir, hes kodu eşleştirme, begin
            """
        ),
        "later": spellings(
            """
            sonra, daha sonra, sonra yaparım, sonra yazarım, sonra devam ederim, akşam yazarım,
            akşam yaparım, yarın, yarın yazarım, yarın yaparım, şimdi değil, şu an müsait değilim,
            müsait değilim, bekle, bekleyin, bir dakika, bi dakika, 1 dakika, 1 dk, az sonra,
            birazdan, yanımda yok, yanımda değil, kartım yanımda değil, kartım yanımda yok, kodum
            yanımda yok, kodum yanımda değil, kimliğim yanımda değil, kimliğim yanımda yok, evde
            kaldı, later, not now, one moment, wait
            """
        ),
        "status": spellings(
            """
            kartım neden kapandı, kartım niye kapandı, kartım kapandı, kartım kapatıldı, kartım
            kapalı, kartım geçmiyor, kartım çalışmıyor, kartım basmıyor, kartım okumuyor, kartım
            okunmuyor, kartım neden geçmiyor, kartım niye geçmiyor, kartım neden çalışmıyor, kartım
            açılmadı, kartım niye çalışmıyor, turnikeden geçemiyorum, turnikeden geçemedim, kartım
            iptal mi oldu, durum, durumum, durumu, kart durumu, kartımın durumu, kartım ne durumda,
            kartlarım, kartım, durum sorgula, sorgula, kart sorgula, kartım aktif mi, kartım açık
            mı, kartım kapalı mı, durum nedir, durum ne, kartımı göster, kartlarımı göster, status,
            my cards, my card
            """
        ),
        "add_card": spellings(
            """
            kart ekle, yeni kart, yeni kart ekle, başka kart, başka kart ekle, kart eklemek, bir
            kart daha, bir kart daha ekle, ikinci kart, kart ekleme, kartımı ekle, add card, add a
            card
            """
        ),
        "renew_code": spellings(
            """
            hes güncelle, hes kodu güncelle, hes kodumu güncelle, hes kodunu güncelle, kod güncelle,
            kodu güncelle, kodumu güncelle, hes yenile, hes kodu yenile, hes kodumu yenile, yenile,
            hes değiştir, hes kodu değiştir, hes kodumu değiştir, yeni hes kodu, yeni hes, güncelle,
            hes güncelleme, hes kodu güncelleme, hes kodum değişti, kodum değişti, yeni kod, hes
            kodumu güncellemek, hes kodumun süresi doldu, kodumun süresi doldu, renew code, update
            hes, update code
            """
        ),
        "my_data": spellings(
            """
            bilgilerim, verilerim, bilgilerimi göster, bilgilerimi gör, bilgilerimi görmek, kayıtlı
            bilgilerim, hakkımdaki bilgiler, kişisel verilerim, verilerimi göster, hakkımda ne
            biliyorsun, hakkımda ne biliyorsunuz, my data, my details
            """
        ),
        "code_help": spellings(
            """
            hes kodu nasıl alınır, hes nasıl alınır, hes kodu al, hes kodu almak, kod al, hes al,
            kod nasıl alınır, kod nasıl alırım, hes kodu nasıl alırım, hes kodum yok, kodum yok, hes
            kodunu nasıl alırım, hes kodumu nasıl öğrenirim, hes kodu nereden alınır, hes yok, kodu
            nereden alacağım, hes kodunu nereden alacağım, hes kodu nasıl alabilirim, hes kodu nasıl
            alacağım, hes kodu nasıl alıcam, hes kodu nedir, hes kodu ne, hes nedir, hes ne, hes
            kodum yok nasıl alırım, hes kodu yok, kod yok, hesim yok, hes kodu lazım, hes kodumu
            bilmiyorum, hes kodumu bulamıyorum, hes kodu oluştur, hes kodu alma, hes kodumu unuttum,
            kodu nasıl alacağım, get a code, how do i get a code, hes kodumu nasıl alırım, kodum
            nerede, hes kodum nerede, get a hes code
            """
        ),
        "full_text": spellings(
            """
            metin, metni oku, metnin tamamı, metnin tamamını oku, metnin tamamını göster, tam metin,
            metnin tümü, metni göster, metni görmek, oku, okumak, tamamı, tamamını oku, tümünü oku,
            tamamını göster, tamamını gör, aydınlatma metni, aydınlatma metnini oku, sözleşme,
            aydınlatma, kvkk, kvkk metni, sözleşmeyi oku, sözleşmeyi göster, sözleşme metni,
            sözleşmenin tamamı, çerçeve sözleşme, çerçeve sözleşmesi, kullanım koşulları, koşullar,
            koşulları oku, şartlar, şartları oku, gizlilik, gizlilik metni, full text, read, terms,
            privacy, privacy notice, gizlilik politikası, kullanım şartları
            """
        ),
        "keep": spellings(
            """
            aynı kalsın, aynısı kalsın, olduğu gibi kalsın, böyle kalsın, öyle kalsın, aynı, aynısı,
            değişmesin, değiştirme, değiştirmeyin, değişiklik yok, bu kalsın, eskisi kalsın, keep,
            keep it, same
            """
        ),
        "none": spellings(
            """
            yok, yoktur, yok ki, bende yok, benim yok, hiç yok, mevcut değil, bulunmuyor, none,
            soyadım yok, soyadı yok, soyad yok, soyismim yok, soyisim yok, soy ismim yok, e-postam
            yok, eposta yok, e-posta yok, epostam yok, e posta adresim yok, maili yok, mail yok,
            mailim yok, e-mail yok, e-mailim yok, email yok, emailim yok, mail adresim yok, eposta
            adresim yok, email adresim yok, e-mail adresim yok, posta yok, postam yok, e-posta
            kullanmıyorum, mail kullanmıyorum, kullanmıyorum, adresim yok, yoktur bende, no surname,
            no email, i have none, -
            """
        ),
        "thanks": spellings(
            """
            teşekkür, teşekkürler, teşekkür ederim, teşekkür ederiz, çok teşekkürler, tşk, tşkler,
            çok teşekkür ederim, tesekkurlr, tşkkr, tşkkrler, sağol, sağ ol, sağolun, sağ olun, çok
            sağol, çok sağ ol, çok sağolun, eyvallah, eyv, allah razı olsun, saol, elinize sağlık,
            ellerinize sağlık, elinize kolunuza sağlık, mersi, thanks, thank you, thx, ty,
            minnettarım, süper, harika, 🙏, ❤, 🌹, 😊
            """
        ),
        "greeting": spellings(
            """
            merhaba, merhabalar, mrb, mrhb, meraba, merhba, selam, selamlar, slm, sa, s a, as, a s,
            selamün aleyküm, selamın aleyküm, aleyküm selam, günaydın, iyi günler, iyi akşamlar, iyi
            geceler, iyi çalışmalar, kolay gelsin, tünaydın, hayırlı günler, hayırlı sabahlar,
            hayırlı akşamlar, hayırlı işler, nasılsın, nasılsınız, hoş bulduk, naber, hi, hello,
            hey, good morning, alo, 👋
            """
        ),
        "why": spellings(
            """
            neden, niye, niçin, neden soruyorsunuz, neden soruyorsun, niye soruyorsunuz, ne için,
            niye soruyorsun, neden istiyorsunuz, niye istiyorsunuz, neden gerekli, niye gerekli,
            neden lazım, niye lazım, ne gerek var, gerek var mı, şart mı, zorunlu mu, gerekli mi,
            mecbur muyum, bunu neden soruyorsunuz, bunu niye soruyorsunuz, sebep, neden gerekiyor,
            bu neden gerekli, niçin soruyorsunuz, size ne, sana ne, why
            """
        ),
        "stop": spellings(
            """
            dur, durdur, durun, durdurun, çık, çıkış, çıkmak, abonelikten çık, abonelik iptal,
            aboneliği iptal et, aboneliği durdur, bildirimleri kapat, bildirim istemiyorum,
            bildirimleri durdur, bildirimi kapat, mesaj atma, mesaj atmayın, mesaj istemiyorum,
            mesaj göndermeyin, bir daha yazmayın, yazmayın, yazma, listeden çık, stop, unsubscribe,
            stop all, stopall, quit, end, rahatsız etmeyin, beni rahatsız etmeyin
            """
        ),
        "anger": spellings(
            """
            aptal, aptallar, salak, salaklar, gerizekalı, gerizekalılar, ahmak, dangalak, şerefsiz,
            şerefsizler, namussuz, haysiyetsiz, ahlaksız, terbiyesiz, edepsiz, pislik, rezil,
            rezillik, rezalet, saçmalık, saçmalama, lanet, kahrolsun, kahretsin, defol, defolun,
            siktir, siktirgit, sikeyim, sikerim, sikicem, sikik, amk, aq, amq, amına, amına koyim,
            amcık, orospu, orospuçocuğu, oç, piç, piçler, pezevenk, kahpe, puşt, ibne, gavat,
            yavşak, götveren, gerzek, yarrak, bok, boktan, hıyar, ulan, hassiktir, hasiktir,
            dolandırıcı, dolandırıcılar, hırsız, hırsızlar, ananı, avradını, fuck, shit, 🤬, 😡, 🖕
            """
        ),
    }
)
"""What people type, folded, by what they mean by it. Words of anger mean it inside any sentence."""

NAMES_TOO = spellings("metin, günaydın, ok, doğru, ileri, hadi, bilgi, destek")
"""Words of the above that are people's names as well, and likelier so where a name is asked."""

_ASKING = spellings(
    """
    nerede, nerde, nereden, nerden, nasıl, ne, nedir, neresi, hangi, hangisi, kim, niye, neden,
    niçin, kaç, mi, mı, where, how, what, which, why, who
    """
)


def is_question(text: str) -> bool:
    """Whether a text asks something rather than answers: "kart numarası nerede yazıyor"."""
    return text.rstrip().endswith("?") or not _ASKING.isdisjoint(fold(text).split())


_PUTTING_OFF = (
    "yanımda yok",
    "yanımda değil",
    "akşam yaz",
    "sonra yaz",
    "yarın yaz",
    "sonra bak",
    "evde kald",
)
_LATER = tuple(fold(phrase) for phrase in _PUTTING_OFF)


def puts_off(text: str) -> bool:
    """Whether a text says "not now": "kodum yanımda yok ki"."""
    folded = fold(text)
    return any(phrase in folded for phrase in _LATER)


_COURTESIES = spellings(
    """
    lütfen, lutfn, istiyorum, istiyom, isterim, efendim, hocam, abi, abicim, abla, canım, kardeşim,
    kardeş, kanka, dostum, beyefendi, hanımefendi, bey, hanım, ya, be, ama, artık, şimdi, hemen,
    teşekkürler, sağol, sağolun, ederim, teşekkür, merhaba, selam, please, hadi, bence, tabii,
    maalesef, malesef
    """
)
_LONGEST_SPEECH = 200
_MOST_WORDS = 10
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


def meaning(text: str) -> frozenset[str]:
    """The keys of ``WORDS`` that the text means; none for a text that says something else.

    Words of courtesy around it ("iptal lütfen"), letters drawn out ("eveeet") and several spellings
    of one meaning in a row ("evet, kabul ediyorum") are understood.
    """
    folded = fold(text[:_LONGEST_SPEECH])
    words = folded.split()
    if len(text) > _LONGEST_SPEECH or len(words) > _MOST_WORDS:
        return _anger(words)
    said = _said(words) or _said(_DRAWN_OUT.sub(r"\1", folded).split())
    return said | _anger(words)


def _anger(words: Sequence[str]) -> frozenset[str]:
    return frozenset({"anger"} if WORDS["anger"].intersection(words) else ())


def _said(words: Sequence[str]) -> frozenset[str]:
    return _alike(words) or _alike(_without_courtesies(words))


def _alike(words: Sequence[str]) -> frozenset[str]:
    """The keys of the whole text, or those that each of its pieces spells however it is cut."""
    found = set(_keys(" ".join(words)))
    for cut in range(1, 1 if found else len(words)):
        head = _keys(" ".join(words[:cut]))
        found |= head and head & _alike(words[cut:])
    return frozenset(found)


def _keys(spelling: str) -> frozenset[str]:
    return frozenset(key for key, spellings in WORDS.items() if spelling in spellings)


def _without_courtesies(words: Sequence[str]) -> Sequence[str]:
    start, end = 0, len(words)
    while start < end and words[start] in _COURTESIES:
        start += 1
    while end > start and words[end - 1] in _COURTESIES:
        end -= 1
    return words[start:end]

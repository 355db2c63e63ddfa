"""What people type, by what they mean by it: lists parted by commas, in plain Turkish and English.

Words alone. How spellings are compared and whole messages understood is the business of
``conversations.turkish``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "yes": """
        evet, evt, ewet, evett, eevet, eet, evvet, e, he, hee, hı hı, hıhı, aha,
        ehe, heya, tamam, tmm, tmam, tamamdır, tm, ok, okey, okay, oke, okk, oki, olur, oldu,
        olsun, tabii, tabi, tabii ki, tabi ki, tabiki, tabiiki, elbette, peki, pekala,
        pekiyi, kabul, kabul et, kabul ediyorum, kabul ettim, kabul ederim, kabulüm, kabulumdur,
        kbul, kabl, ediyorum, onay, onayla, onaylıyorum, onayladım, onaylarım, onaylandı, onay
        veriyorum, onaylayın, doğru, doğrudur, dogrudr, doğruluyorum, hepsi doğru, bilgiler
        doğru, bilgilerim doğru, hepsi tamam, aynen, öyle, aynen öyle, evet öyle, evet o, evet
        bu, kesinlikle, isterim, istiyorum, uygun, uygundur, mutlaka, yes,
        yeah, yep, y, sure, i agree, agree, correct, okudum kabul ediyorum, okudum
        onaylıyorum, razıyım, izin veriyorum, kaydet, 👍, ✅, 👌, ✔, 🆗,
        accept, i accept, yes i accept, ok i accept, okay i accept, i approve, approve, yes i
        approve, ok i approve, yes i agree, it is correct, its correct, it's correct, all
        correct, that's right, that is right, right, yes it is, okudum anladım, kabul ediyom,
        onaylıyom
    """,
        "no": """
        hayır, hayr, hayıır, hayırdır, hyr, hyır, hayı, yok, yo, yoo, yok hayır, h, ı ıh, ıı,
        cık cık, istemiyorum, istemem, istemez, istemiyom, kabul etmiyorum, kabul etmem, kabul
        etmedim, kabul değil, etmiyorum, onaylamıyorum, onaylamam, onaylamadım, değil, yanlış,
        yalnış, yanlış var, doğru değil, hatalı, hata var, olmaz, olmadı, olmasın, izin
        vermiyorum, reddediyorum, ret, red, asla, hiçbiri, no, nope, n, nah, wrong, i do not
        agree, disagree, 👎, ❌, ✖,
        i don't accept, i do not accept, i do not approve, i don't approve, i don't agree, i
        dont accept, i dont approve, i dont agree, not correct, it is wrong, not right, kabul
        etmiyom, onaylamıyom
    """,
        "back": """
        geri, geri dön, geri git, geri gel, geri al, geri gitmek, geriye, geriye dön, önceki,
        bir önceki, bir geri, önceki soru, bir önceki soru, önceki soruya dön, öncekine dön, bir
        önceki soruya dön, bir adım geri, öncekini değiştir, öncekini düzelt, back, go back,
        previous, ◀, ⬅, ↩, 🔙
    """,
        "cancel": """
        iptal, iptal et, iptal edin, iptal ediyorum, iptal etmek, iptal olsun, iptl, vazgeç,
        vazgeçtim, vaz geç, vaz geçtim, vazgeçiyorum, bırak, boşver, boş ver, boşverin, kalsın,
        kapat, cancel, abort, leave
    """,
        "restart": """
        baştan, baştan başla, baştan al, en baştan, en başa dön, başa dön, başa al, başa sar,
        yeniden, yeniden başla, yeniden başlat, tekrar başla, tekrardan, sıfırdan, sıfırla,
        sıfırdan başla, baştan başlamak, yeniden başlamak, restart, reset, start over
    """,
        "help": """
        yardım, yardim et, yardım edin, yardım eder misin, yardım eder misiniz, yardm, yrdm,
        yardımcı ol, yardımcı olun, yardımcı olur musun, yardımcı olur musunuz, bana yardım et,
        destek, imdat, anlamadım, anlamıyorum, anlayamadım, hiç anlamadım, bilmiyorum, bilmiyom,
        nasıl, nasıl yani, nasıl yapacağım, nasıl olacak, ne, ne yani, nasıl yapıcam, ne
        yapacağım, ne yapmalıyım, ne yapıcam, ne yapayım, ne yapmam lazım, nedir, bu ne, bu
        nedir, o ne, ne demek, bu ne demek, efendim, yapamadım, yapamıyorum, olmuyor, bulamadım,
        bulamıyorum, nerede, nerede yazıyor, nereden bulacağım, nerde, nereden bulurum, help,
        help me, how, info, bilgi, ?, 🆘, ❓, ❔,
        nasıl yapılacak, nasıl yapılıyor, nasıl yapılır, nasıl yapacağız, nasıl yapıcaz, nasıl
        yapcam, nasıl dolduracağım, nasıl doldurulacak, nasıl yazacağım, nasıl olacak bu, bu
        nasıl yapılacak, bu nasıl olacak, ne yapcam, ne yazacağım, ne yazıcam, ne yazayım
    """,
        "language": """
        dil, dil değiştir, dili değiştir, dil seç, dil seçimi, dil ayarı, başka dil, diller,
        language, languages, change language, lang, lisan
    """,
        "menu": """
        menü, ana menü, menüye dön, ana menüye dön, ana sayfa, seçenekler, işlemler, neler
        yapabilirsin, ne yapabilirsin, neler yapabilirim, main menu, options, 🏠
    """,
        "announce": """
        duyuru, duyurular, duyuru yap, duyuru yaz, duyuru gönder, yeni duyuru, announcement,
        announcements, broadcast, broadcasts, 📢
    """,
        "resume": """
        devam, devam et, devam edelim, devam ediyorum, devam edeceğim, devam etmek, dewam,
        kaldığım yerden, kaldığım yerden devam, kaldığım yerden devam et, devamm, sürdür,
        kaldığımız yerden, kaldığımız yerden devam, ilerle, sonraki, sıradaki, geç, ileri,
        continue, resume, go on, next, ▶, ➡
    """,
        "start": """
        başla, başlat, başlayalım, başlıyorum, hadi başlayalım, haydi başlayalım, hadi, haydi,
        başlamak, başlayabiliriz, kayıt, kayıt ol, kaydol, kayıt olmak, kayıt yap, eşleştir,
        kayıt yaptırmak, eşleştirme, kart eşleştir, kartımı eşleştir, eşleştirmek, start,
        kartımı eşleştirmek, hes eşleştir, hes kodu eşleştir, hes kodu eşleştirme, begin
    """,
        "later": """
        sonra, daha sonra, sonra yaparım, sonra yazarım, sonra devam ederim, akşam yazarım,
        akşam yaparım, yarın, yarın yazarım, yarın yaparım, şimdi değil, şu an müsait değilim,
        müsait değilim, bekle, bekleyin, bir dakika, bi dakika, 1 dakika, 1 dk, az sonra,
        birazdan, yanımda yok, yanımda değil, kartım yanımda değil, kartım yanımda yok, kodum
        yanımda yok, kodum yanımda değil, kimliğim yanımda değil, kimliğim yanımda yok, evde
        kaldı, later, not now, one moment, wait,
        yarın alırım, sonra alırım, akşam alırım, akşam bakarım, yarın bakarım, sonra bakarım,
        daha sonra alırım, daha sonra bakarım, daha sonra yaparım, sonra alacağım, yarın
        alacağım
    """,
        "status": """
        kartım neden kapandı, kartım niye kapandı, kartım kapandı, kartım kapatıldı, kartım
        kapalı, kartım geçmiyor, kartım çalışmıyor, kartım basmıyor, kartım okumuyor, kartım
        okunmuyor, kartım neden geçmiyor, kartım niye geçmiyor, kartım neden çalışmıyor, kartım
        açılmadı, kartım niye çalışmıyor, turnikeden geçemiyorum, turnikeden geçemedim, kartım
        iptal mi oldu, durum, durumum, durumu, kart durumu, kartımın durumu, kartım ne durumda,
        kartlarım, kartım, durum sorgula, sorgula, kart sorgula, kartım aktif mi, kartım açık
        mı, kartım kapalı mı, durum nedir, durum ne, kartımı göster, kartlarımı göster, status,
        my cards, my card
    """,
        "add_card": """
        kart ekle, yeni kart, yeni kart ekle, başka kart, başka kart ekle, kart eklemek, bir
        kart daha, bir kart daha ekle, ikinci kart, kart ekleme, kartımı ekle, add card, add a
        card
    """,
        "renew_code": """
        hes güncelle, hes kodu güncelle, hes kodumu güncelle, hes kodunu güncelle, kod güncelle,
        kodu güncelle, kodumu güncelle, hes yenile, hes kodu yenile, hes kodumu yenile, yenile,
        hes değiştir, hes kodu değiştir, hes kodumu değiştir, yeni hes kodu, yeni hes, güncelle,
        hes güncelleme, hes kodu güncelleme, hes kodum değişti, kodum değişti, yeni kod, hes
        kodumu güncellemek, hes kodumun süresi doldu, kodumun süresi doldu, renew code, renew
        hes, update hes, update code
    """,
        "erase": """
        verilerimi sil, verilerimi silin, verimi sil, bilgilerimi sil, bilgilerimi silin,
        kaydımı sil, kaydımı silin, kayıtlarımı sil, kayıtlarımı silin, hesabımı sil, hesabımı
        silin, beni sil, beni silin, kaydımın silinmesi, verilerimin silinmesi, verilerim
        silinsin, bilgilerim silinsin, kaydım silinsin, her şeyi sil, hepsini sil, silinmek,
        beni unut, beni unutun, kaydımı iptal et, üyeliğimi sil, delete my data, erase my data,
        delete my account, delete me, erase me, forget me, delete everything
    """,
        "withdraw": """
        rızamı geri al, rızamı geri alıyorum, rızamı geri almak, rızamı geri çek, rızamı geri
        çekiyorum, rızamı çekiyorum, onayımı geri al, onayımı geri alıyorum, onayımı geri çek,
        onayımı geri çekiyorum, iznimi geri al, iznimi geri alıyorum, rıza geri al, rızamdan
        vazgeçtim, withdraw, withdraw consent, withdraw my consent, revoke consent, revoke my
        consent
    """,
        "amend": """
        bilgilerimi düzelt, bilgilerimi düzeltmek, bilgi düzelt, verilerimi düzelt, bilgilerimi
        değiştir, bilgilerimi değiştirmek, bilgilerimi güncelle, bilgilerim yanlış, bilgilerim
        hatalı, telefonumu değiştir, telefonum değişti, telefon numaram değişti, soyadım
        değişti, e-postam değişti, e-postamı değiştir, correct my data, change my data, edit my
        data, update my data
    """,
        "record": """
        tüm kayıtlarım, bütün kayıtlarım, kayıtlarımın tamamı, kaydımın tamamı, kayıtlarımı
        gönder, kayıtlarımı göster, verilerimi indir, bilgilerimi indir, kayıtlarımı indir,
        dosyamı gönder, dosya olarak gönder, verilerimi gönder, bilgilerimin tamamı, full
        record, my full record, download my data, export my data, send my data
    """,
        "my_data": """
        bilgilerim, verilerim, bilgilerimi göster, bilgilerimi gör, bilgilerimi görmek, kayıtlı
        bilgilerim, hakkımdaki bilgiler, kişisel verilerim, verilerimi göster, hakkımda ne
        biliyorsun, hakkımda ne biliyorsunuz, my data, my details
    """,
        "notices": """
        bildirim, bildirimler, bildirim ayarı, bildirim ayarları, bildirim ayarlarım,
        bildirimlerim, bildirim seçenekleri, bildirimleri ayarla, bildirim ayarla, bildirimleri
        değiştir, hatırlatma, hatırlatmalar, hatırlatmalarım, hatırlatma ayarı, hatırlatma
        ayarları, hatırlatıcı, hatırlatıcılar, hatırlatmaları değiştir, notification,
        notifications, notification settings, notices, reminder, reminders, reminder settings,
        my notifications, 🔔
    """,
        "remind": """
        hatırlat, hatırlatın, bana hatırlat, bana hatırlatın, hatırlatma istiyorum, hatırlatma
        isterim, hatırlatma yapın, hatırlatma gönderin, hatırlatmaları aç, hatırlatma aç,
        hatırlatmalar açık olsun, hatırlatmalar gelsin, hatırlatma gelsin, bildirimleri aç,
        bildirim aç, bildirim istiyorum, bildirimler açık olsun, bildirimler gelsin, bildirim
        gelsin, remind me, reminders on, turn on reminders, turn reminders on, i want reminders,
        notifications on, turn on notifications, turn notifications on
    """,
        "do_not_remind": """
        hatırlatmayın, hatırlatma istemiyorum, hatırlatma istemem, hatırlatma
        yapmayın, hatırlatma göndermeyin, hatırlatmaları kapat, hatırlatmaları kapatın,
        hatırlatma kapat, hatırlatmalar kapalı olsun, hatırlatmalar gelmesin, hatırlatma
        gelmesin, hatırlatmaları durdur, hatırlatma olmasın, bildirim istemiyorum, bildirim
        istemem, bildirimleri kapat, bildirimleri kapatın, bildirimi kapat, bildirim kapat,
        bildirimleri durdur, bildirimleri durdurun, bildirimi durdur, no reminders, reminders
        off, turn off reminders, turn reminders off, stop reminders, do not remind me, don't
        remind me, dont remind me, i do not want reminders, i don't want reminders
    """,
        "code_help": """
        hes kodu nasıl alınır, hes nasıl alınır, hes kodu al, hes kodu almak, kod al, hes al,
        kod nasıl alınır, kod nasıl alırım, hes kodu nasıl alırım, hes kodum yok, kodum yok, hes
        kodunu nasıl alırım, hes kodumu nasıl öğrenirim, hes kodu nereden alınır, hes yok, kodu
        nereden alacağım, hes kodunu nereden alacağım, hes kodu nasıl alabilirim, hes kodu nasıl
        alacağım, hes kodu nasıl alıcam, hes kodu nedir, hes kodu ne, hes nedir, hes ne, hes
        kodum yok nasıl alırım, hes kodu yok, kod yok, hesim yok, hes kodu lazım, hes kodumu
        bilmiyorum, hes kodumu bulamıyorum, hes kodu oluştur, hes kodu alma, hes kodumu unuttum,
        kodu nasıl alacağım, get a code, how do i get a code, hes kodumu nasıl alırım, kodum
        nerede, hes kodum nerede, get a hes code,
        nasıl alınır, nasıl alırım, nasıl alacağım, nasıl alıcam, nasıl alcam, nasıl alabilirim,
        nereden alınır, nereden alırım, nerden alırım, nereden alacağım, nerden alıcam, nereden
        alabilirim,
        i don't have a code, i don't have hes code, i don't have a hes code, i have no hes
        code, i have no code, no code, no hes code
    """,
        "full_text": """
        metin, metni oku, metnin tamamı, metnin tamamını oku, metnin tamamını göster, tam metin,
        metnin tümü, metni göster, metni görmek, oku, okumak, tamamı, tamamını oku, tümünü oku,
        tamamını göster, tamamını gör, aydınlatma metni, aydınlatma metnini oku, sözleşme,
        aydınlatma, kvkk, kvkk metni, sözleşmeyi oku, sözleşmeyi göster, sözleşme metni,
        sözleşmenin tamamı, çerçeve sözleşme, çerçeve sözleşmesi, kullanım koşulları, koşullar,
        koşulları oku, şartlar, şartları oku, gizlilik, gizlilik metni, full text, read, terms,
        privacy, privacy notice, gizlilik politikası, kullanım şartları
    """,
        "keep": """
        aynı kalsın, aynısı kalsın, olduğu gibi kalsın, böyle kalsın, öyle kalsın, aynı, aynısı,
        değişmesin, değiştirme, değiştirmeyin, değişiklik yok, bu kalsın, eskisi kalsın, keep,
        keep it, same
    """,
        "none": """
        yok, yoktur, yok ki, bende yok, benim yok, hiç yok, mevcut değil, bulunmuyor, none,
        soyadım yok, soyadı yok, soyad yok, soyismim yok, soyisim yok, soy ismim yok, e-postam
        yok, eposta yok, e-posta yok, epostam yok, e posta adresim yok, maili yok, mail yok,
        mailim yok, e-mail yok, e-mailim yok, email yok, emailim yok, mail adresim yok, eposta
        adresim yok, email adresim yok, e-mail adresim yok, posta yok, postam yok, e-posta
        kullanmıyorum, mail kullanmıyorum, kullanmıyorum, adresim yok, yoktur bende, no surname,
        no email, i have none, -,
        yok bende, mailim yok benim, mail adresim yok benim, e-postam yok benim, benim mailim
        yok, benim e-postam yok, i don't have an email, i don't have one, i dont have one, i
        dont have an email, i don't have any, i do not have one, i do not have an email, n/a,
        boş, boş bırak, boş geç, atla, skip, i have no email, i have no surname
    """,
        "thanks": """
        teşekkür, teşekkürler, teşekkür ederim, teşekkür ederiz, çok teşekkürler, tşk, tşkler,
        çok teşekkür ederim, tesekkurlr, tşkkr, tşkkrler, sağol, sağ ol, sağolun, sağ olun, çok
        sağol, çok sağ ol, çok sağolun, eyvallah, eyv, allah razı olsun, saol, elinize sağlık,
        ellerinize sağlık, elinize kolunuza sağlık, mersi, thanks, thank you, thx, ty,
        minnettarım, süper, harika, 🙏, ❤, 🌹, 😊
    """,
        "greeting": """
        merhaba, merhabalar, mrb, mrhb, meraba, merhba, selam, selamlar, slm, sa, s a, as, a s,
        selamün aleyküm, selamın aleyküm, aleyküm selam, günaydın, iyi günler, iyi akşamlar, iyi
        geceler, iyi çalışmalar, kolay gelsin, tünaydın, hayırlı günler, hayırlı sabahlar,
        hayırlı akşamlar, hayırlı işler, nasılsın, nasılsınız, hoş bulduk, naber, hi, hello,
        hey, good morning, alo, 👋
    """,
        "why": """
        neden, niye, niçin, neden soruyorsunuz, neden soruyorsun, niye soruyorsunuz, ne için,
        niye soruyorsun, neden istiyorsunuz, niye istiyorsunuz, neden gerekli, niye gerekli,
        neden lazım, niye lazım, ne gerek var, gerek var mı, şart mı, zorunlu mu, gerekli mi,
        mecbur muyum, bunu neden soruyorsunuz, bunu niye soruyorsunuz, sebep, neden gerekiyor,
        bu neden gerekli, niçin soruyorsunuz, size ne, sana ne, why
    """,
        "stop": """
        dur, durdur, durun, durdurun, çık, çıkış, çıkmak, abonelikten çık, abonelik iptal,
        aboneliği iptal et, aboneliği durdur, mesaj atma, mesaj atmayın, mesaj istemiyorum,
        mesaj göndermeyin, bir daha yazmayın, yazmayın, yazma, listeden çık, stop, unsubscribe,
        stop all, stopall, quit, end, rahatsız etmeyin, beni rahatsız etmeyin
    """,
        "anger": """
        aptal, aptallar, salak, salaklar, gerizekalı, gerizekalılar, ahmak, dangalak, şerefsiz,
        şerefsizler, namussuz, haysiyetsiz, ahlaksız, terbiyesiz, edepsiz, pislik, rezil,
        rezillik, rezalet, saçmalık, saçmalama, lanet, kahrolsun, kahretsin, defol, defolun,
        siktir, siktirgit, sikeyim, sikerim, sikicem, sikik, amk, aq, amq, amına, amına koyim,
        amcık, orospu, orospuçocuğu, oç, piç, piçler, pezevenk, kahpe, puşt, ibne, gavat,
        yavşak, götveren, gerzek, yarrak, bok, boktan, hıyar, ulan, hassiktir, hasiktir,
        dolandırıcı, dolandırıcılar, hırsız, hırsızlar, ananı, avradını, fuck, shit, 🤬, 😡, 🖕
    """,
        "human": """
        insan, insanla görüş, insan ile görüşmek, insanla görüşmek, bir insanla görüşmek,
        insanla konuşmak, biriyle görüşmek, biriyle konuşmak, birisiyle görüşmek, bir insan,
        canlı destek, canlı yardım, temsilci, temsilciye bağlan, temsilciye bağla, temsilci ile
        görüşmek, temsilciyle görüşmek, bir temsilciyle görüşmek, müşteri temsilcisi, müşteri
        temsilcisine bağlan, müşteri temsilcisiyle görüşmek, müşteri temsilcisi ile görüşmek,
        yetkili, yetkili biri, yetkiliyle görüşmek, bir yetkiliyle görüşmek, yetkili ile
        görüşmek, yetkiliye bağlan, müşteri hizmetleri, müşteri hizmetlerine bağlan, müşteri
        hizmetlerine bağla, gerçek kişi, gerçek bir kişi, gerçek insan, gerçek biriyle görüşmek,
        operatör, operatöre bağlan, operatöre bağla, telefon numaranız, telefon numaranız ne,
        telefon numaranız nedir, telefon numaranız var mı, numaranız ne, çağrı merkezi, çağrı
        merkezi numarası, sizi arayabilir miyim, human, a human, agent, operator, real person, a
        real person, talk to a human, talk to a person, speak to a human, speak to a person, i
        want to talk to a human, i want to speak to a human, call center, call centre, customer
        service, customer support, representative,
        temsilciye bağlanmak, müşteri hizmetlerine bağlanmak, müşteri hizmetleri ile
        görüşmek, gerçek biriyle konuşmak, gerçek bir insanla konuşmak, gerçek kişiyle
        görüşmek, yetkiliyle konuşmak
    """,
    }
)
"""Key of a meaning → its spellings."""

NAMES_TOO = """
    metin, günaydın, ok, doğru, ileri, hadi, bilgi, destek, ulan, imdat, insan
"""
"""Words of the above that are people's names as well, and likelier so where a name is asked."""

ASKING = """
    nerede, nerde, nereden, nerden, nasıl, ne, nedir, neresi, hangi, hangisi, kim, niye, neden,
    niçin, kaç, mi, mı, where, how, what, which, why, who
"""
"""Words that make a text a question."""

PUTTING_OFF = """
    yanımda yok, yanımda değil, akşam yaz, sonra yaz, yarın yaz, sonra bak, akşam bak, yarın bak,
    sonra al, akşam al, yarın al, evde kald
"""
"""Beginnings of what people say who will come back later."""

COURTESIES = """
    lütfen, lutfn, istiyorum, istiyom, isterim, efendim, hocam, abi, abicim, abla, canım, kardeşim,
    kardeş, kanka, dostum, beyefendi, hanımefendi, bey, hanım, ya, be, ama, artık, şimdi, hemen,
    teşekkürler, sağol, sağolun, ederim, teşekkür, merhaba, selam, please, hadi, bence, tabii,
    maalesef, malesef, evladım, yavrum, kızım, oğlum, çocuğum, kuzum, iyi, inşallah, vallahi, valla,
    güzelim, amca, teyze, pls, plz, sana, zahmet, olmazsa, then
"""
"""Words that change nothing before or after what is meant."""

FILLERS = "in, olsun, konuş, konuşun, konuşalım, speak, dilinde"
"""Words around the name of a language: "türkçe olsun", "in english"."""

DOTLESS = """
    açıkgöz, akın, akıncı, alıcı, alkış, altın, altınok, altıntaş, arı, arık, arıkan, aslı,
    atılgan, aydın, aydıntaş, bakır, balcı, bıyık, bıyıklı, cansın, çakır, çınar, dalkılıç, dağlı,
    fırat, hıdır, ırmak, ışık, ışıl, kayıkçı, kılıç, kılıçarslan, kılınç, kınalı, kır, kırmızı,
    kıvanç, kıymet, kızılkaya, mısra, nazlı, pınar, rıdvan, rıfat, rıza, sadık, sarı, sarıkaya,
    satılmış, saygın, sıddık, sıdıka, sıla, sırma, şanlı, tarık, varlık, yakın, yalçın, yalım,
    yalın, yazıcı, yıldırım, yıldız, yılmaz
"""
"""Common names with a dotless ı, which a text in plain capitals does not show."""

DOTTED = """
    çiftçi, çilingir, dinç, şadi, şadiye, şahin, şahinoğlu, şakir,
    şakire, şirin, şazimet, şaziye
"""
"""Common names with an i that vowel harmony would take for an ı."""

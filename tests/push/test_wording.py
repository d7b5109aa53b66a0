"""What stands on a lock screen, where anybody may read it."""

import pytest

from push.notice import NoticeKind, collapse_class
from push.wording import lock_screen

LANGUAGES = ("en", "ru", "it", "zh")

# Parts of words, so that every inflection is caught. Also money, and the words for a person's record.
CANARIES = {
    "en": "tooth teeth dent dental implant crown caries filling root canal x-ray xray surgery pain gum treat diagnos "
    "ortho brace hygien therap price cost debt pay €",
    "ru": "зуб имплант коронк кариес пломб канал снимок рентген хирург боль десн лечен диагноз ортодонт брекет гигиен "
    "терап цен долг оплат стоматолог ₽",
    "it": "dent impianto corona carie ottur canalar radiograf lastra chirurg dolor gengiv cura diagnos ortodon igien "
    "terap prezzo costo debito paga €",
    "zh": "牙 齿 种植 冠 龋 补 根管 拍片 手术 疼 痛 治疗 诊断 正畸 洁 价 费 付款 ￥",
}  # fmt: skip


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_clinical_word_stands_on_a_lock_screen(kind: NoticeKind, language: str) -> None:
    title, text = lock_screen(kind, language)
    shown = f"{title} {text}".lower()
    assert [canary for canary in CANARIES[language].split() if canary in shown] == []


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_has_words_of_its_own_language(kind: NoticeKind) -> None:
    assert len({lock_screen(kind, language) for language in LANGUAGES}) == len(LANGUAGES)


def test_a_phones_locale_finds_its_language_and_an_unknown_one_reads_english() -> None:
    assert lock_screen(NoticeKind.CHAT, "it-CH") == lock_screen(NoticeKind.CHAT, "it")
    assert lock_screen(NoticeKind.CHAT, "zh_Hant_TW") == lock_screen(NoticeKind.CHAT, "zh")
    assert lock_screen(NoticeKind.CHAT, "fr-FR") == lock_screen(NoticeKind.CHAT, "en")


def test_a_phone_is_asked_to_keep_no_more_than_four_collapse_classes() -> None:
    assert len({collapse_class(kind) for kind in NoticeKind}) <= 4

"""The texts that come with Enamel for single steps: all there in four languages, and none that tells too much."""

import re
from collections.abc import Iterator

import pytest

from core.ids import new_id
from push.group import Group
from push.length import LONGEST_SUBJECT, as_sent, length_fault, length_of
from push.named_words import NamedWords, Spoken, named_words, words_named
from push.notice import WORDING, NoticeKind
from push.preview import made_up
from push.ready_wording import LANGUAGES, ready_words
from push.render import Facts, rendered
from push.template import Template, TemplateDraft, Tone, template_faults
from push.variables import LONGEST, PRIVACY, Mode, Privacy, Variable, filled, of_kind, variables, wording_faults

# Of what a clinic does, what it costs and what is owed: never outside the app. As parts of words, in small letters.
TELLING = {
    "en": "tooth teeth dental dentist implant hygien clean caries cavity canal crown extract treat diagnos surgery "
    "x-ray price cost pay debt owe money invoice estimate discount %",
    "ru": "зуб стомат имплант гигиен чистк кариес канал коронк удален лечен диагноз операци снимок цен стоим "
    "оплат долг должн деньг счёт счет смет скидк %",
    "it": "dent impiant igien pulizia carie canal corona estra cura terap diagnos chirurg radiograf prezz cost "
    "pag debit sold fattur preventiv sconto %",
    "zh": "牙 齿 种植 洁治 洗 龋 根管 冠 拔 治疗 诊断 手术 片 价 费 付 欠 债 钱 账单 报价 折",
}
# Words in which such a part stands and means something else.
INNOCENT = {"ru": ("недолг",), "it": (), "en": (), "zh": ("卡片", "评价")}
SEGMENTS = {"en": 3, "it": 3, "ru": 5, "zh": 4}
"""Of an SMS with its links, the way out and the longest name of a clinic; without one that name is one line."""

WHOLE = [(name, language, tone) for name in named_words() for language in LANGUAGES for tone in Tone]


def spoken(name: str, language: str, tone: Tone) -> Spoken:
    words: Spoken = getattr(named_words()[name].spoken(language), tone.value)
    return words


def texts(name: str, language: str, tone: Tone) -> Iterator[tuple[Group, str]]:
    """Every text of it, with the most public way on which it is said."""
    words = spoken(name, language, tone)
    yield from [(Group.PUSH, words.text), (Group.SMS, words.text), (Group.EMAIL, words.mail)]
    yield from [(group, text) for group, text in _fuller(words) if text]


def _fuller(words: Spoken) -> list[tuple[Group, str]]:
    return [
        (Group.PUSH, words.when), (Group.SMS, words.when), (Group.EMAIL, words.mail_when), (Group.CHAT, words.chat)
    ]  # fmt: skip


def test_there_are_words_for_every_step_that_comes_with_enamel() -> None:
    assert len(named_words()) >= 34
    assert all(re.fullmatch(WORDING, name) for name in named_words())


@pytest.mark.parametrize(("name", "language", "tone"), WHOLE)
def test_each_may_be_said_wherever_it_is(name: str, language: str, tone: Tone) -> None:
    kind = named_words()[name].kind
    for group, text in texts(name, language, tone):
        assert text == text.strip()
        assert wording_faults(text, kind, group) == [], text
        assert Variable.LINK not in variables(text), "it stands below"
    title = named_words()[name].spoken(language).title
    assert title
    assert not variables(title), "it stands above the clinic's own texts too"
    assert len(title) <= LONGEST_SUBJECT
    words = spoken(name, language, tone)
    for least in (words.text, words.mail):
        assert {PRIVACY[each] for each in variables(least)} <= {Privacy.PUBLIC}
    assert variables(words.mail_when)


@pytest.mark.parametrize(("name", "language", "tone"), WHOLE)
@pytest.mark.parametrize("mode", Mode)
def test_each_is_said_to_everybody_and_fits(name: str, language: str, tone: Tone, mode: Mode) -> None:
    """To somebody made up, with the longest names there are, and to somebody of whom only the clinic is known."""
    kind = named_words()[name].kind
    whole = made_up(kind, language, tone, mode, name)
    longest = {each: "x" * LONGEST[each] for each in of_kind(kind)}
    people = (
        whole,
        Facts(kind, language, tone, mode, longest, name),
        Facts(kind, language, tone, mode, {Variable.CLINIC_NAME: "Studio"}, name),
    )
    for facts in people:
        for group in Group:
            said = rendered(facts, group, [], 0)
            named = [filled(text, facts.values) for _, text in _sayable(facts, group)]
            assert said.text in named, "and not the words of the kind"
            assert "{{" not in said.title + said.text
            sent = as_sent(group, kind, "", said.text, longest[Variable.LINK])
            assert length_fault(group, said.title, sent) is None
            if group is Group.SMS:
                assert (length_of(group, "", sent).segments or 0) <= SEGMENTS[language], sent


def _sayable(facts: Facts, group: Group) -> list[tuple[str, str]]:
    every = words_named(facts.wording, group, facts.language, facts.tone, facts.mode)
    return [(title, text) for title, text in every if variables(title + text) <= set(facts.values)]


@pytest.mark.parametrize(("name", "language", "tone"), WHOLE)
def test_nothing_of_what_the_clinic_does_or_takes_for_it_is_told(name: str, language: str, tone: Tone) -> None:
    title = named_words()[name].spoken(language).title
    for text in (title, *(text for _, text in texts(name, language, tone))):
        plain = re.sub(r"\{\{.*?\}\}", "", text).lower()
        for word in INNOCENT[language]:
            plain = plain.replace(word, "")
        assert [part for part in TELLING[language].split() if part in plain] == [], text


def test_no_two_say_the_same() -> None:
    """A name would be for nothing; and nobody is told the same in the second message as in the first."""
    for language in LANGUAGES:
        for tone in Tone:
            said = [spoken(name, language, tone).text for name in named_words()]
            assert len(set(said)) == len(said)


def test_both_tones_and_all_languages_are_their_own() -> None:
    for words in named_words().values():
        every = [getattr(words, language) for language in LANGUAGES]
        assert len({each.title for each in every}) == len(LANGUAGES)
        assert all(re.search(r"[а-я]", getattr(words.ru, tone.value).text) for tone in Tone)
        assert all(re.search(r"[\u4e00-\u9fff]", getattr(words.zh, tone.value).text) for tone in Tone)


@pytest.mark.parametrize("pronoun", [("ru", r"\b(ты|теб\w*|тво\w*)\b", r"\b(Вы|Вас|Вам|Ваш\w*)\b"), ("zh", "你", "您")])
def test_nobody_is_addressed_in_two_ways_at_once(pronoun: tuple[str, str, str]) -> None:
    language, familiar, polite = pronoun
    for name in named_words():
        formal, informal = (" ".join(vars_of(spoken(name, language, tone))) for tone in (Tone.FORMAL, Tone.INFORMAL))
        assert not re.search(familiar, formal), formal
        assert not re.search(polite, informal.replace("您好", "")), informal


def vars_of(words: Spoken) -> list[str]:
    return [words.text, words.when, words.mail, words.mail_when, words.chat]


def facts(wording: str = "check-up-recall", kind: NoticeKind = NoticeKind.RECALL, mode: Mode = Mode.GENERIC) -> Facts:
    return made_up(kind, "en", Tone.FORMAL, mode, wording)


def own(text: str, wording: str, group: Group = Group.SMS, **more: str) -> Template:
    kind = NoticeKind.RECALL
    draft = TemplateDraft(kind=kind, wording=wording, channel=group, language="en", text=text, **more)
    assert template_faults(draft) == []
    return Template(new_id(), 1, draft)


def test_what_is_nearer_to_the_step_is_said_first() -> None:
    of_step, of_kind_ = own("Of the step", "check-up-recall"), own("Of the kind", "")
    said = [rendered(facts(), Group.SMS, known, 0).text for known in ([of_step, of_kind_], [of_kind_], [])]
    assert said[0] == "Of the step"
    assert said[1] == said[2] == f"Studio Rossi: {spoken('check-up-recall', 'en', Tone.FORMAL).text}"
    unknown = [rendered(facts("of-the-clinic"), Group.SMS, known, 0).text for known in ([of_step, of_kind_], [])]
    generic = ready_words(NoticeKind.RECALL, Group.SMS, "en", Tone.FORMAL, Mode.GENERIC)[1]
    assert unknown == ["Of the kind", filled(generic, facts().values)]
    assert rendered(facts(""), Group.SMS, [of_step], 0).template_id is None, "it is of another wording"


def test_a_name_of_the_clinics_own_needs_no_words_of_ours() -> None:
    mine = own("Ours is a round year", "round-year")
    assert rendered(facts("round-year"), Group.SMS, [mine], 0).template_id == mine.id


def test_a_lock_screen_shows_the_titles_of_the_step_above_the_clinics_text() -> None:
    said = rendered(facts(), Group.PUSH, [own("Come and see us", "check-up-recall", Group.PUSH)], 0)
    assert (said.title, said.text) == ("Time for a check-up", "Come and see us")


def test_whatsapp_says_what_it_has_approved_before_any_words_of_ours() -> None:
    """Outside a conversation it carries nothing else."""
    approved = {"approved_name": "recall", "approved_language": "en", "text": ""}
    draft = TemplateDraft(kind=NoticeKind.RECALL, channel=Group.WHATSAPP, language="en", **approved)
    said = rendered(facts(), Group.WHATSAPP, [Template(new_id(), 1, draft)], 0)
    assert said.approved is not None
    assert rendered(facts(), Group.WHATSAPP, [], 0).approved is None


def test_words_of_another_kind_are_said_as_far_as_their_values_are_known() -> None:
    said = rendered(facts("visit-remind", mode=Mode.WHEN), Group.SMS, [], 0)
    assert said.text == f"Studio Rossi: {spoken('visit-remind', 'en', Tone.FORMAL).text}"


def test_in_the_chat_they_tell_what_they_are_about() -> None:
    known = facts("visit-remind", NoticeKind.REMINDING)
    assert rendered(known, Group.CHAT, [], 0).text.endswith("Centro: Hygiene, Dr. Bianchi.")
    lacking: dict[Variable, str] = {name: value for name, value in known.values.items() if name is not Variable.SERVICE}
    less = Facts(known.kind, "en", Tone.FORMAL, Mode.GENERIC, lacking, known.wording)
    assert rendered(less, Group.CHAT, [], 0).text == "We look forward to seeing you soon."


def test_a_file_that_lacks_a_language_is_refused() -> None:
    whole = named_words()["birthday"].model_dump(mode="json")
    with pytest.raises(ValueError, match="zh"):
        NamedWords.model_validate({name: value for name, value in whole.items() if name != "zh"})

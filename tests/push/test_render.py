"""What a notice says: own words where they may be said, ready ones everywhere else, variants by their weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from push.group import Group
from push.length import length_fault
from push.notice import NoticeKind
from push.ready_wording import LANGUAGES, ready_words
from push.render import Facts, rendered
from push.template import Template, TemplateDraft, Tone, chosen, drawn, template_faults
from push.variables import LONGEST, PRIVACY, Mode, Privacy, Variable, filled, of_kind, readable, variables

CANARY = {name: f"canary-{name.value}" for name in Variable}


def facts(kind: NoticeKind = NoticeKind.VISIT, mode: Mode = Mode.GENERIC, language: str = "en") -> Facts:
    return Facts(kind, language, Tone.FORMAL, mode, {name: CANARY[name] for name in of_kind(kind)})


def template(group: Group, text: str, title: str = "", weight: int = 1, variant: str = "a") -> Template:
    draft = TemplateDraft(
        kind=NoticeKind.VISIT, channel=group, language="en", title=title, text=text, weight=weight, variant=variant
    )
    return Template(new_id(), 1, draft)


@pytest.mark.parametrize("group", Group)
@pytest.mark.parametrize("kind", NoticeKind)
def test_there_are_ready_words_for_every_kind_and_way_and_nobody_reads_too_much_in_them(
    kind: NoticeKind, group: Group
) -> None:
    for language in LANGUAGES:
        for tone in Tone:
            for mode in Mode:
                title, text = ready_words(kind, group, language, tone, mode)
                assert text
                assert all(PRIVACY[name] in readable(group, mode) for name in variables(text))
                assert all(PRIVACY[name] in readable(group, mode, subject=True) for name in variables(title))
                longest = {name: "я" * LONGEST[name] for name in of_kind(kind)}
                assert length_fault(group, filled(title, longest), filled(text, longest)) is None


@given(
    kind=st.sampled_from(NoticeKind), group=st.sampled_from([each for each in Group if each is not Group.CHAT]),
    mode=st.sampled_from(Mode), names=st.lists(st.sampled_from(Variable), max_size=6),
    titles=st.lists(st.sampled_from(Variable), max_size=2), language=st.sampled_from(LANGUAGES),
)  # fmt: skip
def test_whatever_is_written_no_value_is_read_by_who_may_not(
    kind: NoticeKind, group: Group, mode: Mode, names: list[Variable], titles: list[Variable], language: str
) -> None:
    """Also of a template that was kept before a variable became more private: it is asked again as it is said."""
    draft = TemplateDraft(
        kind=kind, channel=group, language=language,
        title=" ".join(f"{{{{{name.value}}}}}" for name in titles),
        text=" ".join(f"{{{{{name.value}}}}}" for name in names) or "x",
        approved_name="x", approved_language="en", approved_values=names,
    )  # fmt: skip
    said = rendered(facts(kind, mode, language), group, [Template(new_id(), 1, draft)], 0)
    values = said.approved.values if said.approved else ()
    for name, privacy in PRIVACY.items():
        if privacy not in readable(group, mode):
            assert CANARY[name] not in f"{said.title} {said.text} {values}"
        if privacy is not Privacy.PUBLIC:
            assert CANARY[name] not in said.title or group is Group.PUSH
    assert "{{" not in said.title + said.text


def test_a_value_that_is_not_known_when_it_is_said_gives_the_ready_words() -> None:
    own = template(Group.SMS, "On {{visit_day}}")
    known = facts(mode=Mode.WHEN)
    without = Facts(known.kind, "en", Tone.FORMAL, Mode.WHEN, {Variable.CLINIC_NAME: "Studio"})
    assert rendered(known, Group.SMS, [own], 0).template_id == own.id
    said = rendered(without, Group.SMS, [own], 0)
    assert (said.template_id, said.text) == (None, "Studio: there is news about your visit.")


def test_braces_in_a_value_mean_nothing() -> None:
    values = {Variable.CLINIC_NAME: "{{service}}", Variable.SERVICE: "Root canal"}
    said = rendered(Facts(NoticeKind.VISIT, "en", Tone.FORMAL, Mode.WHEN, values), Group.SMS, [], 0)
    assert "Root canal" not in said.text


def test_a_patient_gets_the_same_variant_for_ever_and_all_of_them_by_the_weights() -> None:
    key, patient = b"k" * 32, new_id()
    variants = [template(Group.SMS, "A", variant="a", weight=1), template(Group.SMS, "B", variant="b", weight=3)]
    drawn_of = [chosen(variants, drawn(key, new_id(), patient)) for _ in range(4_000)]
    share = sum(each is variants[1] for each in drawn_of) / len(drawn_of)
    assert 0.70 < share < 0.80
    notice = new_id()
    assert len({drawn(key, notice, patient) for _ in range(3)}) == 1
    assert drawn(b"other", notice, patient) != drawn(key, notice, patient)
    assert chosen(variants, 5) is chosen(list(reversed(variants)), 5)
    assert chosen([], 5) is None


def test_a_text_that_is_kept_can_be_said() -> None:
    own = template(Group.EMAIL, "{{patient_name}} {{visit_day}} {{link}}", "{{clinic_name}}")
    assert template_faults(own.draft) == []
    said = rendered(facts(mode=Mode.WHEN), Group.EMAIL, [own], 0)
    assert (said.template_id, said.says_link) == (own.id, True)

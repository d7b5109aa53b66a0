"""What one notice says on one way: the clinic's own text where it may be said to this patient, else the ready one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from push.channel import Words
from push.group import Group
from push.length import as_sent, length_fault
from push.notice import NoticeKind
from push.ready_wording import ready_words
from push.template import Template, Tone, chosen
from push.variables import PRIVACY, Mode, Variable, filled, readable, variables


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when it is said. What is not known, or empty, is not in `values`."""

    kind: NoticeKind
    language: str
    tone: Tone
    mode: Mode
    values: Mapping[Variable, str]


@dataclass(frozen=True, slots=True)
class Rendered:
    """`template_id` and `version` of the clinic's own text; None where it is a ready one."""

    title: str
    text: str
    approved: Words | None = None
    template_id: UUID | None = None
    version: int | None = None
    variant: str = ""
    says_link: bool = False
    """The text has the link in it: it need not stand below once more."""


def rendered(facts: Facts, group: Group, templates: Sequence[Template], draw: int) -> Rendered:
    """`templates`: all of the clinic; `draw`: see `push.template.drawn`. It never fails: what cannot be said as the
    clinic wrote it (too private for this patient, a value that is not known, too long) is said generically.
    """
    own = chosen([each for each in templates if _is_meant(each, facts, group)], draw)
    if own is not None and (said := _own(own, facts, group)):
        return said
    for mode in dict.fromkeys((facts.mode, Mode.GENERIC)):
        title, text = ready_words(facts.kind, group, facts.language, facts.tone, mode)
        if _may_say(title, text, facts, group):
            return Rendered(filled(title, facts.values), filled(text, facts.values))
    # Not even the clinic's name is known: words that have no place to fill.
    title, text = ready_words(facts.kind, Group.PUSH, facts.language, facts.tone, Mode.GENERIC)
    return Rendered(title if group in {Group.PUSH, Group.EMAIL} else "", text)


def _is_meant(template: Template, facts: Facts, group: Group) -> bool:
    draft = template.draft
    return (draft.kind, draft.channel, draft.language, draft.tone) == (facts.kind, group, facts.language, facts.tone)


def _own(template: Template, facts: Facts, group: Group) -> Rendered | None:
    draft, named = template.draft, (template.id, template.version, template.draft.variant)
    if group is Group.WHATSAPP:
        if not _may_all(frozenset(draft.approved_values), facts, group, subject=False):
            return None
        values = tuple(facts.values[each] for each in draft.approved_values)
        return Rendered("", "", Words(draft.approved_name, draft.approved_language, values), *named, says_link=True)
    if not _may_say(draft.title, draft.text, facts, group):
        return None
    title, text = filled(draft.title, facts.values), filled(draft.text, facts.values)
    link = facts.values.get(Variable.LINK, "")
    if length_fault(group, title, as_sent(group, draft.kind, draft.text, text, link)):
        return None
    if group is Group.PUSH and not title:
        title = ready_words(facts.kind, group, facts.language, facts.tone, Mode.GENERIC)[0]
    return Rendered(title, text, None, *named, says_link=Variable.LINK in variables(draft.text))


def _may_say(title: str, text: str, facts: Facts, group: Group) -> bool:
    return _may_all(variables(text), facts, group, subject=False) and _may_all(
        variables(title), facts, group, subject=True
    )


def _may_all(names: frozenset[Variable], facts: Facts, group: Group, *, subject: bool) -> bool:
    shown = readable(group, facts.mode, subject=subject)
    return all(PRIVACY[each] in shown and facts.values.get(each) for each in names)

"""What one notice says on one way: the clinic's own text where it may be said to this patient, else the ready one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from push.channel import Words
from push.group import Group
from push.length import as_sent, length_fault
from push.named_words import words_named
from push.notice import NoticeKind
from push.ready_wording import ready_words
from push.template import Template, Tone, chosen, place_of
from push.variables import PRIVACY, Mode, Variable, filled, readable, variables


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when it is said. What is not known, or empty, is not in `values`."""

    kind: NoticeKind
    language: str
    tone: Tone
    mode: Mode
    values: Mapping[Variable, str]
    wording: str = ""


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
    """The clinic's texts of the notice's wording, else ready ones of it, else the clinic's of the kind, else ready ones
    of the kind.

    `templates`: all of the clinic; `draw`: see `push.template.drawn`. It never fails: what cannot be said as it is
    written (too private for this patient, a value that is not known, too long) is said more generically.
    """
    order = [(source, wording) for wording in dict.fromkeys((facts.wording, "")) for source in (_clinics, _ready)]
    if group is Group.WHATSAPP:
        # Outside a conversation it carries approved templates alone: the clinic's for the kind before words of ours.
        order.sort(key=lambda each: each[0] is _ready)
    for source, wording in order:
        if said := source(facts, group, wording, templates, draw):
            return said
    # Not even the clinic's name is known: words that have no place to fill.
    title, text = ready_words(facts.kind, Group.PUSH, facts.language, facts.tone, Mode.GENERIC)
    return Rendered(title if group in {Group.PUSH, Group.EMAIL} else "", text)


def _clinics(
    facts: Facts, group: Group, wording: str, templates: Sequence[Template], draw: int
) -> Rendered | None:  # fmt: skip
    """In the clinic's own words of this wording; of an empty one, of the kind."""
    place = (facts.kind.value, wording, group.value, facts.language, facts.tone.value)
    own = chosen([each for each in templates if place_of(each.draft) == place], draw)
    return _own(own, facts, group) if own is not None else None


def _ready(facts: Facts, group: Group, wording: str, *_: object) -> Rendered | None:
    """In those that come with Enamel, as much of it as this patient may be told here."""
    for title, text in _ready_texts(facts, group, wording):
        if _may_say(title, text, facts, group):
            return Rendered(filled(title, facts.values), filled(text, facts.values))
    return None


def _ready_texts(facts: Facts, group: Group, wording: str) -> Sequence[tuple[str, str]]:
    if wording:
        return words_named(wording, group, facts.language, facts.tone, facts.mode)
    modes = dict.fromkeys((facts.mode, Mode.GENERIC))
    return [ready_words(facts.kind, group, facts.language, facts.tone, mode) for mode in modes]


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
        title = next(iter(_ready_texts(facts, group, draft.wording) or _ready_texts(facts, group, "")))[0]
    return Rendered(title, text, None, *named, says_link=Variable.LINK in variables(draft.text))


def _may_say(title: str, text: str, facts: Facts, group: Group) -> bool:
    return _may_all(variables(text), facts, group, subject=False) and _may_all(
        variables(title), facts, group, subject=True
    )


def _may_all(names: frozenset[Variable], facts: Facts, group: Group, *, subject: bool) -> bool:
    shown = readable(group, facts.mode, subject=subject)
    return all(PRIVACY[each] in shown and facts.values.get(each) for each in names)

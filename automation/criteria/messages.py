"""Leaves of what was said and what happened: messages opened, events, and one without the other, consents."""

from automation.criteria.leaf import Leaf, in_window, shaped, told, window
from automation.criteria.meaning import Either, Elapsed, Meaning, Never, Some, Source, Without, says, until
from automation.criteria.said import CriterionKind, Said
from push.consent import GRANTED_UNASKED


def _opened(said: Said) -> Some:
    return Some(Source.NOTICE, says(kind=said.notice.value) if said.notice else (), window(said))


def _count(said: Said) -> Some:
    return Some(Source.EVENT, says(kind=told(said.event).value), window(said), at_least=told(said.at_least))


def _without(said: Said) -> Some:
    """The first happened, its time is over, and the second did not follow in it."""
    first, second, days = told(said.event), told(said.then_event), told(said.then_days)
    then = Without(Source.EVENT, says(kind=second.value), at_once=first is not second, within_days=days)
    return Some(Source.EVENT, says(kind=first.value), (*window(said), until(Elapsed(days))), (then,))


def _granted(said: Said) -> Meaning:
    """The last word is yes, of two at once the no; or nobody asked, and it needs no asking."""
    purpose, channel = told(said.purpose), told(said.channel)
    about = {"purpose": purpose.value, "channel": channel.value}
    taken_back = Without(Source.CONSENT, says(**about, said="no"), at_once=True)
    yes = Some(Source.CONSENT, says(**about, said="yes"), without=(taken_back,))
    if (purpose, channel) not in GRANTED_UNASKED:
        return yes
    return Either((yes, Never(Some(Source.CONSENT, says(**about)))))


MESSAGES = (
    Leaf(CriterionKind.MESSAGE_OPENED, in_window(may="notice"), _opened, clinical=False),
    Leaf(CriterionKind.EVENT_COUNT, in_window("event", "at_least"), _count, clinical=True),
    Leaf(CriterionKind.EVENT_WITHOUT, in_window("event", "then_event", "then_days"), _without, clinical=True),
    Leaf(CriterionKind.CONSENT_GRANTED, shaped("purpose", "channel"), _granted, clinical=False),
)

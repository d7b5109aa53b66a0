"""Leaves of visits: ahead, held, missed, called off, the first, and none for long."""

from automation.criteria.leaf import Leaf, before_window, in_window, older, shaped, told, window
from automation.criteria.meaning import NOW, Ago, All, Either, Line, Never, Some, Source, Without, says, since, until
from automation.criteria.said import CriterionKind, EventKind, Said
from clinic.appointment import STANDING, AppointmentStatus
from core.actor import ActorKind

_S = AppointmentStatus
_PAST = until(NOW)
STANDING_WORDS = frozenset(status.value for status in STANDING)
# The patient was in the house.
CAME = frozenset({_S.ARRIVED.value, _S.IN_CHAIR.value, _S.COMPLETED.value})
# The clinic meant them to come, whatever became of it.
MEANT = frozenset(status.value for status in AppointmentStatus) - {_S.DECLINED.value, _S.REQUESTED.value}
_BOOKING = frozenset({EventKind.APPOINTMENT_REQUESTED, EventKind.APPOINTMENT_BOOKED, EventKind.APPOINTMENT_CONFIRMED})
_CALL = EventKind.TASK_DONE.value
_PEOPLE = frozenset({ActorKind.PATIENT.value, ActorKind.STAFF.value})

AHEAD = Some(Source.VISIT, says(status=STANDING_WORDS), (Line(NOW, since=True),))


def _ahead_for(said: Said) -> Some:
    lines = (Line(NOW, since=True), until(Ago(-told(said.within_days))))
    return Some(Source.VISIT, says(status=STANDING_WORDS, service=told(said.service)), lines)


def visits(statuses: frozenset[str], *lines: Line, without: tuple[Without, ...] = (), at_least: int = 1) -> Some:
    """Visits of the past in one of these states."""
    return Some(Source.VISIT, says(status=statuses), (*lines, _PAST), without, at_least)


def _word(said: Said) -> frozenset[str]:
    return frozenset({told(said.visit_status).value})


def _last_is(said: Said) -> Some:
    """No later visit of the past was meant to be."""
    meant = MEANT | _word(said)
    return visits(_word(said), without=(Without(Source.VISIT, says(status=meant), (_PAST,)),))


def _missed_silent(said: Said) -> Some:
    """Missed so long ago, and since then nothing: no other visit, no booking, no word in the chat, no call."""
    silence = (
        Without(Source.VISIT, says(status=CAME | STANDING_WORDS)),
        Without(Source.EVENT, says(kind=frozenset(kind.value for kind in _BOOKING))),
        Without(Source.EVENT, says(kind=EventKind.MESSAGE_POSTED.value, actor=_PEOPLE)),
        Without(Source.EVENT, says(kind=_CALL)),
    )
    last = Without(Source.VISIT, says(status=_S.NO_SHOW.value))
    return visits(frozenset({_S.NO_SHOW.value}), older(said), without=(last, *silence))


def _never_came(said: Said) -> All:
    return All((visits(MEANT, *window(said)), Never(visits(CAME, *window(said)))))


def _first(said: Said) -> All:
    held = frozenset({_S.COMPLETED.value})
    return All((visits(held, *window(said)), Never(visits(held, before_window(said)))))


def _consultation_missed(said: Said) -> All:
    """Missed a visit in the window, and never came to any, nor was anything done."""
    missed = visits(frozenset({_S.NO_SHOW.value}), *window(said))
    return All((missed, Never(Either((visits(CAME), Some(Source.PROCEDURE))))))


def _asleep(said: Said) -> All:
    """Came once, and not for so many months."""
    line = Ago(months=told(said.months))
    return All((visits(CAME), Never(visits(CAME, since(line))), Never(AHEAD)))


def _count(said: Said) -> Some:
    return visits(_word(said), *window(said), at_least=told(said.at_least))


VISITS = (
    Leaf(CriterionKind.APPOINTMENT_AHEAD, shaped(), lambda _: AHEAD, clinical=False),
    # What a visit is for tells of a treatment.
    Leaf(CriterionKind.APPOINTMENT_AHEAD_FOR, shaped("service", "within_days"), _ahead_for, clinical=True),
    Leaf(CriterionKind.VISIT_COUNT, in_window("visit_status", "at_least"), _count, clinical=False),
    Leaf(CriterionKind.VISIT_LAST_IS, shaped("visit_status"), _last_is, clinical=False),
    Leaf(CriterionKind.VISIT_MISSED_SILENT, shaped("older_than_days"), _missed_silent, clinical=False),
    Leaf(CriterionKind.VISIT_NEVER_CAME, in_window(), _never_came, clinical=False),
    Leaf(CriterionKind.FIRST_VISIT, in_window(), _first, clinical=False),
    Leaf(CriterionKind.CONSULTATION_MISSED, in_window(), _consultation_missed, clinical=False),
    Leaf(CriterionKind.ASLEEP, shaped("months"), _asleep, clinical=False),
)

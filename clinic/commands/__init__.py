"""The verbs of the clinic: found it, admit people, open records, take visits in."""

from clinic.commands.access import (
    LINK_CODE_LIFE,
    LinkCodeWrong,
    NoRecordLinked,
    OwnRecordAlreadyLinked,
    grant_access,
    issue_link_code,
    redeem_link_code,
    revoke_access,
)
from clinic.commands.batch import (
    Taken,
    changed,
)
from clinic.commands.clinic import (
    LastManager,
    admit_staff,
    found_clinic,
    let_staff_go,
    open_branch,
)
from clinic.commands.patients import (
    hold_patients,
    take_patients,
)
from clinic.commands.visits import (
    TransitionNotAllowed,
    VisitDayNotBegun,
    VisitEndsBeforeItStarts,
    VisitNotBookable,
    VisitOfAnotherSystem,
    VisitOverlaps,
    book_visit,
    change_visit,
    take_appointments,
)

__all__ = [
    "LINK_CODE_LIFE",
    "LastManager",
    "LinkCodeWrong",
    "NoRecordLinked",
    "OwnRecordAlreadyLinked",
    "Taken",
    "TransitionNotAllowed",
    "VisitDayNotBegun",
    "VisitEndsBeforeItStarts",
    "VisitNotBookable",
    "VisitOfAnotherSystem",
    "VisitOverlaps",
    "admit_staff",
    "book_visit",
    "change_visit",
    "changed",
    "found_clinic",
    "grant_access",
    "hold_patients",
    "issue_link_code",
    "let_staff_go",
    "open_branch",
    "redeem_link_code",
    "revoke_access",
    "take_appointments",
    "take_patients",
]

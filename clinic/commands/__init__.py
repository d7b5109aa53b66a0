"""The verbs of the clinic: found it, admit people, open records, take visits in."""

from clinic.commands.access import (
    AccessEndsInThePast,
    AccessTooNarrow,
    NoRecordLinked,
    OwnRecordAlreadyLinked,
    TooYoungForPrivate,
    WardNotOfAge,
    WardOfAge,
    block_access,
    change_access,
    give_up_ward,
    grant_access,
    keep_private,
    lift_block,
    revoke_access,
    shut_out,
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
from clinic.commands.guardians import take_guardians
from clinic.commands.link_codes import LINK_CODE_LIFE, LinkCodeWrong, issue_link_code, redeem_link_code
from clinic.commands.patients import (
    hold_named_patients,
    hold_patient,
    hold_patients,
    take_patients,
)
from clinic.commands.visit_sync import take_appointments
from clinic.commands.visits import (
    TransitionNotAllowed,
    VisitDayNotBegun,
    VisitEndsBeforeItStarts,
    VisitNotBookable,
    VisitOfAnotherSystem,
    VisitOverlaps,
    book_visit,
    change_visit,
    move_visit,
)

__all__ = [
    "LINK_CODE_LIFE",
    "AccessEndsInThePast",
    "AccessTooNarrow",
    "LastManager",
    "LinkCodeWrong",
    "NoRecordLinked",
    "OwnRecordAlreadyLinked",
    "Taken",
    "TooYoungForPrivate",
    "TransitionNotAllowed",
    "VisitDayNotBegun",
    "VisitEndsBeforeItStarts",
    "VisitNotBookable",
    "VisitOfAnotherSystem",
    "VisitOverlaps",
    "WardNotOfAge",
    "WardOfAge",
    "admit_staff",
    "block_access",
    "book_visit",
    "change_access",
    "change_visit",
    "changed",
    "found_clinic",
    "give_up_ward",
    "grant_access",
    "hold_named_patients",
    "hold_patient",
    "hold_patients",
    "issue_link_code",
    "keep_private",
    "let_staff_go",
    "lift_block",
    "move_visit",
    "open_branch",
    "redeem_link_code",
    "revoke_access",
    "shut_out",
    "take_appointments",
    "take_guardians",
    "take_patients",
]

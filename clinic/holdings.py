"""What the clinic package holds of a person: for copies of a record and for erasures."""

import clinic.tables  # noqa: F401  who copies or erases must know them
from clinic.request import BELONGS_TO
from core.holding import Fate, Holding

# A name, a number, a birthday: what makes a record somebody's. 1900 is nobody's birthday.
_NOBODY = {
    "given_name": "''", "family_name": "''", "phone": "null", "email": "null", "birth_date": "date '1900-01-01'",
    "external_id": "id::text", "content_hash": "''", "erased_at": "now()",
}  # fmt: skip
# What somebody else's access must extend to, to see what was asked.
_ASKED = " ".join(["case kind", *(f"when '{kind}' then '{scope}'" for kind, scope in BELONGS_TO.items()), "end"])
_CAME = "case status when 'completed' then ends_at end"

HOLDINGS: tuple[Holding, ...] = (
    Holding("patient", Fate.SHELL, person="id", becomes=_NOBODY),
    Holding("access", Fate.RESTRICT, own=True, concealed=frozenset({"block_reason"})),
    Holding("guardian", Fate.RESTRICT, own=True, concealed=frozenset({"phone"})),
    Holding("link_code", Fate.ERASE, untold="spent or waiting proofs, no facts"),
    Holding("appointment", Fate.RESTRICT, treated=_CAME),
    Holding(
        "patient_request", Fate.RESTRICT, scope_of_row=_ASKED,
        hidden_by=(("subject_id", "appointment"), ("subject_id", "plan")),
    ),
    Holding("waiting_entry", Fate.ERASE, scope="book"),
    Holding("slot_offer", Fate.ERASE, scope="book"),
    Holding("calendar_feed", Fate.ERASE, own=True, omit=frozenset({"token_hash"})),
    Holding("privacy_export", Fate.ERASE, own=True, omit=frozenset({"link_hash"})),
    Holding("erasure", Fate.CODES, untold="made only when nobody is left to ask"),
    Holding(
        "legal_hold", Fate.RESTRICT, untold="of the clinic's lawyers; told to the patient when an erasure is refused"
    ),
)  # fmt: skip

"""What the cabinet package holds of a person: chart, plans, money, coupons."""

from collections.abc import Sequence
from uuid import UUID

from cabinet.document import DocumentState
from cabinet.tables import (  # noqa: F401  who copies or erases must know them
    account,
    chart,
    coupon,
    documents,
    loyalty,
    offer,
    payment,
    perio,
    plan,
    prepaid,
    promotion,
    referral,
)
from core.holding import Fate, Holding, Kept, Row

_CHART, _PLAN, _PAY = "view_chart", "view_plan", "pay"
_OF_PLAN, _OF_VISIT = (("plan_id", "plan"),), (("appointment_id", "appointment"),)

# Offers, which cannot be deleted, point to it.
_EMPTY_PLAN = {
    "title": "''", "stages": "'[]'", "pros": "'{}'", "cons": "'{}'", "external_id": "id::text", "erased_at": "now()",
}  # fmt: skip
_EMPTY_CARD = {"title": "''", "service": "''", "external_id": "id::text", "erased_at": "now()"}
_EMPTY_DOCUMENT = {
    "title": "''", "parts": "'[]'", "questions": "'[]'", "answers": "'[]'", "note": "''", "signer_name": "''",
    "answered_name": "''",
    "file_key": "null", "external_id": "id::text", "erased_at": "now()",
}  # fmt: skip


def _paper(_: UUID, row: Row) -> Sequence[Kept]:
    """The file of a document, where it has one; of what the clinic took back nobody outside gets it."""
    shown = row["state"] != DocumentState.WITHDRAWN.value
    return [Kept(row["file_key"], f"documents/{row['id']}.pdf", shown)] if row["file_key"] else []


HOLDINGS: tuple[Holding, ...] = (
    Holding("finding", Fate.CODES, scope=_CHART, treated="observed_on"),
    Holding("procedure", Fate.RESTRICT, scope=_CHART, treated="performed_on"),
    Holding("perio_exam", Fate.RESTRICT, scope=_CHART, treated="examined_on"),
    Holding("chart", Fate.ERASE, untold="folded from the findings, which are told"),
    Holding("plan", Fate.SHELL, scope=_PLAN, becomes=_EMPTY_PLAN),
    Holding("plan_offer", Fate.SHELL, scope=_PLAN, hidden_by=_OF_PLAN, becomes={"snapshot": "''"}),
    Holding(
        "offer_answer", Fate.SHELL, scope=_PLAN, hidden_by=_OF_PLAN, becomes={"note": "''", "strokes": "null"},
        treated="at",
    ),
    Holding("plan_stage", Fate.RESTRICT, person="plan_id", parent="plan", scope=_PLAN, hidden_by=_OF_PLAN),
    Holding("plan_item", Fate.RESTRICT, person="plan_id", parent="plan", scope=_PLAN, hidden_by=_OF_PLAN),
    Holding(
        "ledger_entry", Fate.RESTRICT, scope=_PAY, hidden_by=(*_OF_PLAN, *_OF_VISIT), treated="posted_on",
    ),
    Holding("payment_intent", Fate.RESTRICT, scope=_PAY, hidden_by=_OF_PLAN, omit=frozenset({"page"})),
    Holding("pay_link", Fate.ERASE, scope=_PAY, hidden_by=_OF_PLAN, omit=frozenset({"token_hash"})),
    Holding("redemption", Fate.RESTRICT, scope=_PAY),
    Holding("coupon", Fate.ERASE, omit=frozenset({"code_hash"})),
    Holding("promotion_listed", Fate.ERASE),
    Holding("prepaid_card", Fate.SHELL, scope=_PAY, becomes=_EMPTY_CARD),
    Holding("card_use", Fate.CODES, person="card_id", parent="prepaid_card", scope=_PAY),
    Holding("point_account", Fate.ERASE, scope=_PAY),
    Holding("point_lot", Fate.CODES, scope=_PAY),
    Holding("judged_payment", Fate.CODES, untold="our own bookkeeping of the payments and the points, which are told"),
    Holding("point_entry", Fate.SHELL, scope=_PAY, becomes={"reason": "''"}),
    Holding("referral_code", Fate.ERASE),
    Holding("referral", Fate.ERASE, concealed=frozenset({"referrer_id"})),
    Holding(
        "document", Fate.SHELL, scope="view_documents", hidden_by=(*_OF_PLAN, *_OF_VISIT), shown="sent_at is not null",
        becomes=_EMPTY_DOCUMENT, files=_paper,
    ),
    Holding(
        "document_signature", Fate.CODES, scope="view_documents", hidden_by=(("document_id", "document"),),
        treated="signed_at",
    ),
)  # fmt: skip

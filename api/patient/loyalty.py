"""`/v1/me/points`, `…/cards` and `…/referral`: what a patient has earned, paid ahead, and whom they brought."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.bills import Code, RedemptionPage
from api.caller import PatientClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import (
    PatientReads,
    PatientWrites,
    RecordAsked,
    record_reads,
    record_to_open,
    record_writes,
    scope_of,
)
from api.tries import with_codes
from cabinet.commands.referrals import introduce, open_referral_code
from cabinet.queries.cards import MOST_CARDS, CardView, cards
from cabinet.queries.coupons import redemptions
from cabinet.queries.points import PointEntryView, PointsView, point_entries, points
from cabinet.queries.referrals import ReferralView, referral
from clinic.household import AccessScope
from core.clock import now
from core.database import Writing
from core.events import Actor, ActorKind
from core.values import Value

routes = RecordRoutes("loyalty")

Reads = Annotated[PatientReads, record_reads(AccessScope.PAY)]


class PointPage(Value):
    items: list[PointEntryView] = Field(max_length=200)
    next_cursor: str | None


class Cards(Value):
    items: list[CardView] = Field(max_length=MOST_CARDS)


class ReferrerRequest(Value):
    code: Code = Field(description="The code of whoever brought the patient here.", examples=["4T8KQ-2M9XA"])


@routes.get("/points", summary="My points", operation_id="getMyPoints")
async def balance(call: Reads) -> PointsView:
    """What can be spent and when it ends, the tier that was reached, and how much is left to the next one."""
    return await points(call.reading, call.clinic_id, call.patient_id, call.now)


@routes.get("/points/entries", summary="My points' history", operation_id="listMyPointEntries")
async def history(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> PointPage:
    """Everything that was earned, spent, reversed and expired, newest first; it adds up to the balance."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "points", call.patient_id), cursor, limit,
        lambda place, most: point_entries(call.reading, call.clinic_id, call.patient_id, moment_and_id(place), most),
        lambda entry: [entry.at.isoformat(), str(entry.entry_id)],
    )  # fmt: skip
    return PointPage(items=items, next_cursor=following)


@routes.get("/cards", summary="My prepaid cards", operation_id="listMyCards")
async def list_cards(call: Reads) -> Cards:
    """Cards of sessions paid ahead, with what is left on them, newest first."""
    return Cards(items=await cards(call.reading, call.patient_id, call.now))


@routes.get("/redemptions", summary="My settled bills", operation_id="listMyRedemptions")
async def list_redemptions(
    ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> RedemptionPage:
    """What coupons, points and cards took off my bills, newest first, with what was taken back.

    Of a ward who is old enough to keep a treatment private there are none.
    """
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "my redemptions", call.patient_id), cursor, limit,
        lambda place, most: redemptions(
            call.reading, call.clinic_id, call.patient_id, id_of(place), most, call.now
        ),
        lambda bill: [str(bill.redemption_id)],
    )  # fmt: skip
    return RedemptionPage(items=items, next_cursor=following)


@routes.get("/referral", summary="My referrals", operation_id="getMyReferral")
async def referrals(call: Annotated[PatientReads, record_reads(None)]) -> ReferralView:
    """The code for friends, and how many of them came by it."""
    return await referral(call.reading, call.patient_id)


@routes.post("/referral/code", summary="Open my referral code", operation_id="openMyReferralCode")
async def open_code(call: Annotated[PatientWrites, record_writes(None)]) -> ReferralView:
    """The code to pass on to friends, made at the first asking and always the same afterwards."""
    return await open_referral_code(call.writing, call.clinic_id, call.patient_id)


@routes.post("/referral/referrer", summary="Name my referrer", operation_id="nameMyReferrer")
async def name_referrer(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, body: ReferrerRequest
) -> ReferralView:
    """Say by whose code a new patient came, before the first visit. Both get points once that took place.

    Never one's own code or the family's, never in a ring, never for somebody who was treated here before.
    """

    async def admit(writing: Writing) -> Actor:
        await record_to_open(writing, claims, asked, now())
        return Actor(ActorKind.PATIENT, claims.subject_id)

    async def act(writing: Writing, actor: Actor, at: datetime) -> ReferralView:
        patient_id = await record_to_open(writing, claims, asked, at)
        return await introduce(writing, claims.clinic_id, patient_id, body.code, actor, at)

    return await with_codes(ports, scope_of(claims), 1, admit, act)

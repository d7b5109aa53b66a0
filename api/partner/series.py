"""`/v1/partner/patients/{external_id}/series`: a clinic's own system tells whole series, by its own ids."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import Field

from api.problems import MOST_ERRORS, ProblemError
from api.series import SeriesComment, Stage, Teeth, ViewCode
from api.strict import StrictRoute
from api.teeth import fdi_codes
from api.transaction import PartnerCall, PartnerWrites
from cabinet.queries.account import named_plans
from clinic.facts import ExternalId, HappenedOn
from clinic.queries import named_patients, named_visits
from core.errors import Fault, NotFound
from core.values import MaybeText, Value
from media.commands import Kept
from media.commands.series import SeriesTold
from media.commands.told_series import ToldView, WholeSeries, take_series
from media.series import MOST_VIEWS, Phase, Protocol
from media.upload import ExternalName

router = APIRouter(prefix="/v1/partner", tags=["series"], route_class=StrictRoute)


class ToldPlace(Value):
    """What one view holds: a picture by your id of it, or null: the view is left out."""

    view: ViewCode = Field(examples=["face-rest"])
    picture: ExternalId | None = Field(examples=["x-1"])


class ToldSeries(Value):
    """A whole series. A view that is not in `views` is missing."""

    protocol: Protocol
    title: MaybeText = Field(default="", examples=["Start of treatment"])
    phase: Phase | None = None
    before: ExternalId | None = Field(
        default=None, description="Your id of a series of an earlier phase and the same protocol, to compare with."
    )
    taken_on: HappenedOn | None = None
    visit: ExternalId | None = Field(default=None, description="Your id of the appointment.")
    plan: ExternalId | None = Field(default=None, description="Your id of the plan.")
    stage: Stage | None = None
    teeth: Teeth = Field(default=[])
    released: bool = Field(default=False, description="Whether the patient sees it, and with it its pictures.")
    comment: SeriesComment | None = None
    private: bool = Field(default=False, description="True hides it from a teenager's guardians.")
    views: list[ToldPlace] = Field(max_length=MOST_VIEWS)


class SeriesReceipt(Value):
    """What became of a series. `errors` name what of it was not taken in; the rest was.

    A view, visit, plan, stage or series before that is named wrongly stays as it was.

    Codes: `unknown-reference` (nothing of this patient has this id), `unknown-view`, `another-kind` (an X-ray where a
    photo belongs, or the other way round), `given-twice`, of `before` `another-protocol`
    and `not-earlier`, of `private` `too-young-for-private`: guardians see it.
    """

    series_id: UUID
    outcome: Kept
    errors: list[ProblemError] = Field(max_length=MOST_ERRORS)


@router.put("/patients/{external_id}/series/{series_external_id}", summary="Send a series", operation_id="putSeries")
async def put(
    call: PartnerCall,
    external_id: Annotated[ExternalId, Path(description="Your id of the patient.")],
    series_external_id: Annotated[ExternalId, Path(description="Your id of the series.")],
    body: ToldSeries,
) -> SeriesReceipt:
    """Make it or bring it up to date. Sending it again changes nothing; what is wrong in it is named, the rest taken.

    What is named wrongly stays as it was: send that picture, visit or plan, then the series again.
    """
    patient = (await named_patients(call.writing, call.app.system, {external_id})).get(external_id)
    if patient is None:
        raise NotFound
    told, faults, unknown = await _told(call, patient.id, body)
    views = [ToldView(each.view, each.picture) for each in body.views]
    whole = WholeSeries(body.protocol, told, body.before, body.released, body.comment, body.private, views, unknown)
    name = ExternalName(call.app.system, series_external_id)
    taken = await take_series(call.writing, call.clinic_id, patient.id, name, whole, call.actor, call.now)
    errors = [ProblemError(pointer=fault.pointer, code=fault.code) for fault in [*faults, *taken.faults]]
    return SeriesReceipt(series_id=taken.series_id, outcome=taken.kept, errors=errors[:MOST_ERRORS])


async def _told(
    call: PartnerWrites, patient_id: UUID, body: ToldSeries
) -> tuple[SeriesTold, list[Fault], frozenset[str]]:
    """By our ids, without the ties that cannot be, and which those are."""
    told = SeriesTold(body.title, body.phase, None, body.taken_on, teeth=fdi_codes(body.teeth))
    faults, unknown = [], set()
    if body.visit is not None:
        visit = (await named_visits(call.writing, call.app.system, {body.visit})).get(body.visit)
        if visit is None or visit.patient_id != patient_id:
            faults.append(Fault("/visit", "unknown-reference"))
            unknown.add("appointment_id")
        else:
            told = replace(told, appointment_id=visit.id)
    if body.plan is not None:
        plan = (await named_plans(call.writing, call.app.system, {body.plan})).get(body.plan)
        if plan is None or plan.patient_id != patient_id:
            faults.append(Fault("/plan", "unknown-reference"))
            unknown |= {"plan_id", "plan_stage"}
        else:
            told = replace(told, plan_id=plan.id)
            if body.stage is not None and body.stage > plan.stages:
                faults.append(Fault("/stage", "unknown-reference"))
                unknown.add("plan_stage")
            else:
                told = replace(told, plan_stage=body.stage)
    return told, faults, frozenset(unknown)

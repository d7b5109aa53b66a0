"""`/v1/me/conversation/…`: whether somebody is there, and how it was."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import Field, StringConstraints

from api.caller import PatientClaims
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, RecordAsked, record_opened, record_reads, scope_of
from chat.case import BEST_SCORE
from chat.commands.cases import score
from chat.desk_facts import DeskView
from chat.log import Thread
from chat.queries.desk import desks_of
from clinic.household import AccessScope
from core.clock import now
from core.events import Actor, ActorKind
from core.values import Int32, Value

routes = RecordRoutes("chat")


class Score(Value):
    """How it was, from 1 to 5, and why if one likes."""

    score: Annotated[Int32, Field(ge=1, le=BEST_SCORE)] = Field(examples=[5])
    words: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")] = (
        Field(default="", examples=["Quick and kind"])
    )


@routes.get("/conversation/desk", summary="My clinic's desk", operation_id="getMyDesk")
async def desk(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)]) -> DeskView:
    """Whether somebody is there now, when they will be, and how soon they usually answer while they are."""
    thread = Thread(call.clinic_id, call.patient_id)
    return (await desks_of(call.reading, [thread], call.now))[thread]


@routes.put("/conversation/cases/{case_id}/score", status_code=204, summary="Score my case", operation_id="scoreMyCase")
async def say_how_it_was(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, case_id: UUID, body: Score
) -> Response:
    """Once, after it was closed: an event `state` with `ask_score` names the case. The same again changes nothing."""
    at = now()
    async with ports.database.writing(scope_of(claims)) as writing:
        opened = await record_opened(writing, claims, asked, at, AccessScope.CHAT)
        actor = Actor(ActorKind.PATIENT, claims.subject_id)
        await score(writing, claims.clinic_id, opened.patient_id, case_id, body.score, body.words, actor, at)
    ports.hub.changed(Thread(claims.clinic_id, opened.patient_id))
    return Response(status_code=204)

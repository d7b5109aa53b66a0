"""`/v1/partner/sync/{kind}`: a clinic's own system pushes its facts in, up to 1,000 rows a call.

Good rows are taken and bad ones reported with their index, pointer and reason, in one answer and one
transaction. Sending a batch again changes nothing.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, ValidationError, WithJsonSchema

from api.problems import ProblemError, faults_of
from api.strict import StrictRoute
from api.transaction import PartnerCall, PartnerWrites
from clinic.commands import Taken, take_appointments, take_patients
from clinic.facts import AppointmentFact, Fact, PatientFact
from core.errors import Fault
from core.upsert import Outcome
from core.values import Int32, Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)

MOST_ROWS = 1_000
LARGEST_BATCH = 8 * 1024 * 1024

# The models of rows: described to clients although each row is parsed by itself (`api.documents`).
ROW_MODELS: list[type[Fact]] = []

FactT = TypeVar("FactT", bound=Fact)


class TakenRow(Value):
    """What became of one good row."""

    index: Int32
    external_id: str
    outcome: Outcome
    id: UUID
    remark: str | None = Field(
        description="What was not taken in as told. `price-held`: stages of a plan became dearer while its offer "
        "holds; the patient sees and pays the offer's prices for them.",
        examples=[None],
    )


class RefusedRow(Value):
    """One bad row: where it stood in the batch and every reason found."""

    index: Int32
    external_id: str | None
    errors: list[ProblemError] = Field(max_length=100)


class SyncResult(Value):
    """The batch's report: counts, the rows taken, the rows refused."""

    created: Int32
    updated: Int32
    unchanged: Int32
    refused: Int32
    rows: list[TakenRow] = Field(max_length=MOST_ROWS)
    refusals: list[RefusedRow] = Field(max_length=MOST_ROWS)


def rows_of(model: type[Fact]) -> WithJsonSchema:
    """How a batch's `items` are described to clients: by their model, although we check them row by row."""
    ROW_MODELS.append(model)
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return WithJsonSchema({"type": "array", "maxItems": MOST_ROWS, "minItems": 1, "items": reference})


Rows = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]


class PatientBatch(Value):
    items: Annotated[Rows, rows_of(PatientFact)]


class AppointmentBatch(Value):
    items: Annotated[Rows, rows_of(AppointmentFact)]


def parsed(
    items: Sequence[dict[str, Any]], model: type[FactT]
) -> tuple[list[tuple[int, FactT]], dict[int, list[Fault]]]:
    """Good rows with their index, and the faults of the others. Of two rows with one name neither is taken."""
    names = Counter(_name(item) for item in items)
    good: list[tuple[int, FactT]] = []
    bad: dict[int, list[Fault]] = {}
    for index, item in enumerate(items):
        try:
            fact = model.model_validate_json(_as_json(item))
        except ValidationError as error:
            bad[index] = faults_of(list(error.errors()))
            continue
        if names[fact.external_id] > 1:
            bad[index] = [Fault("/external_id", "given-twice")]
        else:
            good.append((index, fact))
    return good, bad


def report(items: Sequence[dict[str, Any]], taken: Taken, bad: dict[int, list[Fault]]) -> SyncResult:
    """The answer, from what the command did and what was refused before and by it."""
    done, late = taken
    for index, fault in late.items():
        bad.setdefault(index, []).append(fault)
    for each in done:
        if each.outcome is Outcome.STALE:
            bad[each.incoming.index] = [Fault("/version", "stale-version")]
    kept = [each for each in done if each.outcome is not Outcome.STALE]
    counts = {outcome: sum(each.outcome is outcome for each in kept) for outcome in Outcome}
    return SyncResult(
        created=counts[Outcome.CREATED],
        updated=counts[Outcome.UPDATED],
        unchanged=counts[Outcome.UNCHANGED],
        refused=len(bad),
        rows=[
            TakenRow(
                index=each.incoming.index,
                external_id=each.incoming.external_id,
                outcome=each.outcome,
                id=each.id,
                remark=each.remark,
            )
            for each in sorted(kept, key=lambda each: each.incoming.index)
        ],
        refusals=[_refused(index, items[index], faults) for index, faults in sorted(bad.items())],
    )


Take = Callable[..., Awaitable[Taken]]


async def take(call: PartnerWrites, items: Sequence[dict[str, Any]], model: type[FactT], command: Take) -> SyncResult:
    """Parse, take, report: the same for every kind of fact."""
    good, bad = parsed(items, model)
    taken = await command(call.writing, call.clinic_id, call.app.system, good, call.actor, call.now)
    return report(items, taken, bad)


def _refused(index: int, item: dict[str, Any], faults: list[Fault]) -> RefusedRow:
    return RefusedRow(
        index=index,
        external_id=_name(item),
        errors=[ProblemError(pointer=fault.pointer, code=fault.code) for fault in faults[:100]],
    )


def _name(item: dict[str, Any]) -> str | None:
    name = item.get("external_id")
    return name if isinstance(name, str) and len(name) <= 128 else None  # noqa: PLR2004  ExternalId's limit


def _as_json(item: dict[str, Any]) -> bytes:
    """Back to JSON, so that rows are judged by JSON's rules (text dates, no coercion) like every other body."""
    return json.dumps(item).encode()


@router.post("/patients", summary="Push patients", operation_id="syncPatients", max_body_size=LARGEST_BATCH)
async def sync_patients(call: PartnerCall, batch: PatientBatch) -> SyncResult:
    """Create and update patients by external id. Rows that did not change are recognised as such."""
    return await take(call, batch.items, PatientFact, take_patients)


@router.post("/appointments", summary="Push appointments", operation_id="syncAppointments", max_body_size=LARGEST_BATCH)
async def sync_appointments(call: PartnerCall, batch: AppointmentBatch) -> SyncResult:
    """Create and update appointments by external id; the patient must be known."""
    return await take(call, batch.items, AppointmentFact, take_appointments)

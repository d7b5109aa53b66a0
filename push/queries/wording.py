"""The clinic's own texts, its tone, and what is known of patients when something is said to them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import and_, func, select
from sqlmodel import col

from clinic.queries.addressees import Addressee, ExpectedVisit, addressees, expected_visits
from core.database import Reading, Sweeping
from core.in_words import day_text
from core.moments import Moment
from core.values import Int32, Value
from push.commands.batch import keys as row_keys
from push.notice import NoticeKind
from push.render import Facts
from push.tables.wording import ClinicWordingRow, LockScreenRow, MessageTemplateRow
from push.template import Template, TemplateDraft, Tone
from push.variables import Mode, Variable

MOST_TEMPLATES = 1_000


class MessageTemplateView(Value):
    template_id: UUID
    version: Int32
    changed_at: Moment
    draft: TemplateDraft


class LockScreen(Value):
    """What a lock screen, an SMS and a messenger may show."""

    mode: Mode = Field(description="`generic`: that there is news. `when`: also day and time of visits.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notice whose words are wanted; `cause_id` names the visit, where it is about one."""

    clinic_id: UUID
    patient_id: UUID
    kind: NoticeKind
    cause_id: UUID | None
    language: str = ""
    """Of the phone; empty: the patient's own."""
    wording: str = ""


async def message_templates(reading: Reading, clinic_id: UUID) -> list[MessageTemplateView]:
    """All texts in use, by kind, wording, way, language, tone and variant."""
    kinds = (MessageTemplateRow.kind, MessageTemplateRow.wording)
    place = (*kinds, MessageTemplateRow.channel, MessageTemplateRow.language)
    rest = (MessageTemplateRow.tone, MessageTemplateRow.variant)
    mine = (col(MessageTemplateRow.clinic_id) == clinic_id, col(MessageTemplateRow.archived_at).is_(None))
    statement = select(MessageTemplateRow).where(*mine).order_by(*map(col, place), *map(col, rest))
    return [_view(row) for row in (await reading.execute(statement.limit(MOST_TEMPLATES))).scalars()]


async def message_template(reading: Reading, clinic_id: UUID, template_id: UUID) -> MessageTemplateView | None:
    mine = (col(MessageTemplateRow.clinic_id) == clinic_id, col(MessageTemplateRow.id) == template_id)
    statement = select(MessageTemplateRow).where(*mine, col(MessageTemplateRow.archived_at).is_(None))
    row = (await reading.execute(statement)).scalar_one_or_none()
    return _view(row) if row else None


async def templates_of(sweeping: Sweeping, clinic_ids: Collection[UUID]) -> dict[UUID, list[Template]]:
    """What these clinics have written themselves, in one statement."""
    statement = select(MessageTemplateRow).where(
        col(MessageTemplateRow.clinic_id) == func.any(sorted(clinic_ids)), col(MessageTemplateRow.archived_at).is_(None)
    )
    found: dict[UUID, list[Template]] = {clinic_id: [] for clinic_id in clinic_ids}
    for row in (await sweeping.execute(statement)).scalars():
        found[row.clinic_id].append(Template(row.id, row.version, TemplateDraft.model_validate(row.draft)))
    return found


async def tone_of(reading: Reading, clinic_id: UUID) -> Tone:
    statement = select(col(ClinicWordingRow.tone)).where(col(ClinicWordingRow.clinic_id) == clinic_id)
    return Tone((await reading.execute(statement)).scalar_one_or_none() or Tone.FORMAL)


async def lock_screen_of(reading: Reading, clinic_id: UUID, patient_id: UUID) -> LockScreen:
    mine = (col(LockScreenRow.clinic_id) == clinic_id, col(LockScreenRow.patient_id) == patient_id)
    mode = (await reading.execute(select(col(LockScreenRow.mode)).where(*mine))).scalar_one_or_none()
    return LockScreen(mode=Mode(mode or Mode.GENERIC))


async def facts_of(reading: Reading, wanted: Iterable[Wanted]) -> dict[Wanted, Facts]:
    """What can be put into the words, of any number of notices of any clinics, in three statements.

    No link and no coupon: whoever sends knows them. Of a visit that is private nothing is known: the phone may be a
    guardian's.
    """
    asked = list(dict.fromkeys(wanted))
    if not asked:
        return {}
    people = await addressees(reading, {(each.clinic_id, each.patient_id) for each in asked})
    visits = await expected_visits(reading, {(each.clinic_id, each.cause_id) for each in asked if each.cause_id})
    chosen = await _chosen(reading, [(each.clinic_id, each.patient_id) for each in asked])
    return {
        each: _facts(
            each, person, _its_visit(each, visits), chosen.get((each.clinic_id, each.patient_id), (None, None))
        )
        for each in asked
        if (person := people.get((each.clinic_id, each.patient_id)))
    }


async def _chosen(
    reading: Reading, keys: list[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], tuple[str | None, str | None]]:  # fmt: skip
    """The clinic's tone and the patient's mode, where they chose any."""
    names = row_keys(keys)
    of_mode = and_(col(LockScreenRow.clinic_id) == names.c.clinic_id, col(LockScreenRow.patient_id) == names.c.id)
    statement = (
        select(names.c.clinic_id, names.c.id, col(ClinicWordingRow.tone), col(LockScreenRow.mode))
        .select_from(names)
        .outerjoin(ClinicWordingRow, col(ClinicWordingRow.clinic_id) == names.c.clinic_id)
        .outerjoin(LockScreenRow, of_mode)
    )
    return {(clinic, patient): (tone, mode) for clinic, patient, tone, mode in await reading.execute(statement)}


def _its_visit(wanted: Wanted, visits: Mapping[UUID, ExpectedVisit]) -> ExpectedVisit | None:
    visit = visits.get(wanted.cause_id) if wanted.cause_id else None
    return visit if visit is not None and visit.patient_id == wanted.patient_id else None


def _facts(
    wanted: Wanted, person: Addressee, visit: ExpectedVisit | None, chosen: tuple[str | None, str | None]
) -> Facts:  # fmt: skip
    language, (tone, mode) = wanted.language or person.language, chosen
    told = {
        Variable.CLINIC_NAME: person.clinic,
        Variable.BRANCH_NAME: visit.branch if visit else person.branch,
        Variable.BRANCH_PHONE: visit.phone if visit else person.phone,
        Variable.PATIENT_NAME: person.given_name,
    }
    if visit is not None:
        local = visit.starts_at.astimezone(ZoneInfo(visit.zone))
        told |= {
            Variable.VISIT_DAY: day_text(local.date(), language), Variable.VISIT_TIME: f"{local:%H:%M}",
            Variable.DOCTOR_NAME: visit.practitioner, Variable.SERVICE: visit.service,
        }  # fmt: skip
    values = {name: value for name, value in told.items() if value}
    return Facts(
        wanted.kind, language, Tone(tone or Tone.FORMAL), Mode(mode or Mode.GENERIC), values, wanted.wording
    )  # fmt: skip


def _view(row: MessageTemplateRow) -> MessageTemplateView:
    draft = TemplateDraft.model_validate(row.draft)
    return MessageTemplateView(template_id=row.id, version=row.version, changed_at=row.changed_at, draft=draft)

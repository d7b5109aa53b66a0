"""Whose ids the matrix of rights calls each operation with: ours, and those of others.

A new route with a known path parameter joins by itself. A new path parameter needs an entry in `IDS` (who owns such
an id, and whose must not work) or, where it names no row, in `tests.api.said_of_foreign.WORDS`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import text

from cabinet.commands.payments import open_payment
from clinic.commands import admit_staff, grant_access
from clinic.commands.requests import make_request
from clinic.request import RequestKind
from core.clock import now
from core.events import SYSTEM, Actor, ActorKind
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.privacy import carry_out_erasures, make_copies
from identity.commands import Device, account_of_phone, make_partner_app, make_staff_account, open_session
from identity.permissions import PRESETS
from identity.sign_in import Audience
from push.channel import Way
from push.commands.strangers import keep_stranger
from push.report import Incoming
from tests.api.campaigning import in_state
from tests.api.journeying import draft, enrolment, running
from tests.api.loyalty_desk import (
    bills_of_both,
    cards_of_both,
    promotions_of_both,
    ready_for_points,
)
from tests.api.papers_of_both import PAPERS
from tests.api.paperwork import NOTE, template
from tests.api.ringing import exchange, ring
from tests.api.said_of_foreign import BODIES, FILE, OFFERED, RAW_BODIES, VOICE_FILE
from tests.api.surveying import ask, make_survey
from tests.automation.ways_through import RECALL, Went, journey_of, put_ways
from tests.media.looking import look
from tests.media.samples import bomb
from tests.world import DAY, PASSWORD, Party, World, patient_fact


@dataclass(frozen=True, slots=True)
class Ids:
    """One that the caller may use, those that exist and are none of theirs, and one that nobody has."""

    own: str
    foreign: tuple[str, ...]
    absent: str


Owners = Callable[[World, str], Awaitable[Ids]]


def ids(own: object, *foreign: object) -> Ids:
    return Ids(str(own), tuple(str(each) for each in foreign), str(new_id()))


async def patients(world: World, who: str) -> Ids:
    """Staff sees every patient of the clinic; a patient only who gave them access. Each owes something."""
    await owing(world)
    await ready_for_points(world)
    neighbour = () if who == "staff" else (world.here.other_patient_id,)
    for party in (world.here, world.there) if who == "patient" else ():
        await world.post("/v1/me/conversation/messages", party.patient, BODIES["sendMyMessage"])  # one to be marked
    return ids(world.here.patient_id, *neighbour, world.there.patient_id, world.there.other_patient_id)


async def owing(world: World) -> None:
    """Everybody owes ten euros."""
    day, amount = now().date().isoformat(), {"amount_minor": 1_000, "currency": "EUR"}
    told = {"version": 1, "kind": "charge", "amount": amount, "posted_on": day}
    rows = [{**told, "external_id": f"owed by {name}", "patient": name} for name in ("anna", "boris")]
    for party in (world.here, world.there):
        await world.post("/v1/partner/sync/ledger", party.partner, {"items": rows})


async def payments(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere; none has a page yet."""
    await owing(world)
    made, provider = [], world.ports.payments
    assert provider is not None
    for party, patient_id in (
        (world.here, world.here.patient_id),
        (world.here, world.here.other_patient_id),
        (world.there, world.there.patient_id),
    ):
        async with world.database.writing(party.scope) as writing:
            made.append(await open_payment(writing, party.clinic_id, patient_id, None, provider, SYSTEM, now()))
    return ids(*made)


async def pay_links(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of our patient, of the neighbour (the path names ours), of somebody elsewhere."""
    await owing(world)
    made = []
    for party, patient_id in (
        (world.here, world.here.patient_id),
        (world.here, world.here.other_patient_id),
        (world.there, world.there.patient_id),
    ):
        answer = await world.post(f"/v1/staff/patients/{patient_id}/pay-links", party.staff, {})
        made.append(answer.json()["link_id"])
    return ids(*made)


_COUNT = count()


async def visits(world: World, who: str) -> Ids:
    """Of ours, of somebody elsewhere, and of the neighbour in the same clinic (staff sees that one too)."""
    owners = [(world.here, world.here.patient_id), (world.there, world.there.patient_id)]
    if who != "staff":
        owners.append((world.here, world.here.other_patient_id))
    start, made = now() + 3 * DAY + (next(_COUNT) % 24) * DAY / 24, []  # asked twice, nobody has two visits at once
    body = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 24)}
    for party, patient_id in owners:
        answer = await world.post(f"/v1/staff/patients/{patient_id}/appointments", party.staff, body)
        made.append(answer.json()["appointment_id"])
    return ids(*made)


async def branches(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(world.here.branch_id, world.there.branch_id)


async def slots(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[await _slot(world, party) for party in (world.here, world.there)])


async def _slot(world: World, party: Party) -> str:
    start = now() + 8 * DAY
    row = {
        "external_id": str(new_id()), "branch": "Centro", "freed": True,
        "starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 24),
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/slots", party.partner, {"items": [row]})
    return str(answer.json()["rows"][0]["id"])


async def waiting_entries(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[await _entry(world, party) for party in (world.here, world.there)])


async def _entry(world: World, party: Party) -> str:
    body = {**BODIES["joinMyWaitingList"], "service": f"Hygiene {next(_COUNT)}"}  # nobody waits twice for one
    answer = await world.post("/v1/me/waiting-list", party.patient, body)
    return str(answer.json()["entry_id"])


async def slot_offers(world: World, who: str) -> Ids:
    """A time was freed here and there, and the patient who waits was asked."""
    await waiting_entries(world, who)
    await slots(world, who)
    told = [await world.get("/v1/me/slot-offers", party.patient) for party in (world.here, world.there)]
    return ids(*[answer.json()["items"][0]["offer_id"] for answer in told])


async def sessions(world: World, who: str) -> Ids:  # noqa: ARG001
    """Another phone of ours, and phones and desks of other people, here and there."""
    desk = world.keys.tokens.verify(world.here.staff_token, Audience.STAFF, now()).session_id
    return ids(*[await _phone(world, party) for party in (world.here, world.there)], desk)


async def _phone(world: World, party: Party) -> UUID:
    device = Device("another-phone-of-this-person")
    async with world.database.writing(party.scope) as writing:
        pair = await open_session(
            writing, world.keys, Audience.PATIENT, party.account_id, party.clinic_id, device, now()
        )
    return world.keys.tokens.verify(pair.access_token, Audience.PATIENT, now()).session_id


async def pictures(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere."""
    owners = [(world.here, "anna"), (world.here, "boris"), (world.there, "anna")]
    made = ids(*[await _picture(world, party, patient) for party, patient in owners])
    await look(world)
    return made


async def _picture(world: World, party: Party, patient: str, content: bytes | None = None) -> str:
    path = f"/v1/partner/patients/{patient}/pictures/{new_id()}"
    file = FILE if content is None else {"file": ("scan.png", content)}
    answer = await world.http.put(path, headers=party.partner, data={"kind": "photo", "released": "true"}, files=file)
    return str(answer.json()["picture_id"])


async def voices(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere."""
    here, there = world.here, world.there
    owners = [(here, here.patient_id), (here, here.other_patient_id), (there, there.patient_id)]
    made = ids(*[await _voice(world, party, patient_id) for party, patient_id in owners])
    await look(world)
    for (party, patient_id), voice_id in zip(owners, (made.own, *made.foreign), strict=True):
        body = {"client_id": str(new_id()), "media": [voice_id]}
        answer = await world.post(f"/v1/staff/patients/{patient_id}/messages", party.staff, body)
        assert answer.status_code == 201, answer.text
    return made


async def _voice(world: World, party: Party, patient_id: UUID) -> str:
    path = f"/v1/staff/patients/{patient_id}/voices"
    answer = await world.http.post(path, headers=party.staff, files=VOICE_FILE)
    return str(answer.json()["voice_id"])


async def uploads(world: World, who: str) -> Ids:
    """Whole but not complete; of ours, of another sender of the same clinic, of the same kind of sender elsewhere."""
    other = "staff" if who == "partner" else "partner"
    senders = [(world.here, who), (world.here, other), (world.there, who)]
    return ids(*[await _upload(world, *sender) for sender in senders])


async def _upload(world: World, party: Party, who: str) -> str:
    content, headers = RAW_BODIES["putUploadPart"], getattr(party, who)
    doors = {
        "staff": (f"/v1/staff/patients/{party.patient_id}/uploads", "/v1/staff/uploads", "startUpload"),
        "partner": (
            f"/v1/partner/patients/anna/pictures/{new_id()}/uploads", "/v1/partner/uploads", "startPictureUpload"
        ),
        "patient": ("/v1/me/conversation/uploads", "/v1/me/conversation/uploads", "startMyPhoto"),
    }  # fmt: skip
    door, path, operation = doors[who]
    begun = (await world.post(door, headers, BODIES[operation])).json()
    upload = str((begun["upload"] if who == "partner" else begun)["upload_id"])
    part = f"{path}/{upload}/parts/1"
    await world.http.put(part, headers={**headers, "content-type": "application/octet-stream"}, content=content)
    return upload


async def series(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere."""
    owners = [(world.here, "anna"), (world.here, "boris"), (world.there, "anna")]
    return ids(*[await _series(world, party, patient) for party, patient in owners])


async def _series(world: World, party: Party, patient: str) -> str:
    path = f"/v1/partner/patients/{patient}/series/{new_id()}"
    body = {"protocol": "ortho-photo", "released": True, "views": [{"view": "arch-lower", "picture": None}]}
    answer = await world.http.put(path, headers=party.partner, json=body)
    return str(answer.json()["series_id"])


async def pictures_of_clinic(world: World, who: str) -> Ids:
    """Staff sees those of every patient; a move is to the record where it is."""
    made = await pictures(world, who)
    BODIES["movePicture"]["patient_id"] = str(world.here.patient_id)
    return made if who != "staff" else Ids(made.own, made.foreign[1:], made.absent)


async def held_pictures(world: World, who: str) -> Ids:  # noqa: ARG001
    """In quarantine, here and there."""
    made = ids(*[await _picture(world, party, "anna", bomb()) for party in both(world)])
    await look(world)
    return made


async def conversations(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in (world.here, world.there):
        message = {**BODIES["sendMessage"], "client_id": str(new_id())}
        answer = await world.post(f"/v1/staff/patients/{party.patient_id}/messages", party.staff, message)
        made.append(answer.json()["conversation_id"])
    return ids(*made)


async def conversations_with_a_case(world: World, who: str) -> Ids:
    """The patients wrote too: their cases are live."""
    for party in both(world):
        message = {**BODIES["sendMyMessage"], "client_id": str(new_id())}
        await world.post("/v1/me/conversation/messages", party.patient, message)
    return await conversations(world, who)


async def cases(world: World, who: str) -> Ids:
    """Closed, so that their patients can score them; here, of the neighbour in the same clinic, and there."""
    known, made = await conversations_with_a_case(world, who), []
    row = {"channel": "sms", "external_id": str(new_id()), "body": "Good morning", "patient": "boris"}
    neighbour = (await world.post("/v1/partner/messages", world.here.partner, row)).json()["conversation_id"]
    owners = [(world.here, known.own), (world.here, neighbour), (world.there, known.foreign[0])]
    for party, conversation in owners:
        path = f"/v1/staff/conversations/{conversation}"
        answer = await world.http.put(f"{path}/state", headers=party.staff, json={"state": "closed"})
        made.append(answer.json()["case_id"])
    return ids(*made)


async def canned_replies(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in both(world):
        answer = await world.post("/v1/staff/canned-replies", party.staff, BODIES["changeCannedReply"])
        made.append(answer.json()["reply_id"])
    return ids(*made)


async def external_patients(world: World, who: str) -> Ids:  # noqa: ARG001
    """A name that the other clinic's system uses and ours does not."""
    row = patient_fact("only-there", "Dora", None).model_dump(mode="json")
    await world.post("/v1/partner/sync/patients", world.there.partner, {"items": [row]})
    return ids("anna", "only-there")


async def accesses(world: World, who: str) -> Ids:  # noqa: ARG001
    """A carer of our patient, of the neighbour in the same clinic, of somebody elsewhere."""
    owners = [(world.here, world.here.patient_id), (world.here, world.here.other_patient_id)]
    return ids(*[await _carer(world, *owner) for owner in [*owners, (world.there, world.there.patient_id)]])


async def _carer(world: World, party: Party, patient_id: UUID) -> str:
    async with world.database.writing(party.scope) as writing:
        carer = await account_of_phone(writing, "+393471200099", now())
        await grant_access(writing, party.clinic_id, carer, patient_id, "carer", now())
        named = text("select id from access where account_id = :carer and patient_id = :patient")
        return str((await writing.execute(named, {"carer": carer, "patient": patient_id})).scalar_one())


async def wards(world: World, who: str) -> Ids:  # noqa: ARG001
    """The neighbour, for whom our patient cares; our own record is no ward, and those elsewhere are not ours."""
    here, there = world.here, world.there
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    return ids(here.other_patient_id, here.patient_id, there.patient_id, there.other_patient_id)


async def colleagues(world: World, who: str) -> Ids:  # noqa: ARG001
    """Somebody of the desk here, and the owner there."""
    here = world.here
    async with world.database.writing(here.scope) as writing:
        account = await make_staff_account(writing, f"{new_id()}@rome.example", PASSWORD, now())
        await writing.flush()
        return ids(
            await admit_staff(writing, here.clinic_id, account, "Rita", PRESETS["reception"]), world.there.staff_id
        )


async def apps(world: World, who: str) -> Ids:  # noqa: ARG001
    async with world.database.writing(world.here.scope) as writing:
        app_id, _ = await make_partner_app(writing, world.keys, world.here.clinic_id, "Second", "second", now())
    return ids(app_id, world.there.app_id)


async def requests(world: World, who: str) -> Ids:
    """Asked by our patient; of the neighbour in the same clinic (staff sees that one too), of somebody elsewhere."""
    owners = [(world.here, world.here.patient_id), (world.there, world.there.patient_id)]
    if who != "staff":
        owners.append((world.here, world.here.other_patient_id))
    made = []
    for party, patient_id in owners:
        actor = Actor(ActorKind.PATIENT, party.account_id)
        async with world.database.writing(party.scope) as writing:
            made.append(
                await make_request(writing, party.clinic_id, patient_id, RequestKind.BOOK_VISIT, None, {}, actor, now())
            )
    return ids(*[each.request_id for each in made])


async def plans(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere: all with the same offer."""
    owners = [(world.here, "anna"), (world.here, "boris"), (world.there, "anna")]
    return ids(*[await _plan(world, party, patient) for party, patient in owners])


async def _plan(world: World, party: Party, patient: str) -> str:
    row = {**OFFERED, "external_id": str(new_id()), "patient": patient, "group": f"{patient} of {party.clinic_id}"}
    answer = await world.post("/v1/partner/sync/plans", party.partner, {"items": [row]})
    return str(answer.json()["rows"][0]["id"])


async def plan_groups(world: World, who: str) -> Ids:
    await plans(world, who)
    here, there = world.here.clinic_id, world.there.clinic_id
    return ids(f"anna of {here}", f"boris of {here}", f"anna of {there}")


async def copies(world: World, who: str) -> Ids:  # noqa: ARG001
    """A copy that is ready, and one of the other clinic's patient."""
    made = [
        (await world.post("/v1/me/privacy/exports", each.patient, None)).json()["export_id"] for each in both(world)
    ]
    await make_copies(world.database, world.ports.storage, now())
    return ids(*made)


async def downloads(world: World, who: str) -> Ids:
    """The address of a copy is good for its own account only."""
    made = []
    known = await copies(world, who)
    for party, export_id in zip(both(world), (known.own, *known.foreign), strict=True):
        answer = await world.post(f"/v1/me/privacy/exports/{export_id}/link", party.patient, None)
        made.append(answer.json()["url"].rpartition("/")[2])
    return ids(*made)


async def erasure_requests(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(
        *[(await world.post("/v1/me/privacy/erasure", each.patient, {})).json()["request_id"] for each in both(world)]
    )


async def holds(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in both(world):
        path = f"/v1/staff/patients/{party.patient_id}/legal-holds"
        made.append((await world.post(path, party.staff, BODIES["setLegalHold"])).json()["hold_id"])
    return ids(*made)


async def erasures(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of somebody here whom no other id is of, and of one there: their archives lie in the storage."""
    made = []
    for party in both(world):
        row = patient_fact(str(new_id()), "Erna", None).model_dump(mode="json")
        told = await world.post("/v1/partner/sync/patients", party.partner, {"items": [row]})
        answer = await world.post(f"/v1/staff/patients/{told.json()['rows'][0]['id']}/erasure", party.staff, {})
        made.append(answer.json()["erasure_id"])
    await carry_out_erasures(world.database, world.ports.storage, now())
    return ids(*made)


def both(world: World) -> tuple[Party, Party]:
    return world.here, world.there


async def promotions(world: World, who: str) -> Ids:
    """Open to patients, or drafts for the desk to publish or to end."""
    return ids(*await promotions_of_both(world, drafts=who == "staff"))


async def cards(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*await cards_of_both(world))


async def bills(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*await bills_of_both(world))


async def dicomweb_sources(world: World, who: str) -> Ids:  # noqa: ARG001
    made = []
    for party in both(world):
        body = {"name": f"radiology {next(_COUNT)}", "address": "https://pacs.example"}
        made.append((await world.post("/v1/staff/dicomweb-sources", party.staff, body)).json()["source_id"])
    return ids(*made)


async def patients_with_an_archive(world: World, who: str) -> Ids:
    for party in both(world):
        body = {"name": "radiology", "address": "https://pacs.example"}
        await world.post("/v1/staff/dicomweb-sources", party.staff, body)
    return await external_patients(world, who)


def owned(found: Callable[[World, str], Awaitable[list[object]]]) -> Owners:
    async def owners(world: World, who: str) -> Ids:
        return ids(*await found(world, who))

    return owners


async def patients_with_a_template(world: World, who: str) -> Ids:
    await template(world, world.here, NOTE)
    return await patients(world, who)


async def lines(world: World, who: str) -> Ids:  # noqa: ARG001
    """An app build's key, here and there."""
    return ids(*[await made(world, party, "lines", BODIES["makeLine"], "line_id") for party in both(world)])


async def app_builds(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[await made(world, party, "app-builds", BODIES["makeAppBuild"], "build_id") for party in both(world)])


async def made(world: World, party: Party, what: str, body: dict[str, Any], name: str) -> str:
    """A thing of the clinic under the name that the bodies say; the same where it is there already."""
    answer = await world.post(f"/v1/staff/{what}", party.staff, body)
    if answer.status_code == 409:
        listed = (await world.get(f"/v1/staff/{what}", party.staff)).json()["items"]
        return str(next(each[name] for each in listed if each["name"] == body["name"]))
    assert answer.status_code == 201, answer.text
    return str(answer.json()[name])


async def tasks(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of our clinic and of another; nobody has taken them."""
    return ids(*[await own_task(world, party) for party in both(world)])


async def taken_tasks(world: World, who: str) -> Ids:
    made = await tasks(world, who)
    for party, task_id in zip(both(world), (made.own, *made.foreign), strict=True):
        await world.post(f"/v1/staff/tasks/{task_id}/take", party.staff, None)
    return made


async def own_task(world: World, party: Party, **said: Any) -> str:
    body = {
        "client_id": str(new_id()), "kind": "call", "title": "Ring up", "due_at": rfc3339(now() + DAY),
        "patient_id": str(party.patient_id), **said,
    }  # fmt: skip
    answer = await world.post("/v1/staff/tasks", party.staff, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["task_id"])


async def phone_exchanges(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[(await exchange(world, party))["exchange"]["exchange_id"] for party in both(world)])


async def webhooks(world: World, who: str) -> Ids:  # noqa: ARG001
    body = {"name": "CRM", "address": "https://crm.example/enamel"}
    made = [await world.post("/v1/staff/webhook-endpoints", party.staff, body) for party in both(world)]
    return ids(*[each.json()["endpoint"]["endpoint_id"] for each in made])


async def calls(world: World, who: str) -> Ids:  # noqa: ARG001
    """With a recording, of our patient and of one elsewhere."""
    made = []
    for party in both(world):
        news = {"what": "recorded", "number": party.phone, "recording_url": "https://calls.example/1"}
        await ring(world, await exchange(world, party), str(new_id()), **news)
        async with world.database.writing(party.scope) as writing:  # a look through the API would leave a trace
            newest = text("select id from phone_call order by id desc limit 1")
            made.append((await writing.execute(newest)).scalar_one())
    return ids(*made)


async def surveys(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[await make_survey(world, party) for party in both(world)])


async def invitations(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours, of the neighbour in the same clinic, of somebody elsewhere."""
    here, there = world.here, world.there
    owners = [(here, here.patient_id), (here, here.other_patient_id), (there, there.patient_id)]
    return ids(*[(await ask(world, party, await make_survey(world, party), each))[0] for party, each in owners])


def campaigns(state: str) -> Owners:
    """Of a colleague of ours, and of somebody elsewhere, as far as that."""

    async def owners(world: World, who: str) -> Ids:  # noqa: ARG001
        return ids(*[await in_state(world, party, state) for party in both(world)])

    return owners


async def patients_with_a_survey(world: World, who: str) -> Ids:
    BODIES["askSurvey"] = {"client_id": str(new_id()), "survey_id": await make_survey(world, world.here)}
    return await patients(world, who)


async def segments(world: World, who: str) -> Ids:  # noqa: ARG001
    """A tag of ours with our patient, and one elsewhere with theirs."""
    return ids(*[await segment_with(world, party, {"kind": "manual"}) for party in both(world)])


async def rule_segments(world: World, who: str) -> Ids:  # noqa: ARG001
    said = {"kind": "rule", "criteria": {"kind": "age_at_least", "years": 1}}
    return ids(*[await segment_with(world, party, said) for party in both(world)])


async def segment_with(world: World, party: Party, said: dict[str, Any]) -> str:
    """With the party's patient in it."""
    number = next(_COUNT)
    made = await world.post("/v1/staff/segments", party.staff, {"key": f"s-{number}", "name": f"S {number}", **said})
    assert made.status_code == 201, made.text
    segment_id = str(made.json()["segment_id"])
    await world.http.put(f"/v1/staff/segments/{segment_id}/patients/{party.patient_id}", headers=party.staff)
    return segment_id


async def journeys(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[(await running(world, party))["journey_id"] for party in both(world)])


async def journey_drafts(world: World, who: str) -> Ids:  # noqa: ARG001
    made = [await draft(world, party) for party in both(world)]
    BODIES["publishJourney"] = {"digest": made[0]["digest"]}
    BODIES["changeJourneyDraft"] = {"digest": made[0]["digest"], "journey": made[0]["journey"]}
    return ids(*[each["journey_id"] for each in made])


async def earlier_journeys(world: World, who: str) -> Ids:  # noqa: ARG001
    made = [await running(world, party) for party in both(world)]
    BODIES["publishJourneyAgain"] = {"running_digest": made[0]["digest"]}
    return ids(*[each["journey_id"] for each in made])


async def enrolments(world: World, who: str) -> Ids:  # noqa: ARG001
    return ids(*[await enrolment(world, party) for party in both(world)])


async def manual_journeys(world: World, who: str) -> Ids:  # noqa: ARG001
    manual = {"trigger": {"kind": "manual"}}
    return ids(*[(await running(world, party, **manual))["journey_id"] for party in both(world)])


async def failed_enrolments(world: World, who: str) -> Ids:
    made = await enrolments(world, who)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update enrolment set state = 'exited', exit_reason = 'failed'"))
        await sweeping.execute(text("delete from timer"))
    return made


async def journeys_with_patients(world: World, who: str) -> Ids:  # noqa: ARG001
    """Of ours and of another clinic, each with the party's patient on it."""
    made = []
    for party in both(world):
        journey = RECALL.model_copy(update={"key": f"recall-{next(_COUNT)}"})
        made.append(await journey_of(world, party, journey))
        await put_ways(world, party, made[-1], [Went(party.patient_id)], key=journey.key)
    return ids(*made)


async def teams(world: World, who: str) -> Ids:  # noqa: ARG001
    body = {"name": f"team {next(_COUNT)}", "staff_ids": []}
    return ids(*[(await world.post("/v1/staff/teams", each.staff, body)).json()["team_id"] for each in both(world)])


async def message_templates(world: World, who: str) -> Ids:  # noqa: ARG001
    """One of ours, one of another clinic, in the same place."""
    made, draft = [], {**_MESSAGE_TEXT, "variant": f"v-{next(_COUNT)}"}
    for party in (world.here, world.there):
        answer = await world.post("/v1/staff/message-templates", party.staff, draft)
        made.append(answer.json()["template_id"])
    BODIES["changeMessageTemplate"] = {"version": 1, "draft": draft}
    return ids(*made)


async def stranger_messages(world: World, who: str) -> Ids:  # noqa: ARG001
    """What nobody we know wrote, here and there."""
    made = []
    for party in (world.here, world.there):
        told = Incoming(str(new_id()), "+393330000001", "Good morning", now())
        async with world.database.writing(party.scope) as writing:
            await keep_stranger(writing, party.clinic_id, new_id(), Way.SMS, told, now())
        listed = await world.get("/v1/staff/stranger-messages", party.staff)
        made.append(listed.json()["items"][-1]["message_id"])
    BODIES["assignStrangerMessage"] = {"patient_id": str(world.here.patient_id)}
    return ids(*made)


_MESSAGE_TEXT = {"kind": "visit", "channel": "sms", "language": "it", "text": "{{clinic_name}}"}


IDS: dict[str, Owners] = {
    "line_id": lines,
    "build_id": app_builds,
    "task_id": tasks,
    "releaseTask task_id": taken_tasks,
    "tryTaskAgain task_id": taken_tasks,
    "team_id": teams,
    "survey_id": surveys,
    "journey_id": journeys,
    "changeJourneyDraft journey_id": journey_drafts,
    "deleteJourneyDraft journey_id": journey_drafts,
    "publishJourney journey_id": journey_drafts,
    "publishJourneyAgain journey_id": earlier_journeys,
    "resumeJourney journey_id": journeys,
    "enrolment_id": enrolments,
    "campaign_id": campaigns("draft"),
    "confirmCampaign campaign_id": campaigns("asked"),
    "pauseCampaign campaign_id": campaigns("launched"),
    "resumeCampaign campaign_id": campaigns("paused"),
    "invitation_id": invitations,
    "listJourneyPatients journey_id": journeys_with_patients,
    "putOnJourney journey_id": manual_journeys,
    "repairEnrolment enrolment_id": failed_enrolments,
    "segment_id": segments,
    "freeInSegment segment_id": rule_segments,
    "askSurvey patient_id": patients_with_a_survey,
    "exchange_id": phone_exchanges,
    "endpoint_id": webhooks,
    "call_id": calls,
    "message_template_id": message_templates,
    "stranger_message_id": stranger_messages,
    **{name: owned(found) for name, found in PAPERS.items()},
    "sendDocument patient_id": patients_with_a_template,
    "putPictureElsewhere external_id": patients_with_an_archive,
    "source_id": dicomweb_sources,
    "promotion_id": promotions,
    "card_id": cards,
    "redemption_id": bills,
    "payment_id": payments,
    "link_id": pay_links,
    "export_id": copies,
    "download_token": downloads,
    "erasure_request_id": erasure_requests,
    "hold_id": holds,
    "erasure_id": erasures,
    "access_id": accesses,
    "ward_id": wards,
    "thing_id": pictures,
    "staff_id": colleagues,
    "app_id": apps,
    "patient_id": patients,
    "appointment_id": visits,
    "session_id": sessions,
    "picture_id": pictures_of_clinic,
    "upload_id": uploads,
    "voice_id": voices,
    "decideOnPicture picture_id": held_pictures,
    "series_id": series,
    "conversation_id": conversations,
    "takeCase conversation_id": conversations_with_a_case,
    "assignCase conversation_id": conversations_with_a_case,
    "sortCase conversation_id": conversations_with_a_case,
    "labelCase conversation_id": conversations_with_a_case,
    "case_id": cases,
    "reply_id": canned_replies,
    "external_id": external_patients,
    "request_id": requests,
    "branch_id": branches,
    "slot_id": slots,
    "entry_id": waiting_entries,
    "offer_id": slot_offers,
    "plan_id": plans,
    "group": plan_groups,
}

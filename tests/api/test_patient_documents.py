"""Documents of a patient: sent, seen, filled, acknowledged, declined; each step once and by whom it is for."""

from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from clinic.commands import grant_access
from clinic.household import AccessScope
from core.clock import now
from core.moments import rfc3339
from tests.api.paperwork import CARE, CONSENT, FORM, NOTE, SIGNED_FORM, act, kinds, opened, sent, signed
from tests.api.test_private import family
from tests.world import DAY, World


def given(question: str, **said: Any) -> dict[str, Any]:
    """An answer as it is told."""
    silent = {"text": None, "number": None, "day": None, "yes": None, "choices": None, "repeated": False}
    return {"question": question, **silent, **said}


async def printed(world: World, document: dict[str, Any]) -> str:
    """Every word on its paper."""
    answer = await world.get(f"/v1/me/documents/{document['document_id']}/file", world.here.patient)
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


async def test_a_note_is_sent_seen_and_acknowledged(world: World) -> None:
    made = await sent(world, NOTE)
    assert (made["state"], made["title"]) == ("sent", "For Anna")
    assert made["parts"] == [
        {"kind": "paragraph", "text": "Dear Anna Rossi,"},
        {"kind": "bullet", "text": "read this"},
    ]
    seen = (await act(world, made, "opening")).json()
    assert seen["state"] == "seen"
    done = await act(world, made, "acknowledgement", {"content_sha256": seen["content_sha256"]})
    assert done.json()["state"] == "acknowledged"
    again = await act(world, made, "acknowledgement", {"content_sha256": seen["content_sha256"]})
    assert again.json()["code"] == "document-not-open"
    assert await kinds(world) == ["document.sent", "document.seen", "document.acknowledged"]


async def test_what_was_not_opened_or_is_of_another_content_is_not_acknowledged(world: World) -> None:
    made = await sent(world, NOTE)
    unseen = await act(world, made, "acknowledgement", {"content_sha256": made["content_sha256"]})
    assert unseen.json()["code"] == "document-not-seen"
    await act(world, made, "opening")
    other = await act(world, made, "acknowledgement", {"content_sha256": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (412, "document-content-changed")


async def test_opening_again_is_one_event_and_reading_is_none(world: World) -> None:
    made = await sent(world, NOTE)
    await world.get(f"/v1/me/documents/{made['document_id']}", world.here.patient)
    await act(world, made, "opening")
    await act(world, made, "opening")
    assert await kinds(world) == ["document.sent", "document.seen"]


async def test_documents_are_listed_latest_first_page_by_page_and_by_state(world: World) -> None:
    made = [(await sent(world, draft))["document_id"] for draft in (NOTE, CONSENT, CARE)]
    first = (await world.get("/v1/me/documents", world.here.patient, params={"limit": 2})).json()
    assert [item["document_id"] for item in first["items"]] == made[:0:-1]
    rest = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await world.get("/v1/me/documents", world.here.patient, params=rest)).json()
    assert [item["document_id"] for item in second["items"]] == made[:1]
    assert second["next_cursor"] is None
    await world.post(f"/v1/me/documents/{made[0]}/opening", world.here.patient, None)
    seen = (await world.get("/v1/me/documents", world.here.patient, params={"state": "seen"})).json()["items"]
    assert [item["document_id"] for item in seen] == made[:1]


async def test_what_ran_out_is_told_as_such_and_takes_no_answer(world: World) -> None:
    ahead = rfc3339(now() + DAY)
    made = await sent(world, NOTE, expires_at=ahead)
    late = await world.post(
        f"/v1/staff/patients/{world.here.patient_id}/documents", world.here.staff,
        {"template": "note", "expires_at": rfc3339(now() - DAY)},
    )  # fmt: skip
    assert late.status_code == 422
    from sqlalchemy import update
    from sqlmodel import col

    from cabinet.tables.documents import Document

    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(update(Document).values(expires_at=now()).where(col(Document.title) == "For Anna"))
    assert (await act(world, made, "opening")).json()["state"] == "expired"
    assert (await act(world, made, "refusal", {})).json()["code"] == "document-not-open"
    listed = (await world.get("/v1/me/documents", world.here.patient, params={"state": "expired"})).json()["items"]
    assert [item["document_id"] for item in listed] == [made["document_id"]]


async def test_a_form_begins_with_what_is_known_and_is_handed_in_complete(world: World) -> None:
    form = await opened(world, FORM)
    assert form["answers"] == [given("name", text="Anna")]
    path = f"/v1/me/documents/{form['document_id']}"
    draft = {"answers": [{"question": "smokes", "yes": True}]}
    saved = await world.http.put(f"{path}/answers", headers=world.here.patient, json=draft)
    assert (saved.json()["state"], saved.json()["submitted"]) == ("seen", False)
    short = await act(world, form, "submission", draft)
    assert short.json()["errors"] == [{"pointer": "/questions/1", "code": "missing"}]
    whole = {"answers": [{"question": "how_many", "number": 5}, {"question": "smokes", "yes": False}]}
    done = (await act(world, form, "submission", whole)).json()
    assert done["state"] == "filled"
    assert [answer["question"] for answer in done["answers"]] == ["smokes"]  # the other is not asked then
    assert (await act(world, form, "submission", whole)).json()["code"] == "document-not-open"
    next_time = await opened(world, FORM)
    assert next_time["answers"] == [given("smokes", yes=False, repeated=True), given("name", text="Anna")]
    draft = {"answers": [given("smokes", yes=False)]}
    again = await world.http.put(
        f"/v1/me/documents/{next_time['document_id']}/answers", headers=world.here.patient, json=draft
    )
    assert again.json()["answers"] == draft["answers"]
    handed = await act(world, next_time, "submission", {"answers": next_time["answers"]})
    assert [answer["repeated"] for answer in handed.json()["answers"]] == [False, False]


async def test_answers_of_another_kind_are_refused_with_their_place_and_not_their_value(world: World) -> None:
    form = await opened(world, FORM)
    body = {"answers": [{"question": "smokes", "text": "twenty a day"}]}
    answer = await act(world, form, "submission", body)
    assert answer.status_code == 422
    assert {"pointer": "/answers/0", "code": "answer-of-another-kind"} in answer.json()["errors"]
    assert "twenty" not in answer.text


async def test_what_no_font_can_set_is_refused_before_it_would_be_sealed_as_something_else(world: World) -> None:
    form = await opened(world, FORM)
    path = f"/v1/me/documents/{form['document_id']}/answers"
    for said, held in (("fine \U0001f600", False), ("\u202eabc", False), ("Zoë 王 Ёж, 3 × 2 €\n—", True)):
        body = {"answers": [{"question": "smokes", "yes": False}, {"question": "name", "text": said}]}
        draft = await world.http.put(path, headers=world.here.patient, json=body)
        assert draft.status_code == (200 if held else 422)
        if not held:
            refused = (await act(world, form, "submission", body)).json()
            fault = {"pointer": "/answers/1", "code": "character-not-printable"}
            assert draft.json()["errors"] == refused["errors"] == [fault]
    assert (await act(world, form, "submission", body)).json()["answers"][1]["text"] == said


async def test_a_draft_does_not_change_what_was_handed_in(world: World) -> None:
    form = await opened(world, SIGNED_FORM)
    whole = {"answers": [{"question": "smokes", "yes": False}]}
    filled = (await act(world, form, "submission", whole)).json()
    assert filled["state"] == "filled"
    path = f"/v1/me/documents/{form['document_id']}/answers"
    late = await world.http.put(path, headers=world.here.patient, json={"answers": []})
    assert late.json()["code"] == "answers-submitted"
    anew = (
        await act(world, form, "submission", {"answers": [*whole["answers"], {"question": "name", "text": "A"}]})
    ).json()
    assert anew["content_sha256"] != filled["content_sha256"]


async def test_a_sheet_of_personal_data_becomes_a_request_and_changes_nothing_itself(world: World) -> None:
    await world.post("/v1/staff/document-templates/ready-made", world.here.staff, None)
    sheet = await opened(world, {"code": "personal_data"})
    filled = {answer["question"]: answer for answer in sheet["answers"]}
    assert (filled["given_name"]["text"], filled["birth_date"]["day"]) == ("Anna", "1985-05-17")
    said = [
        {"question": key, **{k: v for k, v in each.items() if v and k != "question"}} for key, each in filled.items()
    ]
    said = [each for each in said if each["question"] != "phone"] + [{"question": "phone", "text": "+39 02 999"}]
    assert (await act(world, sheet, "submission", {"answers": said})).json()["state"] == "filled"
    (request,) = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert (request["kind"], request["subject_id"]) == ("correct_record", sheet["document_id"])
    assert {"question": "phone", "text": "+39 02 999"} in request["details"]["answers"]
    card = await world.get("/v1/staff/patients", world.here.staff, params={"phone": world.here.phone})
    assert len(card.json()["items"]) == 1


async def test_a_document_is_declined_with_a_word_and_taken_back_by_the_clinic(world: World) -> None:
    consent = await opened(world, CONSENT)
    declined = (await act(world, consent, "refusal", {"note": "I want to think"})).json()
    assert (declined["state"], declined["note"]) == ("declined", "I want to think")
    note = await sent(world, NOTE)
    path = f"/v1/staff/documents/{note['document_id']}/withdrawal"
    assert (await world.post(path, world.here.staff, {"note": "wrong one"})).json()["state"] == "withdrawn"
    assert (await act(world, note, "opening")).json()["state"] == "withdrawn"
    assert (await world.post(path, world.here.staff, {})).json()["code"] == "document-not-open"
    again = f"/v1/staff/documents/{consent['document_id']}/withdrawal"
    assert (await world.post(again, world.here.staff, {})).status_code == 409


async def test_an_instruction_is_read_and_asks_for_nothing(world: World) -> None:
    care = await opened(world, CARE)
    for verb, body in (
        ("refusal", {}),
        ("acknowledgement", {"content_sha256": care["content_sha256"]}),
        ("signature", {"content_sha256": care["content_sha256"], "method": "click"}),
    ):
        assert (await act(world, care, verb, body)).json()["code"] == "document-not-open"


async def test_what_was_sent_and_taken_back_is_told_without_a_word_of_it(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/documents"
    await sent(world, FORM)
    made = (await world.post(path, world.here.staff, {"template": "form"})).json()
    assert not {"answers", "parts", "questions"} & made.keys()
    assert (made["title"], made["state"], made["private"]) == ("Form", "sent", False)
    back = await world.post(f"/v1/staff/documents/{made['document_id']}/withdrawal", world.here.staff, {})
    assert (back.json()["state"], back.json().keys()) == ("withdrawn", made.keys())


async def test_a_paper_that_was_taken_back_is_not_handed_out(world: World) -> None:
    note = await opened(world, NOTE)
    path = f"/v1/me/documents/{note['document_id']}/file"
    assert (await world.get(path, world.here.patient)).status_code == 200
    await world.post(f"/v1/staff/documents/{note['document_id']}/withdrawal", world.here.staff, {"note": "wrong one"})
    refused = await world.get(path, world.here.patient)
    assert (refused.status_code, refused.json()["code"]) == (409, "document-withdrawn")
    staff = await world.get(f"/v1/staff/documents/{note['document_id']}/file", world.here.staff)
    assert staff.status_code == 200


async def test_a_file_that_the_storage_lost_is_said_to_be_lost(world: World) -> None:
    consent = await opened(world, CONSENT)
    await signed(world, consent)
    await world.ports.storage.erase_under(str(world.here.clinic_id))
    path = f"/v1/me/documents/{consent['document_id']}"
    lost = await world.get(f"{path}/file", world.here.patient)
    assert (lost.status_code, lost.json()["code"]) == (404, "file-lost")
    assert not (await world.get(f"{path}/verification", world.here.patient)).json()["file_found"]


async def test_the_paper_says_who_acknowledged_it_and_when(world: World) -> None:
    note = await opened(world, NOTE)
    done = (await act(world, note, "acknowledgement", {"content_sha256": note["content_sha256"]})).json()
    assert (done["answered"]["name"], done["answered"]["relation"]) == ("Anna Rossi", "self")
    assert done["answered"]["at"] == done["closed_at"]
    text = await printed(world, note)
    assert "Read and acknowledged" in text
    assert "the patient" in text
    assert note["content_sha256"][:32] in text


async def test_a_guardian_of_no_record_here_is_named_as_they_said(world: World) -> None:
    emma, _, mother = await family(world)
    form = await sent(world, FORM, patient_id=emma)
    path = f"/v1/patients/{emma}/documents/{form['document_id']}"
    await world.post(f"{path}/opening", mother.headers, None)
    body = {"answers": [{"question": "smokes", "yes": False}], "signer_name": "Paola Bianchi"}
    done = (await world.post(f"{path}/submission", mother.headers, body)).json()
    assert (done["answered"]["name"], done["answered"]["relation"]) == ("Paola Bianchi", "guardian")


async def test_the_paper_is_a_pdf_in_the_language_of_the_patient(world: World) -> None:
    consent = await sent(world, CONSENT)
    answer = await world.get(f"/v1/me/documents/{consent['document_id']}/file", world.here.patient)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    text = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert "Acconsento, Anna Rossi." in text
    assert "17 maggio 1985" in text


@pytest.mark.parametrize(("scopes", "views", "writes"), [
    ([AccessScope.VIEW_DOCUMENTS, AccessScope.SIGN], 200, 200), ([AccessScope.VIEW_DOCUMENTS], 200, 403),
    ([AccessScope.VIEW_CHART], 403, 403),
])  # fmt: skip
async def test_a_carer_does_what_they_were_let(
    world: World, scopes: list[AccessScope], views: int, writes: int
) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(
            writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now(), scopes=scopes
        )
    note = await sent(world, NOTE, patient_id=here.other_patient_id)
    path = f"/v1/patients/{here.other_patient_id}/documents"
    assert (await world.get(path, here.patient)).status_code == views
    one = f"{path}/{note['document_id']}"
    assert (await world.post(f"{one}/opening", here.patient, None)).status_code == views
    body = {"content_sha256": note["content_sha256"]}
    if views == 200:
        assert (await world.post(f"{one}/acknowledgement", here.patient, body)).status_code == writes
    mine = await world.get(f"/v1/me/documents/{note['document_id']}", here.patient)
    assert mine.status_code == 404


async def test_nobody_certifies_a_year_that_has_not_begun(world: World) -> None:
    asked = await world.post("/v1/me/tax-certificates", world.here.patient, {"year": now().year + 2})
    assert (asked.status_code, asked.json()["errors"]) == (422, [{"pointer": "/year", "code": "in-the-future"}])


async def test_a_certificate_of_a_year_is_asked_for_once_at_a_time(world: World) -> None:
    asked = await world.post("/v1/me/tax-certificates", world.here.patient, {"year": 2025})
    assert (asked.status_code, asked.json()["kind"], asked.json()["details"]) == (
        202,
        "tax_certificate",
        {"year": 2025},
    )
    again = await world.post("/v1/me/tax-certificates", world.here.patient, {"year": 2025})
    assert again.json()["code"] == "request-already-open"
    assert (await world.post("/v1/me/tax-certificates", world.here.patient, {"year": 2024})).status_code == 202

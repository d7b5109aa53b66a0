"""Papers of the clinic's own system: told of, filled with a plain PDF, and only then shown."""

import httpx

from cabinet.paper import Letterhead, Paper, Paragraph, printed
from tests.api.paperwork import CONSENT, FORM, act, kinds, opened, sent, signed
from tests.world import World

PDF = printed(Paper("Ricetta", "it", Letterhead("Rome Dental"), (Paragraph("Amoxicillina"),)))
ROW = {
    "external_id": "rx-1", "version": 1, "patient": "anna", "kind": "prescription", "title": "Ricetta",
    "issued_on": "2026-11-20",
}  # fmt: skip


async def put(world: World, content: bytes, name: str = "rx-1") -> httpx.Response:
    path = f"/v1/partner/documents/{name}/file"
    return await world.http.put(path, headers=world.here.partner, files={"file": ("rx.pdf", content)})


async def told(world: World, **more: object) -> httpx.Response:
    return await world.post("/v1/partner/sync/documents", world.here.partner, {"items": [{**ROW, **more}]})


async def test_a_prescription_is_shown_once_its_file_is_there(world: World) -> None:
    assert (await told(world)).json()["created"] == 1
    assert (await world.get("/v1/me/documents", world.here.patient)).json()["items"] == []
    answer = await put(world, PDF)
    assert answer.json()["outcome"] == "created"
    (shown,) = (await world.get("/v1/me/documents", world.here.patient)).json()["items"]
    assert (shown["kind"], shown["asks"], shown["issued_on"]) == ("prescription", "read", "2026-11-20")
    file = await world.get(f"/v1/me/documents/{shown['document_id']}/file", world.here.patient)
    assert file.content == PDF
    assert await kinds(world) == ["document.sent"]


async def test_telling_and_sending_again_changes_nothing(world: World) -> None:
    await told(world)
    assert (await told(world)).json()["unchanged"] == 1
    assert [(await put(world, PDF)).json()["outcome"] for _ in range(2)] == ["created", "unchanged"]
    other = await put(world, PDF.replace(b"%%EOF", b"%%EOF\n"))
    assert other.json()["code"] == "document-file-differs"
    assert len(await world.ports.storage.keys_under(str(world.here.clinic_id))) == 1
    assert (await told(world, version=2, title="Ricetta bianca")).json()["updated"] == 1
    (shown,) = (await world.get("/v1/me/documents", world.here.patient)).json()["items"]
    assert shown["title"] == "Ricetta bianca"
    assert await kinds(world) == ["document.sent", "document.changed"]


async def test_a_paper_stays_with_its_patient(world: World) -> None:
    await told(world)
    moved = (await told(world, version=2, patient="boris")).json()
    assert moved["refusals"][0]["errors"] == [{"pointer": "/patient", "code": "of-another-patient"}]
    nobody = (await told(world, external_id="rx-2", patient="nobody")).json()
    assert nobody["refusals"][0]["errors"] == [{"pointer": "/patient", "code": "unknown-reference"}]


async def test_a_file_that_is_no_plain_pdf_or_of_nothing_is_refused(world: World) -> None:
    await told(world)
    for content in (b"GIF89a", PDF[:300]):
        answer = await put(world, content)
        assert (answer.status_code, answer.json()["code"]) == (422, "pdf-refused")
    assert (await put(world, PDF, "rx-9")).status_code == 404
    assert (await world.get("/v1/me/documents", world.here.patient)).json()["items"] == []


async def test_staff_sees_state_and_answers_and_that_is_noted(world: World) -> None:
    form = await opened(world, FORM)
    await act(world, form, "submission", {"answers": [{"question": "smokes", "yes": True},
                                                      {"question": "how_many", "number": 5}]})  # fmt: skip
    path = f"/v1/staff/documents/{form['document_id']}"
    seen = (await world.get(path, world.here.staff)).json()
    assert [answer["number"] for answer in seen["answers"]] == [None, 5]
    consent = await opened(world, CONSENT)
    await signed(world, consent)
    file = await world.get(f"/v1/staff/documents/{consent['document_id']}/file", world.here.staff)
    assert file.content.startswith(b"%PDF-")
    verified = await world.get(f"/v1/staff/documents/{consent['document_id']}/verification", world.here.staff)
    assert verified.json()["holds"]
    listed = await world.get(f"/v1/staff/patients/{world.here.patient_id}/documents", world.here.staff)
    assert [item["state"] for item in listed.json()["items"]] == ["signed", "filled"]
    assert (await kinds(world)).count("document.read") == 4


async def test_what_the_other_clinic_sent_is_not_there_for_us(world: World) -> None:
    theirs = await sent(world, CONSENT, party=world.there)
    for path in ("", "/file", "/verification"):
        answer = await world.get(f"/v1/staff/documents/{theirs['document_id']}{path}", world.here.staff)
        assert answer.status_code == 404

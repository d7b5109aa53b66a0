"""Templates of staff: sound ones are kept in versions, and what was sent stays as it was."""

from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from cabinet.ready_templates import ready_templates
from tests.api.paperwork import CARE, CONSENT, FORM, NOTE, sent, template
from tests.world import World

PATH = "/v1/staff/document-templates"


def changed(draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**draft, **more}


def with_body(body: str) -> dict[str, Any]:
    return changed(NOTE, texts=[{**NOTE["texts"][0], "body": body}])  # type: ignore[dict-item]


async def test_a_new_version_leaves_what_was_sent_as_it_was(world: World) -> None:
    before = await sent(world, NOTE)
    template_id = await template(world, world.here, NOTE)
    draft = with_body("Now {{clinic.name}} says something else.")
    path = f"{PATH}/{template_id}"
    answer = await world.http.put(path, headers=world.here.staff, json={"version": 1, "draft": draft})
    assert answer.json()["version"] == 2
    kept = (await world.get(f"/v1/me/documents/{before['document_id']}", world.here.patient)).json()
    assert (kept["template_version"], kept["parts"], kept["content_sha256"]) == (
        1, before["parts"], before["content_sha256"],
    )  # fmt: skip
    after = await sent(world, NOTE)
    assert after["template_version"] == 2
    assert after["parts"][0]["text"] == "Now Rome Dental says something else."


async def test_who_changes_an_older_version_is_told(world: World) -> None:
    path = f"{PATH}/{await template(world, world.here, NOTE)}"
    for version, status in ((1, 200), (1, 412), (7, 412), (2, 200)):
        answer = await world.http.put(path, headers=world.here.staff, json={"version": version, "draft": NOTE})
        assert answer.status_code == status
    other = {"version": 3, "draft": changed(NOTE, code="other")}
    assert (await world.http.put(path, headers=world.here.staff, json=other)).json()["code"] == "template-code-taken"


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        (with_body("{{7*7}}"), "/texts/0/body"),
        (with_body("{{patient.diagnosis}}"), "/texts/0/body"),
        (changed(NOTE, asks="sign"), "/methods"),
        (changed(NOTE, methods=["click"]), "/methods"),
        (changed(NOTE, asks="fill"), "/questions"),
        (changed(FORM, asks="read"), "/asks"),
        (changed(FORM, texts=[{**FORM["texts"][0], "labels": []}]), "/texts/0/labels"),  # type: ignore[dict-item]
        (with_body("Well done \U0001f600"), "/texts/0/body"),
        (changed(NOTE, texts=NOTE["texts"] * 2), "/texts"),  # type: ignore[operator]
    ],
)
async def test_a_template_that_could_not_be_sent_is_refused(world: World, draft: dict[str, Any], pointer: str) -> None:
    answer = await world.post(PATH, world.here.staff, draft)
    assert (answer.status_code, answer.json()["code"]) == (422, "template-refused")
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_what_is_put_away_is_not_sent_and_its_code_stays_taken(world: World) -> None:
    template_id = await template(world, world.here, CARE)
    for status in (204, 404):
        gone = await world.http.delete(f"{PATH}/{template_id}", headers=world.here.staff)
        assert gone.status_code == status
    path = f"/v1/staff/patients/{world.here.patient_id}/documents"
    answer = await world.post(path, world.here.staff, {"template": "care"})
    assert answer.json()["errors"] == [{"pointer": "/template", "code": "unknown-reference"}]
    assert (await world.post(PATH, world.here.staff, CARE)).json()["code"] == "template-code-taken"


async def test_the_ready_made_ones_are_added_once_and_do_not_touch_the_clinics_own(world: World) -> None:
    own = changed(NOTE, code="triage")
    assert (await world.post(PATH, world.here.staff, own)).status_code == 201
    first = (await world.post(f"{PATH}/ready-made", world.here.staff, None)).json()["codes"]
    assert sorted([*first, "triage"]) == [draft.code for draft in ready_templates()]
    assert (await world.post(f"{PATH}/ready-made", world.here.staff, None)).json()["codes"] == []
    listed = (await world.get(PATH, world.here.staff)).json()
    assert next(each for each in listed["items"] if each["code"] == "triage")["kind"] == "note"
    assert "patient.given_name" in [field["name"] for field in listed["fields"]]


async def test_a_preview_shows_examples_and_no_patient(world: World) -> None:
    template_id = await template(world, world.here, FORM)
    answer = await world.get(f"{PATH}/{template_id}/preview", world.here.staff, params={"language": "it"})
    text = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert answer.headers["content-type"] == "application/pdf"
    assert "Do you smoke?" in text


async def test_a_document_is_about_a_visit_or_plan_of_its_own_patient(world: World) -> None:
    about = changed(CONSENT, code="about", texts=[{**CONSENT["texts"][0], "body": "{{visit.service}}"}])  # type: ignore[dict-item]
    path = f"/v1/staff/patients/{world.here.patient_id}/documents"
    await template(world, world.here, about)
    order = {"template": "about"}
    for name in ("appointment_id", "plan_id"):
        body = {**order, name: str(world.here.other_patient_id)}
        answer = await world.post(path, world.here.staff, body)
        assert answer.json()["errors"] == [{"pointer": f"/{name}", "code": "unknown-reference"}]
    read = changed(NOTE, code="read", texts=[{**NOTE["texts"][0], "body": "{{visit.service}}"}])  # type: ignore[dict-item]
    assert (await sent(world, read))["parts"][0]["text"] == "—"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("{{visit.service}} {{visit.starts_at}}", {"pointer": "/appointment_id", "code": "missing"}),
        ("{{plan.title}}: {{plan.total}}", {"pointer": "/plan_id", "code": "missing"}),
        ("Born on {{patient.birth_date}}, {{branch.phone}}", {"pointer": "/fields/branch.phone", "code": "empty"}),
    ],
)
async def test_what_is_to_be_signed_has_no_gap(world: World, body: str, fault: dict[str, str]) -> None:
    about = changed(CONSENT, texts=[{**CONSENT["texts"][0], "body": body}])  # type: ignore[dict-item]
    await template(world, world.here, about)
    path = f"/v1/staff/patients/{world.here.patient_id}/documents"
    answer = await world.post(path, world.here.staff, {"template": about["code"]})
    assert (answer.status_code, answer.json()["errors"]) == (422, [fault])
    assert (await world.get(path, world.here.staff)).json()["items"] == []

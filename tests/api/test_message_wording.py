"""How a clinic words what it sends: what is refused when it is kept, and what each channel shows."""

from typing import Any

from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from tests.world import DAY, World

DRAFT: dict[str, Any] = {
    "kind": "visit", "channel": "sms", "language": "it", "tone": "formal",
    "text": "{{clinic_name}}: la aspettiamo {{visit_day}} alle {{visit_time}}. {{link}}",
}  # fmt: skip
TEXTS = "/v1/staff/message-templates"


async def shown(world: World, **of: Any) -> dict[str, dict[str, Any]]:
    answer = await world.post(f"{TEXTS}/preview", world.here.staff, {"kind": "visit", **of})
    assert answer.status_code == 200, answer.text
    return {line["channel"]: line for line in answer.json()["items"]}


async def a_visit(world: World) -> str:
    start = now() + 3 * DAY
    body = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 24), "service": "Root canal"}
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    return str((await world.post(path, world.here.staff, body)).json()["appointment_id"])


async def refusal(world: World, **other: Any) -> set[tuple[str, str]]:
    answer = await world.post(TEXTS, world.here.staff, {**DRAFT, **other})
    assert (answer.status_code, answer.json()["code"]) == (422, "wording-refused"), answer.text
    return {(each["pointer"], each["code"]) for each in answer.json()["errors"]}


async def test_a_text_that_could_not_be_sent_one_day_is_refused_when_it_is_kept(world: World) -> None:
    assert await refusal(world, text="{{tooth}}") == {("/text", "unknown-variable")}
    assert await refusal(world, text="{{visit_day") == {("/text", "open-braces")}
    assert await refusal(world, text="{{7*7}}") == {("/text", "unknown-variable")}
    assert await refusal(world, text="{{service}}") == {("/text", "too-private")}
    assert await refusal(world, text="{{patient_name}}") == {("/text", "too-private")}
    assert await refusal(world, kind="recall") == {("/text", "not-of-this-kind")}
    assert await refusal(world, text="я" * 410) == {("/text", "too-many-segments")}
    assert await refusal(world, text="") == {("/text", "missing")}
    assert await refusal(world, title="x") == {("/title", "not-of-this-channel")}
    mail = {"channel": "email", "text": "{{patient_name}}"}
    assert await refusal(world, **mail, title="{{visit_day}}") == {("/title", "too-private")}
    assert await refusal(world, **mail, title="x" * 79) == {("/title", "subject-too-long")}
    assert await refusal(world, channel="push", text="я" * 1_600) == {("/text", "too-long")}
    named = {"channel": "whatsapp", "approved_name": "reminder", "approved_language": "it"}
    assert await refusal(world, **named) == {("/text", "not-of-this-channel")}
    told = {**named, "text": "", "approved_values": ["service"]}
    assert await refusal(world, **told) == {("/approved_values", "too-private")}


async def test_links_below_an_sms_count_as_they_are_sent(world: World) -> None:
    """They are longer than most words, and in some alphabets cost more than they do."""
    lines = await shown(world, kind="recall", language="ru")
    assert "/l/" in lines["sms"]["text"]
    assert "\nSTOP: https://" in lines["sms"]["text"]
    assert lines["sms"]["length"]["cost_units"] == 4
    own = "{{clinic_name}}: {{link}}"
    tried = await shown(world, draft={**DRAFT, "language": "en", "text": own}, mode="when", language="en")
    assert tried["sms"]["text"].count("https://") == 1
    full = "x" * (6 * 153 - 20)
    assert await refusal(world, text=full) == {("/text", "too-many-segments")}
    assert await refusal(world, kind="recall", text="x" * (6 * 153 - 150)) == {("/text", "too-many-segments")}
    fits = await world.post(TEXTS, world.here.staff, {**DRAFT, "text": "x" * (6 * 153 - 100)})
    assert fits.status_code == 201, fits.text


async def test_names_count_with_the_longest_there_are(world: World) -> None:
    """What fits with a short name fits with a long one, or it is refused: sending refuses nothing."""
    many = "{{branch_name}} " * 25
    assert await refusal(world, text=many) == {("/text", "too-many-segments")}


async def test_only_who_chose_it_reads_the_time_of_the_visit_on_a_lock_screen(world: World) -> None:
    added = await world.post(TEXTS, world.here.staff, DRAFT)
    assert added.status_code == 201, added.text
    visit = await a_visit(world)
    of = {"patient_id": str(world.here.patient_id), "appointment_id": visit}
    before = await shown(world, **of)
    assert not before["sms"]["own"]
    assert before["sms"]["text"].startswith("Rome Dental: ci sono novità sulla Sua visita. https://")
    chosen = await world.http.put("/v1/me/lock-screen", headers=world.here.patient, json={"mode": "when"})
    assert chosen.status_code == 204, chosen.text
    assert (await world.get("/v1/me/lock-screen", world.here.patient)).json() == {"mode": "when"}
    after = await shown(world, **of)
    assert after["sms"]["own"]
    assert after["sms"]["text"].startswith("Rome Dental: la aspettiamo ")
    assert "{{" not in str(after)
    assert "Root canal" not in str(after)
    assert after["email"]["title"] == "Sulla visita"
    assert after["email"]["text"].startswith("Gentile Anna,")


async def test_a_look_at_a_patients_words_is_told_and_needs_the_right(world: World) -> None:
    unknown = await world.post(f"{TEXTS}/preview", world.here.staff, {"kind": "visit", "patient_id": str(new_id())})
    foreign = {"kind": "visit", "patient_id": str(world.there.patient_id)}
    assert unknown.status_code == 404
    assert (await world.post(f"{TEXTS}/preview", world.here.staff, foreign)).status_code == 404


async def test_a_draft_is_tried_out_and_not_kept(world: World) -> None:
    draft = {**DRAFT, "language": "en", "text": "{{clinic_name}} — see you on {{visit_day}}"}
    lines = await shown(world, draft=draft, mode="when", language="en")
    assert lines["sms"]["text"].startswith("Studio Rossi — see you on 25 November 2026 https://")
    assert (lines["sms"]["length"]["segments"], lines["sms"]["length"]["alphabet"]) == (1, "gsm")
    assert lines["push"]["text"] == "we expect you on 25 November 2026 at 10:30."
    assert lines["whatsapp"]["own"] is False
    assert (await world.get(TEXTS, world.here.staff)).json()["items"] == []


async def test_versions_follow_each_other_and_a_place_is_taken_once(world: World) -> None:
    text = (await world.post(TEXTS, world.here.staff, DRAFT)).json()
    assert (await world.post(TEXTS, world.here.staff, DRAFT)).json()["code"] == "wording-place-taken"
    path = f"{TEXTS}/{text['template_id']}"
    news = {"version": 1, "draft": {**DRAFT, "text": "Ciao"}}
    changed = await world.http.put(path, headers=world.here.staff, json=news)
    assert changed.json()["version"] == 2, changed.text
    stale = await world.http.put(path, headers=world.here.staff, json=news)
    assert (stale.status_code, stale.json()["code"]) == (412, "wording-changed-meanwhile")
    moved = {"version": 2, "draft": {**DRAFT, "channel": "chat"}}
    assert (await world.http.put(path, headers=world.here.staff, json=moved)).status_code == 409
    assert (await world.http.delete(path, headers=world.here.staff)).status_code == 204
    assert (await world.http.delete(path, headers=world.here.staff)).status_code == 404
    assert (await world.post(TEXTS, world.here.staff, DRAFT)).status_code == 201


async def test_the_clinic_speaks_in_the_tone_it_chose(world: World) -> None:
    assert "Sua" in (await shown(world, language="it"))["sms"]["text"]
    chosen = await world.http.put(f"{TEXTS}/tone", headers=world.here.staff, json={"tone": "informal"})
    assert chosen.status_code == 204
    assert "tua" in (await shown(world, language="it"))["sms"]["text"]


async def test_a_step_has_words_of_its_own_and_the_clinic_may_write_others(world: World) -> None:
    known = (await world.get(TEXTS, world.here.staff)).json()["wordings"]
    assert {"wording": "check-up-recall", "kind": "recall"} in known
    of = {"kind": "recall", "wording": "check-up-recall", "language": "en"}
    ready = await shown(world, **of)
    assert ready["push"]["title"] == "Time for a check-up"
    assert ready["sms"]["text"].startswith("Studio Rossi: it is time for a check-up.")
    generic = {**DRAFT, "kind": "recall", "language": "en", "text": "Of the kind"}
    for text in (generic, {**generic, "wording": "check-up-recall", "text": "Of the step"}):
        added = await world.post(TEXTS, world.here.staff, text)
        assert added.status_code == 201, added.text
    assert (await shown(world, **of))["sms"]["text"].startswith("Of the step")
    assert (await shown(world, kind="recall", language="en"))["sms"]["text"].startswith("Of the kind")
    other = await shown(world, **{**of, "wording": "hygiene-recall"})
    assert other["sms"]["text"].startswith("Studio Rossi: it is time for your regular visit.")
    assert (await shown(world, **{**of, "wording": "of-our-own"}))["sms"]["text"].startswith("Of the kind")


async def test_a_wording_is_part_of_a_texts_place(world: World) -> None:
    text = (await world.post(TEXTS, world.here.staff, {**DRAFT, "wording": "visit-moved"})).json()
    path = f"{TEXTS}/{text['template_id']}"
    moved = {"version": 1, "draft": {**DRAFT, "wording": "visit-remind"}}
    assert (await world.http.put(path, headers=world.here.staff, json=moved)).status_code == 409
    again = await world.post(TEXTS, world.here.staff, {**DRAFT, "wording": "visit-moved"})
    assert again.json()["code"] == "wording-place-taken"
    wrong = await world.post(TEXTS, world.here.staff, {**DRAFT, "wording": "Visit moved"})
    assert wrong.status_code == 422

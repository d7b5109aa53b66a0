"""The story itself, step by step; ends the process with 1 at the first step that does not hold."""

import asyncio
import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from core.settings import Settings
from enamel.tour.caller import Caller, TourFailed, eventually
from enamel.tour.conversation import talk
from enamel.tour.facts import Newcomer, newcomer
from enamel.tour.narrator import Narrator


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a step needs: who calls, and what the demo says of itself."""

    narrator: Narrator
    session: aiohttp.ClientSession
    demo: dict[str, Any]
    person: Newcomer
    anybody: Caller


def tour(settings: Settings) -> int:
    narrator = Narrator()
    file = settings.data / "demo.json"
    if not file.exists():
        print(f"enamel: there is no {file}: start the demo first, with `make run`", file=sys.stderr)
        return 1
    try:
        asyncio.run(_walk(narrator, json.loads(file.read_text())))
    except TourFailed as failure:
        narrator.failed(str(failure))
        return 1
    except LookupError as error:
        narrator.failed(f"an answer lacks what it should hold: {error}")
        return 1
    except (aiohttp.ClientError, TimeoutError) as error:
        narrator.failed(f"the demo does not answer ({type(error).__name__}): is `make run` still running?")
        return 1
    narrator.done()
    return 0


async def _walk(narrator: Narrator, demo: dict[str, Any]) -> None:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(demo["url"], timeout=timeout) as session:
        person = newcomer(demo["branches"])
        stage = Stage(narrator, session, demo, person, Caller(session, narrator))
        system = await push_facts(stage)
        staff = await staff_signs_in(stage)
        patient_id, link_code = await staff_invites(stage, staff)
        patient = await patient_signs_in(stage, link_code)
        await open_cabinet(stage, patient)
        notice_id = await be_reminded(stage, patient, system)
        await open_reminder(stage, patient, notice_id)
        await talk(stage.session, narrator, patient, staff, demo["clinic_id"])
        await book(stage, staff, patient, patient_id)


async def push_facts(stage: Stage) -> Caller:
    stage.narrator.step("The clinic's own system pushes its facts in")
    partner = stage.demo["partner"]
    form = aiohttp.FormData({"grant_type": "client_credentials", **partner})
    token = await stage.anybody.send_form("POST", "/v1/auth/partner/token", form, {"client_id": partner["client_id"]})
    system = stage.anybody.signed_in(token["access_token"])
    person = stage.person
    for kind in ("patients", "appointments", "findings", "plans", "promotions"):
        await _push(system, kind, person)
    picture = aiohttp.FormData({"kind": "xray", "taken_on": person.taken_on, "released": "true"})
    picture.add_field("file", person.radiograph, filename="panoramic.jpg", content_type="image/jpeg")
    path = f"/v1/partner/patients/{person.external_id}/pictures/{person.external_id}-opg"
    await system.send_form("PUT", path, picture, "a panoramic x-ray, image/jpeg")
    stage.narrator.say("The same batch once more: nothing has changed, and that is noticed.")
    again = await system.call("POST", "/v1/partner/sync/patients", {"items": person.facts["patients"]})
    if again["unchanged"] != 1:
        raise TourFailed("the same row was not recognised as unchanged")
    return system


async def _push(system: Caller, kind: str, person: Newcomer) -> None:
    rows = person.facts[kind]
    report = await system.call("POST", f"/v1/partner/sync/{kind}", {"items": rows})
    if report["refused"] or report["created"] != len(rows):
        raise TourFailed(f"not every one of the {len(rows)} {kind} was taken")


async def staff_signs_in(stage: Stage) -> Caller:
    stage.narrator.step("The desk signs in")
    body = {**stage.demo["staff"], "clinic_id": stage.demo["clinic_id"], "device_key": uuid.uuid4().hex}
    tokens = await stage.anybody.call("POST", "/v1/auth/staff", body, expect=201)
    return stage.anybody.signed_in(tokens["access_token"])


async def staff_invites(stage: Stage, staff: Caller) -> tuple[str, str]:
    stage.narrator.step("The desk has seen a document and hands over a link code")
    found = await staff.call("GET", f"/v1/staff/patients?phone=%2B{stage.person.phone[1:]}")
    patient_id: str = found["items"][0]["patient_id"]
    issued = await staff.call("POST", f"/v1/staff/patients/{patient_id}/link-codes", {"relation": "self"}, expect=201)
    return patient_id, issued["code"]


async def patient_signs_in(stage: Stage, link_code: str) -> Caller:
    stage.narrator.step("The patient signs in by phone and code")
    phone = stage.person.phone
    asked = await stage.anybody.call("POST", "/v1/auth/otp", {"phone": phone}, expect=202)

    async def texted() -> str | None:
        return _printed(stage, "sms", phone)

    text: str = await eventually("the code arrives by SMS", texted)
    stage.narrator.answered("SMS, printed by the development twin", text)
    proof = {
        "challenge_id": asked["challenge_id"],
        "code": next(word for word in text.split() if word.isdigit()),
        "clinic_id": stage.demo["clinic_id"],
        "device_key": uuid.uuid4().hex,
        "device_name": "Tour phone",
    }
    tokens = await stage.anybody.call("POST", "/v1/auth/sessions", proof, expect=201)
    patient = stage.anybody.signed_in(tokens["access_token"])
    stage.narrator.say("A phone alone opens no record:")
    await patient.call("GET", "/v1/me/cabinet", expect=403)
    await patient.call("POST", "/v1/me/link", {"code": link_code})
    return patient


async def open_cabinet(stage: Stage, patient: Caller) -> None:
    stage.narrator.step("The cabinet: chart, plan with prices, x-ray, promotion, next visit")

    async def ready() -> Any:
        cabinet = await patient.call("GET", "/v1/me/cabinet", quiet=True)
        return cabinet if cabinet["pictures"] else None

    cabinet = await eventually("the worker has made the x-ray's previews", ready)
    stage.narrator.sent("GET /v1/me/cabinet")
    teeth = cabinet["chart"]["teeth"]
    told = {
        "patient": cabinet["patient"],
        "chart": {"dentition": cabinet["chart"]["dentition"], "teeth": len(teeth)},
        "plans": [_told_plan(plan) for plan in cabinet["plans"]],
        "pictures": cabinet["pictures"],
        "promotions": [promotion["promotion_id"] for promotion in cabinet["promotions"]],
        "next_visit": cabinet["next_visit"],
    }
    stage.narrator.answered("200 (shortened here)", told)
    if len(teeth) != stage.person.teeth or len(cabinet["plans"][0]["stages"]) != stage.person.stages:
        raise TourFailed("the chart or the plan is not what the clinic's system sent")
    kind, drawing = await patient.fetch("/v1/me/chart.svg")
    if kind != "image/svg+xml" or b"<svg" not in drawing:
        raise TourFailed("the chart was not drawn")
    picture_id = cabinet["pictures"][0]["picture_id"]
    link = await patient.call("POST", f"/v1/me/pictures/{picture_id}/links", {"variant": "preview_1024"})
    kind, _ = await stage.anybody.fetch(link["url"].removeprefix(stage.demo["url"]))
    if kind != "image/webp":
        raise TourFailed("the x-ray's preview is no WebP")


async def be_reminded(stage: Stage, patient: Caller, system: Caller) -> str:
    stage.narrator.step("The worker finds who was last seen more than 180 days ago, and pushes a reminder")
    device = {
        "platform": "android", "app_build": "demo", "token": f"demo-{uuid.uuid4().hex}",
        "locale": "en", "zone": stage.person.zone, "app_version": "1.0.0",
    }  # fmt: skip
    await patient.call("PUT", "/v1/me/devices/push", device)
    stage.narrator.say("The clinic's system tells what was done: hygiene, 200 days ago, and nothing is booked.")
    await _push(system, "procedures", stage.person)

    async def pushed() -> str | None:
        return _printed(stage, "push", device["token"])

    text = await eventually("the reminder reaches the phone", pushed, 40)
    stage.narrator.answered("push, printed by the development twin", text)
    inbox = await patient.call("GET", "/v1/me/notices")
    notice_id: str = inbox["items"][0]["notice_id"]
    return notice_id


async def open_reminder(stage: Stage, patient: Caller, notice_id: str) -> None:
    stage.narrator.step("The patient opens it")
    receipt = {"items": [{"notice_id": notice_id, "event": "opened"}]}
    await patient.call("POST", "/v1/me/notices/receipts", receipt)


async def book(stage: Stage, staff: Caller, patient: Caller, patient_id: str) -> None:
    stage.narrator.step("The desk books, and the booking takes the patient out of the journey")
    before = await staff.call("GET", f"/v1/staff/patients/{patient_id}/enrolments")
    if not any(_recalls(each) for each in before["items"]):
        raise TourFailed("the patient should be in the recall journey now")
    await staff.call("POST", f"/v1/staff/patients/{patient_id}/appointments", stage.person.next_visit, expect=201)

    async def out() -> Any:
        now = await staff.call("GET", f"/v1/staff/patients/{patient_id}/enrolments", quiet=True)
        return None if any(_recalls(each) for each in now["items"]) else now

    stage.narrator.answered("a moment later", await eventually("the booking ends the journey", out))
    cabinet = await patient.call("GET", "/v1/me/cabinet", quiet=True)
    if cabinet["next_visit"] is None:
        raise TourFailed("the new visit does not stand in the cabinet")
    stage.narrator.answered("next visit in the cabinet", cabinet["next_visit"])


def _recalls(enrolment: dict[str, Any]) -> bool:
    """The other journeys that the demo has launched go on."""
    return bool(enrolment["key"] == "hygiene-recall" and enrolment["state"] == "active")


def _told_plan(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan as the terminal shows it: every stage with what the patient pays for it."""
    stages = [{"title": stage["title"], "patient pays": stage["cost"]["patient"]} for stage in plan["stages"]]
    whole = plan["cost"]["patient"]
    return {"title": plan["title"], "status": plan["status"], "patient pays": whole, "stages": stages}


def _printed(stage: Stage, channel: str, to: str) -> str | None:
    """The last message that the plain twins printed for this address."""
    file = Path(stage.demo["printed"])
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return next((line["text"] for line in reversed(lines) if (line["channel"], line["to"]) == (channel, to)), None)

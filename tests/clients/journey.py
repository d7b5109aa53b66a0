"""A patient's whole journey with the generated Python client, as an app developer would write it."""

# mypy: ignore-errors
# The client is made while the tests run; there is nothing to check against before.

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import enamel_patient as enamel


def code_sent_to(phone: str) -> str:
    """The text message, from the file that stands for the phone. It comes after the answer, as on a phone."""
    for _ in range(100):
        file = Path(os.environ["TEXTS"])
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        texts = [line["text"] for line in lines if line["to"] == phone]
        if texts:
            return next(word for word in texts[-1].split() if word.isdigit())
        time.sleep(0.1)
    raise AssertionError("no code was sent")


def signed_in(address: str, phone: str, clinic_id: str) -> enamel.ApiClient:
    client = enamel.ApiClient(enamel.Configuration(host=address))
    door = enamel.SignInApi(client)
    asked = door.request_code(enamel.CodeRequest(phone=phone))
    proof = enamel.CodeProof(
        challenge_id=asked.challenge_id, code=code_sent_to(phone), clinic_id=clinic_id, device_key=f"key-{uuid.uuid4()}"
    )
    client.configuration.access_token = door.open_session(proof).access_token
    return client


def accepted_plan(client: enamel.ApiClient) -> tuple[str, str]:
    plans = enamel.PlansApi(client)
    [plan] = plans.list_my_treatment_plans().items
    answer = enamel.Acceptance(offer_sha256=plan.offer.sha256, language="it")
    after = plans.accept_my_plan(plan.plan_id, answer)
    return plan.title, after.offer.answered.value


def paid_account(client: enamel.ApiClient) -> dict[str, object]:
    """What is owed is paid on the provider's page, which the app opens."""
    account, payments = enamel.AccountApi(client), enamel.PaymentsApi(client)
    [before] = account.get_my_account().balances
    started = payments.start_my_payment(enamel.PaymentRequest())
    provider = HTTPConnection(urlsplit(client.configuration.host).netloc)
    provider.request("POST", urlsplit(started.page).path)
    assert provider.getresponse().status == 204
    provider.close()
    [listed] = payments.list_my_payments().items
    assert listed == payments.get_my_payment(started.payment_id)
    [after] = account.get_my_account().balances
    return {
        "payment": [started.status.value, listed.status.value],
        "payable": [before.payable.amount_minor, after.payable.amount_minor],
    }


def booked_slot(client: enamel.ApiClient) -> list[object]:
    """A free time is booked as it was shown, and is free no more."""
    slots = enamel.SlotsApi(client)
    [free] = slots.list_my_slots(service="Hygiene").items
    visit = slots.book_my_slot(free.slot_id, enamel.SlotBooking(starts_at=free.starts_at))
    assert (visit.starts_at, visit.booked_here) == (free.starts_at, True)
    return [visit.status.value, visit.service, visit.practitioner, len(slots.list_my_slots().items)]


def asked_to_move(client: enamel.ApiClient) -> list[object]:
    """A visit that the clinic's own system keeps stays where it is until the clinic answers."""
    [visit] = [each for each in enamel.AppointmentsApi(client).list_my_appointments().items if not each.booked_here]
    wish = enamel.MoveWish(weekdays=[0, 2], parts=[enamel.PartOfDay.MORNING], words="Dopo la scuola")
    change = enamel.AppointmentsApi(client).move_my_appointment(visit.appointment_id, wish)
    [asked] = enamel.RequestsApi(client).list_my_requests().items
    assert (asked, change.visit.starts_at) == (change.request, visit.starts_at)
    assert asked.subject_id == visit.appointment_id
    return [asked.kind.value, asked.status.value, asked.details["words"]]


def waited(client: enamel.ApiClient) -> list[object]:
    """A time is freed for who waits, and is theirs."""
    waiting = enamel.WaitingListApi(client)
    until = date.fromisoformat(os.environ["UNTIL"])
    entry = waiting.join_my_waiting_list(enamel.NewEntry(service="Hygiene", until=until))
    offer = offered(waiting)
    visit = waiting.accept_my_slot_offer(offer.offer_id)
    assert (offer.entry_id, visit.starts_at) == (entry.entry_id, offer.slot.starts_at)
    [after] = waiting.list_my_waiting_entries().items
    assert (after.entry_id, after.until) == (entry.entry_id, until)
    return [entry.status.value, offer.status.value, visit.status.value, after.status.value]


def offered(waiting: enamel.WaitingListApi) -> enamel.Offer:
    for _ in range(100):
        if offers := waiting.list_my_slot_offers().items:
            return offers[0]
        time.sleep(0.1)
    raise AssertionError("no time was offered")


def filled_form(client: enamel.ApiClient) -> list[object]:
    """A form that is not complete names what is missing; complete it is handed in."""
    documents = enamel.DocumentsApi(client)
    form = documents.open_my_document(document_that(client, enamel.Asks.FILL))
    smokes = enamel.GivenAnswer(question="smokes", yes=True)
    name = next(each for each in form.answers if each.question == "name")
    part = enamel.Submission(answers=[smokes, name])
    missing = refused(lambda: documents.submit_my_answers(form.document_id, part))
    whole = enamel.Submission(answers=[smokes, name, enamel.GivenAnswer(question="how_many", number=7)])
    after = documents.submit_my_answers(form.document_id, whole)
    answers = {each.question: each for each in after.answers}
    assert after.content_sha256 != form.content_sha256, "the fingerprint is of the answers, too"
    return [missing, form.state.value, after.state.value, answers["how_many"].number, answers["name"].text]


def family(client: enamel.ApiClient) -> list[object]:
    """With the code from the desk a record is opened, as far as the desk said."""
    linked = enamel.SignInApi(client).link_record(enamel.LinkRequest(code=os.environ["LINK_CODE"]))
    [ward] = enamel.FamilyApi(client).list_my_wards().items
    cabinet = enamel.CabinetApi(client).get_cabinet(ward.patient_id)
    assert ward.patient_id == linked.patient_id == cabinet.patient.patient_id
    shut = refused(lambda: enamel.PlansApi(client).list_patient_treatment_plans(ward.patient_id))
    return [cabinet.patient.given_name, ward.relation.value, [each.value for each in ward.scopes], shut]


def document_that(client: enamel.ApiClient, asks: enamel.Asks) -> str:
    [listed] = [each for each in enamel.DocumentsApi(client).list_my_documents().items if each.asks == asks]
    return listed.document_id


def read_paper(client: enamel.ApiClient) -> str:
    documents = enamel.DocumentsApi(client)
    opened = documents.open_my_document(document_that(client, enamel.Asks.ACKNOWLEDGE))
    fingerprint = enamel.Acknowledgement(content_sha256=opened.content_sha256)
    return documents.acknowledge_my_document(opened.document_id, fingerprint).state.value


def said(client: enamel.ApiClient) -> str:
    chat = enamel.ChatApi(client)
    message = enamel.MessageToSend(client_id=str(uuid.uuid4()), body="Buongiorno, 你好")
    kept = chat.send_my_message(message)
    again = chat.send_my_message(message)
    assert (kept.seq, again.duplicate) == (again.seq, True)
    return next(event.message.body for event in chat.list_my_conversation_events().events if event.message)


def refused(call: Callable[[], object]) -> str:
    """A problem arrives as one, with its code."""
    try:
        call()
    except enamel.exceptions.ApiException as error:
        return str(json.loads(error.body)["code"])
    raise AssertionError("it was not refused")


def main() -> None:
    client = signed_in(os.environ["ADDRESS"], os.environ["PHONE"], os.environ["CLINIC"])
    cabinet = enamel.CabinetApi(client).get_my_cabinet()
    plan, answered = accepted_plan(client)
    told = {
        "name": cabinet.patient.given_name,
        "next_visit": cabinet.next_visit.service,
        "teeth": len(enamel.ChartApi(client).get_my_chart().teeth),
        "plan": plan,
        "answered": answered,
        **paid_account(client),
        "move": asked_to_move(client),
        "booked": booked_slot(client),
        "waited": waited(client),
        "visits": [each.service for each in enamel.AppointmentsApi(client).list_my_appointments().items],
        "document": read_paper(client),
        "form": filled_form(client),
        "family": family(client),
        "message": said(client),
        "notices": [each.kind.value for each in enamel.DevicesApi(client).list_my_notices().items],
        "refused": refused(lambda: enamel.PlansApi(client).get_my_plan(str(uuid.uuid4()))),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()

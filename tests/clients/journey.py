"""A patient's whole journey with the generated Python client, as an app developer would write it."""

# mypy: ignore-errors
# The client is made while the tests run; there is nothing to check against before.

import json
import os
import sys
import time
import uuid
from pathlib import Path

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


def paid_account(client: enamel.ApiClient) -> tuple[int, str]:
    [balance] = enamel.AccountApi(client).get_my_account().balances
    payments = enamel.PaymentsApi(client)
    started = payments.start_my_payment(enamel.PaymentRequest())
    assert started.page
    return balance.payable.amount_minor, payments.get_my_payment(started.payment_id).status.value


def read_paper(client: enamel.ApiClient) -> str:
    documents = enamel.DocumentsApi(client)
    [listed] = documents.list_my_documents().items
    opened = documents.open_my_document(listed.document_id)
    fingerprint = enamel.Acknowledgement(content_sha256=opened.content_sha256)
    return documents.acknowledge_my_document(listed.document_id, fingerprint).state.value


def said(client: enamel.ApiClient) -> str:
    chat = enamel.ChatApi(client)
    message = enamel.MessageToSend(client_id=str(uuid.uuid4()), body="Buongiorno, 你好")
    kept = chat.send_my_message(message)
    again = chat.send_my_message(message)
    assert (kept.seq, again.duplicate) == (again.seq, True)
    return next(event.message.body for event in chat.list_my_conversation_events().events if event.message)


def refused(client: enamel.ApiClient) -> str:
    """A problem arrives as one, with its code."""
    try:
        enamel.PlansApi(client).get_my_plan(str(uuid.uuid4()))
    except enamel.exceptions.NotFoundException as error:
        return str(json.loads(error.body)["code"])
    raise AssertionError("a plan of nobody was found")


def main() -> None:
    client = signed_in(os.environ["ADDRESS"], os.environ["PHONE"], os.environ["CLINIC"])
    cabinet = enamel.CabinetApi(client).get_my_cabinet()
    plan, answered = accepted_plan(client)
    payable, payment = paid_account(client)
    [visit] = enamel.AppointmentsApi(client).list_my_appointments().items
    told = {
        "name": cabinet.patient.given_name,
        "next_visit": cabinet.next_visit.service,
        "teeth": len(enamel.ChartApi(client).get_my_chart().teeth),
        "plan": plan,
        "answered": answered,
        "payable": payable,
        "payment": payment,
        "visit": visit.service,
        "document": read_paper(client),
        "message": said(client),
        "notices": [each.kind.value for each in enamel.DevicesApi(client).list_my_notices().items],
        "refused": refused(client),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()

"""Documents and templates of both clinics, for the matrix of rights: each operation gets one that is ready for it."""

from collections.abc import Awaitable, Callable
from typing import Any

from cabinet.document import content_sha256
from cabinet.merge import letter
from cabinet.paper import Letterhead, Paper, Paragraph, printed
from tests.api.paperwork import CONSENT, FORM, NOTE, act, sent, signed, template
from tests.world import World

Found = Callable[[World, str], Awaitable[list[object]]]


def documents(draft: dict[str, Any], *, open_it: bool = True, sign_it: bool = False) -> Found:
    """Of our patient, of the neighbour in the same clinic (staff sees that one too), of somebody elsewhere."""

    async def found(world: World, who: str) -> list[object]:
        own = await sent(world, draft)
        if open_it:
            await act(world, own, "opening")
        if sign_it:
            await signed(world, own)
        others = [await sent(world, draft, party=world.there)]
        if who != "staff":
            others.append(await sent(world, draft, patient_id=world.here.other_patient_id))
        return [each["document_id"] for each in (own, *others)]

    return found


async def templates(world: World, who: str) -> list[object]:  # noqa: ARG001
    return [await template(world, party, NOTE) for party in (world.here, world.there)]


async def announced(world: World, who: str) -> list[object]:  # noqa: ARG001
    row = {"version": 1, "patient": "anna", "kind": "prescription", "title": "Ricetta"}
    for party, name in ((world.here, "paper-here"), (world.there, "paper-there")):
        body = {"items": [{**row, "external_id": name}]}
        await world.post("/v1/partner/sync/documents", party.partner, body)
    return ["paper-here", "paper-there"]


def _both(name: str, found: Found) -> dict[str, Found]:
    return {f"{each} document_id": found for each in (name, name.replace("My", "Patient", 1))}


# By path parameter; "operation parameter" where an operation needs one in a state of its own.
PAPERS: dict[str, Found] = {
    "document_id": documents(NOTE),
    "template_id": templates,
    "document_external_id": announced,
    **_both("saveMyAnswers", documents(FORM)),
    **_both("submitMyAnswers", documents(FORM)),
    **_both("signMyDocument", documents(CONSENT)),
    **_both("sendMySigningCode", documents(CONSENT)),
    **_both("verifyMyDocument", documents(CONSENT, sign_it=True)),
    **_both("revokeMyDocument", documents(CONSENT, sign_it=True)),
    "verifyDocument document_id": documents(CONSENT, sign_it=True),
}


def _content(draft: dict[str, Any]) -> str:
    (text,) = draft["texts"]
    values = {"patient.given_name": "Anna", "patient.full_name": "Anna Rossi"}
    title = text["title"].replace("{{patient.given_name}}", "Anna")
    return content_sha256(title, 1, letter(text["body"], values), [], [])


_ANSWERS = {"answers": [{"question": "smokes", "yes": False}]}
PAPER_BODIES: dict[str, Any] = {
    "sendDocument": {"template": "note"},
    "withdrawDocument": {},
    "changeTemplate": {"version": 1, "draft": NOTE},
}
for name, body in {
    "saveMyAnswers": _ANSWERS,
    "submitMyAnswers": _ANSWERS,
    "declineMyDocument": {},
    "revokeMyDocument": {},
    "acknowledgeMyDocument": {"content_sha256": _content(NOTE)},
    "signMyDocument": {"content_sha256": _content(CONSENT), "method": "click"},
    "sendMySigningCode": {"content_sha256": _content(CONSENT)},
    "askMyTaxCertificate": {"year": 2025},
}.items():
    PAPER_BODIES[name] = PAPER_BODIES[name.replace("My", "Patient", 1)] = body

PDF_FILE = {
    "file": ("paper.pdf", printed(Paper("Ricetta", "it", Letterhead("Rome Dental"), (Paragraph("Amoxicillina"),))))
}

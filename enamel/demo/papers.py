"""The demo's papers: Anna signed a consent and has her history to fill in; the others have papers of their own."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from api.ports import Ports
from cabinet.commands.documents import open_document
from cabinet.commands.sending import Sending, send_document
from cabinet.commands.signatures import Intent, SealedFile, SigningOrder, begin_signing, finish_signing
from cabinet.commands.templates import add_ready_templates
from cabinet.document_paper import document_paper
from cabinet.paper import printed
from cabinet.queries.letters import About
from cabinet.queries.plans import shown_plans
from cabinet.signing import SignMethod, Stroke
from clinic.queries import named_patients
from core.database import Scope
from core.events import SYSTEM, Actor, ActorKind
from identity.commands import account_of_phone

ANNA = "+393471200001"
_LATER = (
    ("anna", "anamnesis"), ("anna", "privacy_note"), ("anna", "extraction_aftercare"), ("boris", "personal_data"),
    ("chen", "triage"), ("daria", "privacy_note"),
)  # fmt: skip
_HAND = (
    Stroke(x=[80, 160, 240, 200, 130, 260], y=[320, 90, 320, 230, 230, 240]),
    Stroke(x=[300, 330, 380, 420, 460, 520, 560, 640], y=[300, 220, 300, 220, 300, 220, 300, 240]),
)


async def send_papers(ports: Ports, clinic_id: UUID, system: str, now: datetime) -> None:
    """After the cast has its records: templates first, then a paper for everybody."""
    scope = Scope(clinic_id)
    async with ports.database.writing(scope) as writing:
        await add_ready_templates(writing, clinic_id, SYSTEM, now)
        known = await named_patients(writing, system, {name for name, _ in _LATER})
        for name, code in _LATER:
            await send_document(writing, clinic_id, known[name].id, Sending(code), SYSTEM, now)
        account_id = await account_of_phone(writing, ANNA, now)
        anna, actor = known["anna"].id, Actor(ActorKind.PATIENT, account_id)
        earlier = now - timedelta(days=3)
        about = next(
            About(plan_id=plan.plan_id)
            for plan in await shown_plans(writing, anna, now, with_account=False)
            if plan.title == "Con impianto"
        )
        agreed = Sending("consent_treatment", about)
        consent = await send_document(writing, clinic_id, anna, agreed, SYSTEM, earlier)
        shown = await open_document(writing, clinic_id, anna, consent.document_id, actor, earlier)
        intent = Intent(account_id, shown.content_sha256, SignMethod.DRAWN, _HAND)
        order = await begin_signing(writing, clinic_id, anna, consent.document_id, intent, earlier)
    file = await _kept(ports, order)
    async with ports.database.writing(scope) as writing:
        await finish_signing(writing, clinic_id, account_id, order, file, actor, now)


async def _kept(ports: Ports, order: SigningOrder) -> SealedFile:
    paper = document_paper(order.content, order.letterhead, order.signing)
    content = await asyncio.to_thread(lambda: ports.seal.sealed(printed(paper), order.content.title))
    await ports.storage.put(order.key, content, "application/pdf")
    return SealedFile(hashlib.sha256(content).hexdigest(), len(content), ports.seal.fingerprint)

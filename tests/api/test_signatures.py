"""Signing: by click, code or hand, once, of what was shown; and a sealed file that cannot be changed unnoticed."""

import asyncio
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select
from sqlmodel import col

from cabinet.commands.signatures import HOLD
from cabinet.tables.documents import Document, DocumentSignature
from clinic.commands import grant_access
from clinic.household import AccessScope
from core.clock import now
from core.errors import Unavailable
from media.storage import Storage
from tests.api.paperwork import CONSENT, SIGNED_FORM, STROKES, act, kinds, opened, sent, signed
from tests.world import World


async def signatures(world: World) -> int:
    async with world.database.reading(world.here.scope) as reading:
        return int((await reading.execute(select(func.count()).select_from(DocumentSignature))).scalar_one())


def files(world: World, document: dict[str, Any]) -> list[Path]:
    root: Path = world.ports.storage._root  # type: ignore[attr-defined]
    return sorted(root.rglob(f"{document['document_id']}/*.pdf"))


async def verification(world: World, document: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/me/documents/{document['document_id']}/verification"
    found: dict[str, Any] = (await world.get(path, world.here.patient)).json()
    return found


async def test_a_click_signs_and_the_sealed_paper_says_who_when_and_how(world: World) -> None:
    consent = await opened(world, CONSENT)
    done = (await signed(world, consent)).json()
    assert done["state"] == "signed"
    assert (done["signature"]["signer_name"], done["signature"]["method"]) == ("Anna Rossi", "click")
    path = f"/v1/me/documents/{consent['document_id']}/file"
    text = "\n".join(
        page.extract_text() for page in PdfReader(BytesIO((await world.get(path, world.here.patient)).content)).pages
    )
    for told in ("Acconsento, Anna Rossi.", "Firmato da", consent["content_sha256"][:40], "conferma nell'app"):
        assert told in text
    assert (await verification(world, consent))["holds"]
    assert await kinds(world) == ["document.sent", "document.seen", "document.signed"]


async def test_a_hand_is_drawn_into_the_paper_and_an_empty_one_is_no_signature(world: World) -> None:
    consent = await opened(world, CONSENT)
    for strokes in ([], [{"x": [5], "y": [5]}], [{"x": [5, 9], "y": [5]}], [{"x": [1001, 0], "y": [0, 0]}]):
        answer = await signed(world, consent, method="drawn", strokes=strokes)
        assert answer.status_code == 422, strokes
    assert (await signed(world, consent, method="drawn", strokes=STROKES)).json()["signature"]["method"] == "drawn"
    assert (await verification(world, consent))["holds"]


async def test_a_code_sent_for_this_document_signs_it_and_no_other_code_does(world: World) -> None:
    first, second = await opened(world, CONSENT), await opened(world, CONSENT)
    without = await signed(world, first, method="code", code="123456")
    assert (without.status_code, without.json()["code"]) == (401, "code-wrong")
    asked = await act(world, first, "signature-code", {"content_sha256": first["content_sha256"]})
    assert asked.status_code == 202
    code = world.last_code(world.here.phone)
    assert (await signed(world, second, method="code", code=code)).json()["code"] == "code-wrong"
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert (await signed(world, first, method="code", code=wrong)).json()["code"] == "code-wrong"
    assert (await signed(world, first, method="code", code=code)).json()["state"] == "signed"
    soon = await act(world, second, "signature-code", {"content_sha256": second["content_sha256"]})
    assert (soon.status_code, soon.json()["code"]) == (429, "code-too-soon")


async def test_of_six_taps_with_the_right_code_none_hears_that_it_is_wrong(world: World) -> None:
    consent = await opened(world, CONSENT)
    await act(world, consent, "signature-code", {"content_sha256": consent["content_sha256"]})
    code = world.last_code(world.here.phone)
    answers = await asyncio.gather(*(signed(world, consent, method="code", code=code) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    told = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert told <= {"document-being-signed", "document-not-open"}


async def test_five_wrong_codes_are_all_there_are(world: World) -> None:
    consent = await opened(world, CONSENT)
    await act(world, consent, "signature-code", {"content_sha256": consent["content_sha256"]})
    code = world.last_code(world.here.phone)
    for step in range(1, 6):
        await signed(world, consent, method="code", code=f"{(int(code) + step) % 1_000_000:06d}")
    assert (await signed(world, consent, method="code", code=code)).json()["code"] == "code-wrong"
    assert await signatures(world) == 0


async def test_what_is_signed_is_what_was_shown(world: World) -> None:
    form = await opened(world, SIGNED_FORM)
    assert (await signed(world, form)).json()["code"] == "form-not-filled"
    filled = (await act(world, form, "submission", {"answers": [{"question": "smokes", "yes": False}]})).json()
    other = {"answers": [{"question": "smokes", "yes": False}, {"question": "name", "text": "Anna R."}]}
    anew = (await act(world, form, "submission", other)).json()
    stale = await signed(world, filled)
    assert (stale.status_code, stale.json()["code"]) == (412, "document-content-changed")
    assert (await signed(world, anew)).json()["state"] == "signed"


async def test_nobody_signs_unseen_twice_after_withdrawal_or_in_another_way(world: World) -> None:
    unseen = await sent(world, CONSENT)
    assert (await signed(world, unseen)).json()["code"] == "document-not-seen"
    await act(world, unseen, "opening")
    assert (await signed(world, unseen)).status_code == 200
    assert (await signed(world, unseen)).json()["code"] == "document-not-open"
    back = await opened(world, CONSENT)
    await world.post(f"/v1/staff/documents/{back['document_id']}/withdrawal", world.here.staff, {})
    assert (await signed(world, back)).json()["code"] == "document-not-open"
    form = await opened(world, SIGNED_FORM)
    filled = (await act(world, form, "submission", {"answers": [{"question": "smokes", "yes": False}]})).json()
    other = await signed(world, filled, method="drawn", strokes=STROKES)
    assert other.json()["code"] == "sign-method-not-offered"


async def test_a_carer_signs_only_with_the_right_to(world: World) -> None:
    here, ward = world.here, world.here.other_patient_id
    for scopes, status in (([AccessScope.VIEW_DOCUMENTS], 403), ([AccessScope.VIEW_DOCUMENTS, AccessScope.SIGN], 200)):
        async with world.database.writing(here.scope) as writing:
            await grant_access(writing, here.clinic_id, here.account_id, ward, "carer", now(), scopes=scopes)
        consent = await sent(world, CONSENT, patient_id=ward)
        path = f"/v1/patients/{ward}/documents/{consent['document_id']}"
        await world.post(f"{path}/opening", here.patient, None)
        body = {"content_sha256": consent["content_sha256"], "method": "click"}
        answer = await world.post(f"{path}/signature", here.patient, body)
        assert answer.status_code == status
    told = answer.json()["signature"]
    assert (told["signer_name"], told["relation"]) == ("Anna Rossi", "carer")


async def test_of_two_hundred_signatures_at_once_one_counts(world: World) -> None:
    consent = await opened(world, CONSENT)
    answers = await asyncio.gather(*(signed(world, consent) for _ in range(200)))
    counted = Counter(answer.status_code for answer in answers)
    assert counted == {200: 1, 409: 199}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {
        "document-being-signed", "document-not-open",
    }  # fmt: skip
    assert await signatures(world) == 1
    assert len(files(world, consent)) == 1
    assert (await verification(world, consent))["holds"]


async def test_every_changed_byte_of_the_kept_file_is_found_out(world: World) -> None:
    consent = await opened(world, CONSENT)
    await signed(world, consent)
    (file,) = files(world, consent)
    kept = file.read_bytes()
    for place in range(10, len(kept), len(kept) // 40):
        file.write_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])
        assert not (await verification(world, consent))["holds"], place
    file.write_bytes(kept + b"\n")
    assert not (await verification(world, consent))["holds"]
    file.unlink()
    lost = await verification(world, consent)
    assert (lost["file_found"], lost["holds"]) == (False, False)
    file.write_bytes(kept)
    assert (await verification(world, consent))["holds"]


async def test_another_sealed_file_of_ours_in_its_place_is_found_out(world: World) -> None:
    one, two = await opened(world, CONSENT), await opened(world, CONSENT)
    await signed(world, one)
    await signed(world, two)
    (first,), (second,) = files(world, one), files(world, two)
    first.write_bytes(second.read_bytes())
    found = await verification(world, one)
    assert (found["seal_intact"], found["seal_is_ours"], found["hash_agrees"], found["holds"]) == (
        True, True, False, False,
    )  # fmt: skip


async def test_what_is_not_signed_cannot_be_verified(world: World) -> None:
    consent = await opened(world, CONSENT)
    assert (await verification(world, consent))["code"] == "document-not-signed"


class _Failing:
    """A storage that is full, or whose process dies after the file was written."""

    def __init__(self, storage: Storage, *, after: bool) -> None:
        self.storage, self.after = storage, after
        self._root = storage._root  # type: ignore[attr-defined]

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        if self.after:
            await self.storage.put(key, content, media_type)
        raise Unavailable

    async def get(self, key: str, span: Any = None) -> bytes:
        return await self.storage.get(key, span)


@pytest.mark.parametrize("after", [False, True])
async def test_a_storage_that_fails_leaves_a_document_that_can_be_signed_again(world: World, after: bool) -> None:
    consent = await opened(world, CONSENT)
    sound = world.ports.storage
    object.__setattr__(world.ports, "storage", _Failing(sound, after=after))
    assert (await signed(world, consent)).status_code == 503
    object.__setattr__(world.ports, "storage", sound)
    assert len(files(world, consent)) == after  # at most a file under the key of that attempt, which no row names
    assert await signatures(world) == 0
    assert (await signed(world, consent)).json()["state"] == "signed"
    assert (await verification(world, consent))["holds"]


async def test_an_attempt_that_died_is_waited_for_no_longer_than_its_hold(world: World) -> None:
    consent = await opened(world, CONSENT)
    await _held(world, now() + HOLD)
    assert (await signed(world, consent)).json()["code"] == "document-being-signed"
    await _held(world, now())
    assert (await signed(world, consent)).json()["state"] == "signed"


async def _held(world: World, until: Any) -> None:
    from sqlalchemy import update

    async with world.database.writing(world.here.scope) as writing:
        held = update(Document).values(signing_attempt=world.here.staff_id, signing_until=until)
        await writing.execute(held.where(col(Document.title) == "Consenso"))


async def test_a_signed_consent_is_revoked_and_its_signature_kept(world: World) -> None:
    consent = await opened(world, CONSENT)
    assert (await act(world, consent, "revocation", {})).json()["code"] == "document-not-revocable"
    await signed(world, consent)
    done = (await act(world, consent, "revocation", {"note": "I changed my mind"})).json()
    assert (done["state"], done["note"], done["answered"]["relation"]) == ("revoked", "I changed my mind", "self")
    assert done["signature"]["signer_name"] == "Anna Rossi"
    assert (await verification(world, consent))["holds"]
    assert (await act(world, consent, "revocation", {})).json()["code"] == "document-not-revocable"
    assert (await kinds(world))[-1] == "document.revoked"
    form = await opened(world, SIGNED_FORM)
    filled = (await act(world, form, "submission", {"answers": [{"question": "smokes", "yes": False}]})).json()
    await signed(world, filled)
    assert (await act(world, form, "revocation", {})).json()["code"] == "document-not-revocable"


async def test_what_is_private_its_patient_signs_and_nobody_else_sees(world: World) -> None:
    here, ward = world.here, world.here.other_patient_id
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, ward, "carer", now())
    theirs = await sent(world, CONSENT, patient_id=ward, private=True)
    path = f"/v1/patients/{ward}/documents"
    assert (await world.get(path, here.patient)).json()["items"] == []
    for verb in ("opening", "signature-code", "signature"):
        body = None if verb == "opening" else {"content_sha256": theirs["content_sha256"]}
        body = {**body, "method": "click"} if body and verb == "signature" else body
        answer = await world.post(f"{path}/{theirs['document_id']}/{verb}", here.patient, body)
        assert answer.status_code == 404
    mine = await opened(world, CONSENT, private=True)
    await act(world, mine, "signature-code", {"content_sha256": mine["content_sha256"]})
    done = await signed(world, mine, method="code", code=world.last_code(here.phone))
    assert done.json()["state"] == "signed"
    assert (await verification(world, mine))["holds"]

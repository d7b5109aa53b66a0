"""Takes a picture in, from staff and partners alike: check, store the bytes, then note them."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request, UploadFile
from pydantic import Field

from api.ports import Ports
from clinic.facts import HappenedOn
from core.clock import now
from core.database import Reading, Scope
from core.errors import Fault, Invalid
from core.events import Actor
from core.values import Value
from media.commands import ExternalName, Kept, Upload, keep_upload
from media.kinds import LARGEST_FILE, PictureKind, Variant, admitted
from media.queries import PictureFile
from media.storage import picture_key

LARGEST_UPLOAD = LARGEST_FILE + 2 * 1024 * 1024
"""The file and what multipart puts around it, in bytes."""


class PictureForm(Value):
    """One picture as `multipart/form-data`."""

    kind: PictureKind
    taken_on: HappenedOn | None = None
    released: bool = Field(default=False, description="Whether the patient may see it as soon as it is ready.")
    file: UploadFile = Field(
        description="JPEG, PNG, WebP or uncompressed one-frame DICOM, at most 40 MiB.",
        json_schema_extra={"format": "binary"},  # the older spelling, which client generators understand
    )


async def _form(request: Request, form: Annotated[PictureForm, Form(media_type="multipart/form-data")]) -> PictureForm:
    names = [name for name, _ in (await request.form()).multi_items()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(*(Fault(f"/{name}", "given-twice") for name in twice))
    return form


PictureUpload = Annotated[PictureForm, Depends(_form)]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, for whom, and how the picture is named over there."""

    patient_id: UUID
    actor: Actor
    name: ExternalName | None = None


Admit = Callable[[Reading], Awaitable[Sender]]


async def take_picture(ports: Ports, scope: Scope, admit: Admit, form: PictureForm) -> tuple[Kept, PictureFile]:
    """Keep the upload for whom `admit` finds, who is asked twice: before the bytes are stored and when they are noted.

    Bytes first, row second, and no transaction is open in between: a crash leaves bytes that nobody refers to and
    that the next try of the same picture replaces, never a row without its bytes.
    """
    content = await form.file.read()
    media_type = admitted(content)
    assert scope.clinic_id is not None
    async with ports.database.reading(scope) as reading:
        sender = await admit(reading)
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    key = picture_key(scope.clinic_id, sender.patient_id, sha256, Variant.ORIGINAL)
    await ports.storage.put(key, content, media_type)
    upload = Upload(form.kind, media_type, sha256, len(content), form.taken_on, form.released)
    async with ports.database.writing(scope) as writing:
        sender = await admit(writing)
        return await keep_upload(
            writing, scope.clinic_id, sender.patient_id, upload, sender.name, sender.actor, now()
        )  # fmt: skip

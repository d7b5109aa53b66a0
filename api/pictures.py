"""A picture in one request, from staff and partners alike: the form, and what it becomes."""

from typing import Annotated

from fastapi import Depends, Form, Request
from pydantic import Field

from api.ports import Ports
from api.strict import SentFile
from api.teeth import FdiTooth, fdi_codes
from api.uploads import Admit, Stand, sha256_of, take_whole
from clinic.facts import HappenedOn
from core.database import Scope
from core.errors import Fault, Invalid
from core.values import Value
from media.commands import Kept
from media.kinds import LARGEST_FILE, PictureKind, admitted
from media.queries import PictureFile
from media.queries.pictures import MOST_TEETH
from media.upload import Announced

LARGEST_FORM = LARGEST_FILE + 2 * 1024 * 1024
"""The file and what multipart puts around it, in bytes."""


class PictureForm(Value):
    """One picture as `multipart/form-data`."""

    kind: PictureKind
    taken_on: HappenedOn | None = None
    teeth: list[FdiTooth] = Field(
        default=[], max_length=MOST_TEETH, description="Which teeth it shows, FDI: the field once for each.",
        examples=[["36"]],
    )  # fmt: skip
    released: bool = Field(default=False, description="Whether the patient may see it as soon as it is ready.")
    private: bool = Field(default=False, description="Hidden from those who may open a ward's record.")
    file: SentFile = Field(description="JPEG, PNG, WebP or DICOM, at most 40 MiB; larger ones are sent in parts.")


async def _form(request: Request, form: Annotated[PictureForm, Form(media_type="multipart/form-data")]) -> PictureForm:
    names = [name for name, _ in (await request.form()).multi_items()]
    twice = sorted({name for name in names if names.count(name) > 1 and name != "teeth"})
    if twice:
        raise Invalid(*(Fault(f"/{name}", "given-twice") for name in twice))
    return form


PictureUpload = Annotated[PictureForm, Depends(_form)]


async def take_picture(
    ports: Ports, scope: Scope, admit: Admit, stand: Stand, form: PictureForm
) -> tuple[Kept, PictureFile]:
    """Keep the picture for whom `admit` finds. Its type is what its bytes say."""
    content = await form.file.read()
    media_type = admitted(content)
    announced = Announced(
        form.kind, media_type, len(content), await sha256_of(content), form.taken_on, form.released, form.private,
        fdi_codes(form.teeth),
    )  # fmt: skip
    return await take_whole(ports, scope, admit, stand, announced, content)

"""The demo's series: Anna's X-rays of all teeth, and her orthodontic photos before and after, all drawn by code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from api.ports import Ports
from api.uploads import Admitted, sha256_of, take_whole
from clinic.queries import named_patients
from core import clock
from core.database import Reading, Scope
from core.events import SYSTEM, Actor
from enamel.demo.periapical import small_xray
from enamel.demo.smile import smile_photo
from media.commands.series import SeriesTold
from media.commands.told_series import ToldView, WholeSeries, take_series
from media.kinds import MediaType, PictureKind
from media.series import PROTOCOLS, Phase, Protocol, View
from media.upload import Announced, ExternalName

WHO = "anna"
_NOT_TAKEN = {"anna-after": "arch-lower", "anna-fmx": "lower-left-molars"}
"""What a picture is missing of, so that an app shows how that looks."""
_LEFT_OUT = {"anna-fmx": "upper-right-molars"}


@dataclass(frozen=True, slots=True)
class Shoot:
    """One series to take: its name over there, what it is of, and how a view of it is drawn."""

    name: str
    protocol: Protocol
    told: SeriesTold
    before: str | None
    draw: Callable[[View], bytes]


def _shoots(today: date) -> list[Shoot]:
    year = timedelta(days=365)
    begun = SeriesTold("Inizio della cura", Phase.BEFORE, None, today - year, teeth=("11", "21"))
    ended = SeriesTold("Fine della cura", Phase.AFTER, None, today, teeth=("11", "21"))
    mouth = SeriesTold("", None, None, today - year)
    ortho = Protocol.ORTHO_PHOTO
    return [
        Shoot("anna-before", ortho, begun, None, partial(smile_photo, treated=False)),
        Shoot("anna-after", ortho, ended, "anna-before", partial(smile_photo, treated=True)),
        Shoot("anna-fmx", Protocol.FMX_18, mouth, None, partial(small_xray, seed=16)),
    ]


async def take_pictures(ports: Ports, clinic_id: UUID, system: str, now: datetime) -> None:
    """Send every picture as a clinic's system does, then the series that name them."""
    async with ports.database.reading(Scope(clinic_id)) as reading:
        patient_id = (await named_patients(reading, system, {WHO}))[WHO].id
    for shoot in _shoots(min(now, clock.now()).date()):
        views = [view for view in PROTOCOLS[shoot.protocol] if view.code != _NOT_TAKEN.get(shoot.name)]
        left_out = _LEFT_OUT.get(shoot.name)
        for view in views:
            if view.code != left_out:
                await _send(ports, clinic_id, patient_id, ExternalName(system, _named(shoot, view)), shoot, view)
        told = [ToldView(view.code, None if view.code == left_out else _named(shoot, view)) for view in views]
        whole = WholeSeries(
            shoot.protocol, shoot.told, shoot.before, released=True, comment=None, private=False, views=told
        )
        async with ports.database.writing(Scope(clinic_id)) as writing:
            name = ExternalName(system, shoot.name)
            taken = await take_series(writing, clinic_id, patient_id, name, whole, SYSTEM, now)
        assert not taken.faults, taken.faults


def _named(shoot: Shoot, view: View) -> str:
    return f"{shoot.name}-{view.code}"


async def _send(ports: Ports, clinic_id: UUID, patient_id: UUID, name: ExternalName, shoot: Shoot, view: View) -> None:
    async def stand(_: Reading) -> Actor:
        return SYSTEM

    async def admit(_: Reading) -> Admitted:
        return Admitted(patient_id, SYSTEM, name)

    content = shoot.draw(view)
    announced = Announced(
        view.kind or PictureKind.PHOTO, MediaType.JPEG, len(content), await sha256_of(content), shoot.told.taken_on,
        released=True, teeth=view.teeth,
    )  # fmt: skip
    await take_whole(ports, Scope(clinic_id), admit, stand, announced, content)

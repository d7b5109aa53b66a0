"""`enamel clinic found|admit|app`: a clinic, its people, and the systems that bring its facts."""

import argparse
import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError
from sqlalchemy.exc import IntegrityError

from clinic.commands import admit_staff, found_clinic, open_branch
from clinic.hours import Zone
from clinic.queries.title import clinic_title
from core.clock import now
from core.database import Database, Scope
from core.errors import Refusal
from core.ids import new_id
from core.money import Currency
from core.settings import Settings
from core.values import ShortText, Value
from enamel.migrate import check_schema
from enamel.problems import CannotStart
from enamel.start import postgres
from identity.commands import Keys, make_partner_app, make_staff_account
from identity.permissions import PRESETS

_PASSWORD_BYTES = 15


class NewClinic(Value):
    """What a clinic begins with; branches, hours and all else are brought by its own system or set by its staff."""

    name: ShortText
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] = Field(description="ISO 3166-1 alpha-2.")
    currency: Currency
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")]
    branch: ShortText
    zone: Zone


def clinic_command(settings: Settings, given: argparse.Namespace) -> int:
    """What is said once is said on the terminal and kept nowhere: passwords and secrets."""
    work = {"found": _found, "admit": _admit, "app": _app}[given.clinic_word]
    with postgres(settings) as server:
        check_schema(server.url)
        for line in asyncio.run(_done(server.url, settings, given, work)):
            print(line)
    return 0


_Work = Callable[[Database, Keys, argparse.Namespace, datetime], Awaitable[list[str]]]


async def _done(url: str, settings: Settings, given: argparse.Namespace, work: _Work) -> list[str]:
    database = Database(url, pool=1)
    try:
        return await work(database, Keys(settings.secret.get_secret_value()), given, now())
    except ValidationError as fault:
        wrong = ", ".join(f"--{error['loc'][0]}" for error in fault.errors())
        raise CannotStart(f"cannot be used as it is said: {wrong}") from None
    except Refusal as refusal:
        raise CannotStart(f"refused: {refusal.slug}") from None
    finally:
        await database.close()


async def _found(database: Database, _: Keys, given: argparse.Namespace, at: datetime) -> list[str]:
    names = ("name", "country", "currency", "language", "branch", "zone")
    draft = NewClinic(**{name: getattr(given, name) for name in names})
    clinic_id = new_id()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, draft.name, draft.country, draft.currency, draft.language, at)
        await open_branch(writing, clinic_id, draft.branch, draft.zone)
    return [f"clinic {clinic_id}"]


async def _admit(database: Database, _: Keys, given: argparse.Namespace, at: datetime) -> list[str]:
    """An account of its own for each clinic: who works for two has two addresses."""
    await _known(database, given.clinic)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    try:
        async with database.writing(Scope(given.clinic)) as writing:
            account_id = await make_staff_account(writing, given.email, password, at)
            await writing.flush()
            await admit_staff(writing, given.clinic, account_id, given.name, PRESETS[given.role])
    except IntegrityError:
        raise CannotStart("an account has this e-mail already") from None
    return [f"password {password}"]


async def _app(database: Database, keys: Keys, given: argparse.Namespace, at: datetime) -> list[str]:
    await _known(database, given.clinic)
    async with database.writing(Scope(given.clinic)) as writing:
        app_id, secret = await make_partner_app(writing, keys, given.clinic, given.name, given.system, at)
    return [f"client_id {app_id}", f"client_secret {secret}"]


async def _known(database: Database, clinic_id: UUID) -> None:
    async with database.reading(Scope(clinic_id)) as reading:
        if await clinic_title(reading, clinic_id) is None:
            raise CannotStart("there is no such clinic")

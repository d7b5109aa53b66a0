"""On the day a ward comes of age the guardian's open socket loses the chat, and the ward's news reach no guardian."""

from uuid import UUID

from chat.commands import Speaker, Target, send
from chat.conversation import Side
from chat.frames import Close
from chat.listener import Listener
from chat.wakeups import MemoryWakeups
from clinic.commands import grant_access, take_patients
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import account_of_phone
from push.commands import DeviceFacts, enqueue_across, register_device
from push.commands.claims import claim
from push.notice import Notice, NoticeKind, Purpose
from tests.api.household import MOTHER, SignedIn, aged, child, sign_in
from tests.chat.listening import SOON, desk_of, ended, heard, running, until
from tests.world import DAY, World, patient_fact


def phone_of(world: World, who: SignedIn, *patients: UUID) -> Listener:
    speaker = Speaker(Side.PATIENT, world.here.clinic_id, who.account_id, who.session_id)
    return Listener(speaker, patients, now() + DAY)


async def guarded(world: World, scopes: tuple[str, ...] = ("chat",)) -> tuple[UUID, SignedIn]:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    async with world.database.writing(world.here.scope) as writing:
        await grant_access(writing, world.here.clinic_id, mother.account_id, emma, "guardian", now(), scopes=scopes)  # type: ignore[arg-type]  # words as the table has them
    return emma, mother


async def grows_up(world: World) -> None:
    fact = patient_fact("emma", "Emma", None, aged(18)).model_copy(update={"version": 2})
    async with world.database.writing(world.here.scope) as writing:
        await take_patients(writing, world.here.clinic_id, "mis", [(0, fact)], SYSTEM, now())


async def test_an_open_socket_loses_the_chat_when_the_ward_comes_of_age(world: World) -> None:
    emma, mother = await guarded(world)
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone = phone_of(world, mother, emma)
        hub.join(phone)
        said = Target(patient_id=emma)
        await send(world.database, desk_of(world, world.here).speaker, said, new_id(), "to the mother", now())
        assert (await heard(phone))["d"]["body"] == "to the mother"
        await grows_up(world)
        assert await ended(phone) is Close.NO_RIGHT
    assert phone.patients == frozenset()


async def test_an_open_socket_loses_the_chat_when_the_scope_is_taken(world: World) -> None:
    emma, mother = await guarded(world)
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone = phone_of(world, mother, emma)
        hub.join(phone)
        async with world.database.writing(world.here.scope) as writing:
            await grant_access(writing, world.here.clinic_id, mother.account_id, emma, "guardian", now(), scopes=())
        await until(lambda: phone.ended is Close.NO_RIGHT)


def app(token: str) -> DeviceFacts:
    facts = {"platform": "android", "app_build": "it.example.clinic", "locale": "it-IT", "zone": "Europe/Rome"}
    return DeviceFacts.model_validate({**facts, "token": token})


async def reached(world: World, patient_id: UUID) -> list[str]:
    """The phones that one more notice about this patient goes to."""
    at = now()
    notice = Notice(patient_id, NoticeKind.VISIT, Purpose.SERVICE, str(new_id()), at, at + DAY)
    async with world.database.writing(world.here.scope) as writing:
        await enqueue_across(writing, [(world.here.clinic_id, notice)], at)
    async with world.database.sweeping() as sweeping:
        return [due.target.token for due in await claim(sweeping, at, 100, DAY / 24)]


async def test_a_push_for_the_ward_reaches_the_guardian_until_the_day_and_only_one_who_hears(world: World) -> None:
    emma, mother = await guarded(world)
    async with world.database.writing(world.here.scope) as writing:
        father = await account_of_phone(writing, "+393471200077", now())
        await grant_access(writing, world.here.clinic_id, father, emma, "guardian", now(), scopes=())
        for who, session, token in (
            (mother.account_id, mother.session_id, "token-of-mother"), (father, new_id(), "token-of-father"),
        ):  # fmt: skip
            await register_device(writing, world.here.clinic_id, who, session, app(token), now())
    assert await reached(world, emma) == ["token-of-mother"]
    await grows_up(world)
    assert await reached(world, emma) == []

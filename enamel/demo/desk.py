"""What the demo says at its desk: how it works, what it often says, and cases in each state."""

from datetime import datetime, timedelta
from uuid import UUID

from chat.commands import Author, post_message
from chat.commands.cases import close, label, score, sort_case, take
from chat.commands.desk import add_canned_reply, set_desk, set_rota
from chat.conversation import Side, Via
from chat.desk_facts import CannedText, DeskSettings, RotaMember
from chat.log import Thread
from clinic.queries import colleagues, named_patients
from core.database import Writing
from core.events import Actor, ActorKind
from core.ids import new_id

_DESK = {
    "assigning": "by_hand", "weekdays": [0, 1, 2, 3, 4, 5], "escalate_minutes": 30,
    "labels": ["richiamare", "vip"],
    "topics": [
        {"key": "pain", "names": [{"language": "it", "text": "Dolore"}, {"language": "en", "text": "Pain"}]},
        {"key": "price", "names": [{"language": "it", "text": "Prezzi"}, {"language": "en", "text": "Prices"}]},
    ],
    "away": [
        {"language": "it", "text": "Siamo chiusi. Rispondiamo appena apriamo; per un'emergenza chiama il 112."},
        {"language": "en", "text": "We are closed and answer as soon as we open. In an emergency call 112."},
        {"language": "ru", "text": "Сейчас мы закрыты и ответим, как только откроемся. В экстренном случае — 112."},
        {"language": "zh", "text": "诊所现已休息，开门后会尽快回复。如遇紧急情况请拨打112。"},
    ],
}  # fmt: skip
_CANNED = (
    ("Dopo l'estrazione", "it", "Gentile {{patient_name}}, oggi non sciacquare e niente cibi caldi. {{staff_name}}"),
    (
        "How to find us",
        "en",
        "Dear {{patient_name}}, {{branch_name}} of {{clinic_name}} is two minutes from the metro.",
    ),
)
# Who, how many hours ago, by which channel, what, and what the desk answered.
_SAID = (
    ("anna", 50, Via.APP, "Dopo la devitalizzazione posso mangiare?", "Sì, tra due ore e dall'altro lato."),
    ("boris", 3, Via.WHATSAPP, "Здравствуйте, сколько стоит имплант?", ""),
)


async def keep_desk(writing: Writing, clinic_id: UUID, system: str, now: datetime) -> None:
    """After the cast is known: Anna's case is closed and scored, Boris waits and has been taken."""
    (olga, *_) = await colleagues(writing, after=None, limit=1)
    actor = Actor(ActorKind.STAFF, olga.staff_id)
    await set_desk(writing, clinic_id, DeskSettings.model_validate(_DESK), actor, now)
    await set_rota(writing, clinic_id, [RotaMember(staff_id=olga.staff_id)], actor, now)
    for title, language, body in _CANNED:
        text = CannedText.model_validate({"title": title, "language": language, "body": body})
        await add_canned_reply(writing, clinic_id, text, actor, now)
    people = await named_patients(writing, system, {name for name, *_ in _SAID})
    for name, hours, via, asked, answer in _SAID:
        if name in people:
            thread = Thread(clinic_id, people[name].id)
            await _talk(writing, thread, actor, now - timedelta(hours=hours), via, asked, answer)


async def _talk(
    writing: Writing, thread: Thread, actor: Actor, at: datetime, via: Via, asked: str, answer: str
) -> None:
    assert actor.id is not None
    clinic_id = thread.clinic_id
    said = await post_message(writing, thread, Author(Side.PATIENT, new_id()), new_id(), asked, None, at, via=via)
    conversation_id = said.event.conversation_id
    case = await take(writing, clinic_id, conversation_id, actor.id, actor, at)
    if not answer:
        await sort_case(writing, clinic_id, conversation_id, 1, "price", None, actor, at)
        await label(writing, clinic_id, conversation_id, ["richiamare"], actor, at)
        return
    later = at + timedelta(minutes=6)
    await post_message(writing, thread, Author(Side.CLINIC, actor.id, "Olga"), new_id(), answer, None, later)
    await close(writing, clinic_id, conversation_id, actor, later)
    patient = Actor(ActorKind.PATIENT, None)
    await score(writing, clinic_id, thread.patient_id, case.case_id, 5, "Veloci e gentili", patient, later)

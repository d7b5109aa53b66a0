"""What happens to people for whom ready journeys are: how it begins, what they do, and what ends it early."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from automation.commands.tasks import Act, end_task
from automation.queries.tasks import Doer
from automation.task import TaskOutcome, presets_of
from automation.templates import Filled
from cabinet.commands.documents import acknowledge_document, open_document
from cabinet.commands.sending import Sending, send_document
from cabinet.commands.templates import add_ready_templates
from core.events import SYSTEM
from enamel.demo.cast import ROME
from enamel.demo.people import Facts, euro, item, local_moment
from identity.permissions import PRESETS
from tests.enamel.stage import DAY, MONDAY, ZONE, Someone, Stage

Deed = Callable[[Stage, Someone], Awaitable[None]]


@dataclass(frozen=True)
class Story:
    """`begins` on Monday at eight, before the journey is launched; `after`, once it is. `deeds`: (day, hour) of Rome.

    `met`: what ends it early, and when; None where nothing can.
    """

    key: str
    begins: Deed
    lasts_days: int
    deeds: Mapping[tuple[int, float], Deed] = field(default_factory=dict)
    met: tuple[int, float, Deed] | None = None
    fills: Callable[[Stage, Someone], Awaitable[Mapping[str, Filled]]] | None = None
    born: date = date(1985, 5, 17)


def moment(day: int, hour: float) -> datetime:
    minutes = int(hour * 60)
    return datetime.combine(MONDAY + day * DAY, time(minutes // 60, minutes % 60), ZONE).astimezone(UTC)


def says(*tells: Callable[[Facts, str], None]) -> Deed:
    """The clinic's own system says these things of somebody."""

    async def deed(stage: Stage, who: Someone) -> None:
        def all_of_it(facts: Facts) -> None:
            for tell in tells:
                tell(facts, who.name)

        await stage.told(all_of_it)

    return deed


def visit(
    day: int, hour: int = 10, status: str = "completed", service: str = "Controllo", name: str = "visit"
) -> Callable[[Facts, str], None]:
    """On a day from the story's Monday on, or, below zero, before it."""

    def tell(facts: Facts, who: str) -> None:
        starts = local_moment(MONDAY + day * DAY, hour, ROME)
        facts.add(
            "appointments", f"{who}-{name}", patient=who, branch=ROME, starts_at=starts.isoformat(),
            ends_at=(starts + timedelta(minutes=45)).isoformat(), service=service, status=status,
            practitioner="Dr. Bianchi",
        )  # fmt: skip

    return tell


def done(kind: str, day: int, **more: str) -> Callable[[Facts, str], None]:
    def tell(facts: Facts, who: str) -> None:
        on = (MONDAY + day * DAY).isoformat()
        facts.add("procedures", f"{who}-{kind}", patient=who, kind=kind, performed_on=on, name=kind, **more)

    return tell


def found(code: str, tooth: str, day: int) -> Callable[[Facts, str], None]:
    return lambda facts, who: facts.finding(who, tooth, code, "O", MONDAY + day * DAY)


def plan(status: str, first: str = "planned") -> Callable[[Facts, str], None]:
    def tell(facts: Facts, who: str) -> None:
        said = {} if first == "planned" else {"status": first}
        stages = [
            {"title": "Carie", "visits": 1, "items": [item("Otturazione", 12_000, "16", "MO", **said)]},
            {"title": "Corona", "visits": 2, "items": [item("Corona", 65_000, "36")]},
        ]
        facts.add("plans", f"{who}-plan", patient=who, title="Cura", currency="EUR", status=status, stages=stages)

    return tell


def entry(kind: str, minor: int, day: int, *, due: int | None = None) -> Callable[[Facts, str], None]:
    def tell(facts: Facts, who: str) -> None:
        more = {"due_on": (MONDAY + due * DAY).isoformat()} if due is not None else {}
        on = (MONDAY + day * DAY).isoformat()
        facts.add("ledger", f"{who}-{kind}", patient=who, kind=kind, amount=euro(minor), posted_on=on, text="x", **more)

    return tell


def earlier(days: int, deed: Deed) -> Deed:
    """So long before the story begins."""

    async def before(stage: Stage, who: Someone) -> None:
        now, stage.now = stage.now, stage.now - days * DAY
        await deed(stage, who)
        stage.now = now

    return before


def calls(outcome: TaskOutcome) -> Deed:
    """Olga does the task that the journey made."""

    async def deed(stage: Stage, who: Someone) -> None:
        ((task_id,),) = await stage.ask("select id from task where patient_id = :who and state = 'open'", who)
        doer = Doer(stage.staff_id, presets_of(PRESETS["owner"]))
        async with stage.writing() as writing:
            await end_task(writing, Act(stage.clinic_id, task_id, doer, "en", stage.now), outcome, "")

    return deed


async def gets_a_paper(stage: Stage, who: Someone) -> None:
    async with stage.writing() as writing:
        await add_ready_templates(writing, stage.clinic_id, SYSTEM, stage.now)
        await send_document(writing, stage.clinic_id, who.id, Sending("privacy_note"), SYSTEM, stage.now)


async def acknowledges(stage: Stage, who: Someone) -> None:
    ((document_id,),) = await stage.ask("select id from document where patient_id = :who", who)
    async with stage.writing() as writing:
        shown = await open_document(writing, stage.clinic_id, who.id, document_id, who.actor, stage.now)
        await acknowledge_document(
            writing, stage.clinic_id, who.id, document_id, shown.content_sha256, who.actor, stage.now
        )


books = says(visit(60, status="booked", name="next"))
reached, nobody_there = calls(TaskOutcome.REACHED), calls(TaskOutcome.DECLINED)

left_a_plan = says(
    visit(-60), done("filling", -60, notation="fdi", tooth="16"), plan("in_progress", "completed")
)  # fmt: skip

STORIES = [
    Story("check-up-recall", says(visit(-190)), 25, met=(3, 12, books)),
    Story("hygiene-recall", says(visit(-200), done("hygiene", -200)), 18, met=(2, 12, books)),
    Story(
        "control-recall", says(visit(-95), done("implant", -95)), 10, deeds={(7, 12): reached}, met=(3, 12, books)
    ),
    Story("documents-waiting", gets_a_paper, 20, deeds={(9, 12): reached}, met=(4, 15, acknowledges)),
    Story(
        "balance-reminder", says(visit(-20), entry("charge", 12_000, -20, due=-10)), 24, deeds={(15, 12): reached},
        met=(3, 12, says(entry("payment", 12_000, 3))),
    ),
    Story(
        "plan-continue", earlier(60, left_a_plan), 38, deeds={(8, 12): reached}, met=(3, 12, books),
    ),
    Story(
        "come-back", says(visit(-50), done("filling", -50, notation="fdi", tooth="16")), 18, deeds={(8, 12): reached},
        met=(3, 12, books),
    ),
    Story(
        "consultation-missed", says(visit(-1, 17, "booked")), 10,
        deeds={(0, 9): says(visit(-1, 17, "no_show")), (1, 15): nobody_there}, met=(0, 15, books),
    ),
    Story(
        "found-untreated", says(visit(-400, name="first"), visit(-40), found("caries", "25", -40)), 18,
        deeds={(8, 12): reached}, met=(3, 12, books),
    ),
    Story("yearly-invitation", says(visit(-345), plan("completed", "completed")), 31, met=(3, 12, books)),
]  # fmt: skip

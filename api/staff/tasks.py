"""`/v1/staff/tasks`: whom to call and what else is to be done, who does it, and what came of it."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.problems import language_of
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.own_tasks import TaskWords, change_task, make_own_task
from automation.commands.tasks import Act, cancel_task, end_task, release_task, take_task, try_again
from automation.queries.task_figures import MOST_PEOPLE, TaskFigures, task_figures
from automation.queries.tasks import (
    Doer,
    TaskDue,
    TaskPart,
    TaskTexts,
    TaskTryView,
    TaskView,
    Wanted,
    task,
    task_texts,
    task_tries,
    tasks,
)
from automation.task import LONGEST_TEXT, MOST_TRIES, TaskKind, TaskOutcome, Whose, presets_of
from clinic.queries import StaffStanding
from core.errors import Fault, Invalid, NotFound
from core.moments import Moment
from core.values import Int32, ShortText, Value
from identity.permissions import PRESETS, Permission

router = APIRouter(prefix="/v1/staff", tags=["tasks"], route_class=StrictRoute)

Looks = Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)]
Works = Annotated[StaffWrites, staff_writes(Permission.REPLY)]
Words = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Preset = Annotated[str, StringConstraints(pattern=f"^({'|'.join(PRESETS)})$")]

_EXAMPLE: dict[str, Any] = {
    "title": "Ask whether the crown fits", "due_at": "2026-11-24T09:00:00.000Z", "preset": "reception",
    "script": "Good morning, how does the crown feel?",
}  # fmt: skip


class TaskSaid(Value):
    """What a task is and for whom: one colleague, a starting set of rights, a team, or, of none, everybody."""

    title: ShortText
    description: Words = ""
    script: Words = Field(default="", description="What to say.")
    assignee_id: UUID | None = None
    preset: Preset | None = None
    team_id: UUID | None = None
    due_at: Moment
    remind_at: Moment | None = None

    @model_validator(mode="after")
    def _is_for_one(self) -> Self:
        _ = self.whose
        return self

    @property
    def whose(self) -> Whose:
        return Whose(self.assignee_id, self.preset, self.team_id)

    @property
    def words(self) -> TaskWords:
        return TaskWords(self.title, self.description, self.script, self.whose, self.due_at, self.remind_at)


class TaskToMake(TaskSaid):
    """Without a branch it belongs to the patient's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_EXAMPLE, "client_id": "0193a1b2-0000-7000-8000-000000000001", "kind": "call"}]
        }
    )

    client_id: UUID = Field(description="The caller's own name for it: said twice, it is made once.")
    kind: TaskKind
    patient_id: UUID | None = None
    branch_id: UUID | None = None


class TaskToChange(TaskSaid):
    """All of it anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "version": 1}]})

    version: Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]


class TaskEnd(Value):
    outcome: TaskOutcome = Field(description="One of the kind's: see docs/tasks.md.", examples=["booked"])
    note: Words = ""


class TaskAgain(Value):
    outcome: TaskOutcome = Field(description="`no_answer`, `busy` or `asked_later`.", examples=["no_answer"])
    note: Words = ""
    again_at: Moment = Field(description="When the same task is due again.")


class Tasks(Value):
    items: list[TaskView] = Field(max_length=200)
    next_cursor: str | None


class WholeTask(Value):
    task: TaskView
    texts: TaskTexts
    tries: list[TaskTryView] = Field(max_length=MOST_TRIES)


class TaskFiguresOfAll(Value):
    items: list[TaskFigures] = Field(max_length=MOST_PEOPLE)


def doer_of(staff: StaffStanding) -> Doer:
    return Doer(staff.staff_id, presets_of(staff.permissions))


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _act(call: StaffWrites, request: Request, task_id: UUID) -> Act:
    return Act(call.clinic_id, task_id, doer_of(call.staff), _language(request), call.now)


@router.get("/tasks", summary="What is to be done", operation_id="listTasks")
async def listed(
    ports: PortsHere, call: Looks, request: Request,
    part: Annotated[TaskPart, Query(description="`mine`, what a `team` of mine may take, or `all`.")] = TaskPart.ALL,
    due: Annotated[TaskDue, Query(description="`overdue`, or `today` with what is late.")] = TaskDue.ANY,
    kind: TaskKind | None = None,
    patient_id: UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Tasks:  # fmt: skip
    """Open and taken ones, what is due soonest first; of the branches that one is tied to, and one's own."""
    wanted, doer = Wanted(part, due, kind, patient_id), doer_of(call.staff)
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "tasks", call.clinic_id), cursor, limit,
        lambda place, most: tasks(
            call.reading, call.clinic_id, doer, wanted, _language(request), call.now,
            after=moment_and_id(place), limit=most,
        ),
        lambda each: [each.due_at.isoformat(), str(each.task_id)],
    )  # fmt: skip
    return Tasks(items=items, next_cursor=following)


@router.post("/tasks", status_code=201, summary="Make a task", operation_id="makeTask")
async def make(call: Works, request: Request, body: TaskToMake) -> TaskView:
    """For a colleague, a starting set of rights, a team or everybody. Title and texts are the clinic's own words."""
    act = _act(call, request, body.client_id)
    return await make_own_task(call.writing, act, body.kind, body.words, body.patient_id, body.branch_id)


@router.get("/task-figures", summary="What each colleague has done", operation_id="getTaskFigures")
async def figures(
    call: Annotated[StaffReads, staff_reads(Permission.MANAGE_STAFF)],
    since: Annotated[Moment, Query()],
    until: Annotated[Moment, Query()],
) -> TaskFiguresOfAll:
    """Done, missed, overdue and not called back in a period, by colleague; of the branches that one sees."""
    if since >= until:
        raise Invalid(Fault("/until", "before-since"))
    found = await task_figures(call.reading, call.clinic_id, call.staff.staff_id, since, until, call.now)
    return TaskFiguresOfAll(items=found)


@router.get("/tasks/{task_id}", summary="A task", operation_id="getTask")
async def one(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CONTACT)], request: Request, task_id: UUID
) -> WholeTask:
    """With its texts and the tries so far. Texts may speak of the patient: the look stays in their events."""
    found = await task(call.writing, call.clinic_id, call.staff.staff_id, task_id, _language(request))
    if found is None:
        raise NotFound
    if found.patient_id is not None:
        await call.note_read("task", found.patient_id)
    texts = await task_texts(call.writing, call.clinic_id, task_id)
    return WholeTask(task=found, texts=texts, tries=await task_tries(call.writing, call.clinic_id, task_id))


@router.put("/tasks/{task_id}", summary="Change a task", operation_id="changeTask")
async def change(call: Works, request: Request, task_id: UUID, body: TaskToChange) -> TaskView:
    """Say all of it anew. Given to others, it is open to them."""
    return await change_task(call.writing, _act(call, request, task_id), body.version, body.words)


@router.post("/tasks/{task_id}/take", summary="Take a task", operation_id="takeTask")
async def take(call: Works, request: Request, task_id: UUID) -> TaskView:
    """Say that you are at it. Of two colleagues one gets it; taking one's own again changes nothing."""
    return await take_task(call.writing, _act(call, request, task_id))


@router.post("/tasks/{task_id}/release", summary="Give a task back", operation_id="releaseTask")
async def release(call: Works, request: Request, task_id: UUID) -> TaskView:
    """It is open again to those it is for."""
    return await release_task(call.writing, _act(call, request, task_id))


@router.post("/tasks/{task_id}/done", summary="Say what came of a task", operation_id="endTask")
async def done(call: Works, request: Request, task_id: UUID, body: TaskEnd) -> TaskView:
    """Once. `not_wanted` does not withdraw a consent: write that down with the patient."""
    return await end_task(call.writing, _act(call, request, task_id), body.outcome, body.note)


@router.post("/tasks/{task_id}/tries", summary="Put a call off", operation_id="tryTaskAgain")
async def again(call: Works, request: Request, task_id: UUID, body: TaskAgain) -> TaskView:
    """The call that you have taken came to nothing yet: the same task is due again, and the try is counted, once."""
    return await try_again(call.writing, _act(call, request, task_id), body.outcome, body.note, body.again_at)


@router.post("/tasks/{task_id}/cancel", summary="Call a task off", operation_id="cancelTask")
async def cancel(call: Works, request: Request, task_id: UUID) -> TaskView:
    """Nobody need do it any more."""
    return await cancel_task(call.writing, _act(call, request, task_id))

"""Gives push the messages of a journey's step, for all who came to it, and writes them into the log: one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, literal, select

from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.words import Verdict
from automation.queries.days import AS_OF
from automation.queries.told import Said, told_of
from automation.tables import Touchpoint
from core.database import Sweeping
from push.commands import notices_from


async def say(sweeping: Sweeping, journey: Journey, step: Step, said: Sequence[Said], now: datetime) -> None:
    """A notice for each, under a key that names enrolment, number and rung: what is said twice is one."""
    assert step.notice is not None
    told = told_of(journey, step, said, now)
    came = notices_from(told, kind=step.notice, purpose=journey.purpose, wording=step.wording, now=AS_OF).cte("came")
    values: dict[str, Any] = {
        "clinic_id": told.c.clinic_id, "id": func.id_made_at(AS_OF), "enrolment_id": told.c.cause_id,
        "seq": told.c.number, "step": literal(step.id), "verdict": literal(Verdict.SENT.value),
        "reason": literal(""), "notice_id": told.c.id, "at": AS_OF,
    }  # fmt: skip
    logged = (
        insert(Touchpoint).from_select(list(values), select(*values.values()), include_defaults=False).cte("logged")
    )
    await sweeping.execute(select(func.count()).select_from(told).add_cte(came, logged), {"as_of": now})

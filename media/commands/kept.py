"""The verb of how much a clinic keeps: make one row of many."""

from sqlalchemy import text

from core.database import Sweeping

# A row that two take at once goes to one of them: the other waits, finds it gone and adds it to nothing.
_ADD_UP = text("""
with gone as (
    delete from kept_bytes
    where clinic_id in (select clinic_id from kept_bytes group by clinic_id having count(*) > 1)
    returning clinic_id, bytes
)
insert into kept_bytes (clinic_id, id, bytes) select clinic_id, gen_random_uuid(), sum(bytes) from gone group by 1
""")


async def add_up_kept(sweeping: Sweeping) -> int:
    """For each clinic whose sum has changed, one row instead of many; of how many clinics.

    At no moment does anybody read another sum: the rows go and the one comes in one statement.
    """
    done = await sweeping.execute(_ADD_UP)
    return int(done.rowcount)  # type: ignore[attr-defined]  # an insert's result has it

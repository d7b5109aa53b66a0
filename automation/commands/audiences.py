"""Lists patients for promotions that are for few: who matches the stored criteria is put on the list.

Whoever was listed stays so until the promotion ends: an offer that vanished under the patient's finger, because a
visit was booked meanwhile, would be a complaint at the desk.
"""

import json
import logging
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from automation.queries.segments import segment_statement
from automation.segment import Criterion
from cabinet.commands.audiences import list_members
from cabinet.queries.audiences import Listed, listed_promotions
from core.database import Writing

AT_ONCE = 20_000
"""Patients of one statement: all of a large clinic at once do not fit into its time."""

_LOG = logging.getLogger("enamel.automation")


async def list_members_due(writing: Writing, now: datetime, limit: int = AT_ONCE) -> int:
    """Put up to `limit` patients for each distinct criteria on the lists they are missing from; how many came.

    One statement for each distinct tree, however many promotions and clinics have it.
    """
    return sum([await _list(writing, each, now, limit) for each in await listed_promotions(writing, now)])


async def list_all(writing: Writing, now: datetime, promotion_id: UUID) -> int:
    """The whole list of one promotion at once, as at its publication; how many there are on it then."""
    due = [each for each in await listed_promotions(writing, now) if promotion_id in each.ids]
    return sum([await _list(writing, Listed(each.criteria, [promotion_id]), now, AT_ONCE) for each in due])


async def _list(writing: Writing, listed: Listed, now: datetime, limit: int) -> int:
    try:
        criterion = Criterion.model_validate_json(json.dumps(listed.criteria))
    except ValidationError:
        for promotion_id in listed.ids:
            _LOG.error(json.dumps({"promotion": str(promotion_id), "error": "no-longer-parses"}))
        return 0
    return await list_members(writing, listed.ids, segment_statement(criterion), {"as_of": now}, now, limit)

"""The greatest version that a number can say is out of date like any other, and not an error of the clinic's own."""

from typing import Any

from tests.api.foreign import IDS
from tests.api.said_of_foreign import BODIES
from tests.world import World

LAST = 2**31 - 1

CHANGES = {
    "changeTask": ("/v1/staff/tasks/{}", "task_id"),
    "changeTeam": ("/v1/staff/teams/{}", "team_id"),
    "changePhoneExchange": ("/v1/staff/phone-exchanges/{}", "exchange_id"),
    "changeWebhook": ("/v1/staff/webhook-endpoints/{}", "endpoint_id"),
    "changeSegment": ("/v1/staff/segments/{}", "segment_id"),
    "changeMessageTemplate": ("/v1/staff/message-templates/{}", "message_template_id"),
    "changeTemplate": ("/v1/staff/document-templates/{}", "template_id"),
}


async def test_the_last_version_is_stale_and_no_error_of_ours(world: World) -> None:
    answers: dict[str, Any] = {}
    for operation, (path, parameter) in CHANGES.items():
        own = (await IDS[parameter](world, "staff")).own
        body = {**BODIES[operation], "version": LAST}
        answer = await world.http.put(path.format(own), headers=world.here.staff, json=body)
        answers[operation] = answer.status_code, answer.json()["code"]
    assert all(status in (409, 412) for status, _ in answers.values()), answers

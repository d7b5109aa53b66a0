"""A survey of a clinic, and patients who are asked."""

from typing import Any
from uuid import UUID

from core.ids import new_id
from tests.world import Party, World

RECOMMEND = {"key": "recommend", "kind": "nps", "texts": [{"language": "en", "text": "Would you recommend us?"}]}
WORDS = {"key": "words", "kind": "text", "texts": [{"language": "en", "text": "Why?"}], "required": False}
STARS = {"key": "stars", "kind": "stars", "texts": [{"language": "en", "text": "The desk?"}], "required": False}
WHAT = {
    "key": "what", "kind": "choice", "texts": [{"language": "en", "text": "What?"}], "required": False,
    "choices": [{"key": each, "texts": [{"language": "en", "text": each}]} for each in ("waiting", "price")],
}  # fmt: skip
REVIEWS = "https://maps.example/rossi"


async def make_survey(world: World, party: Party, **said: Any) -> str:
    body = {
        "name": "After a visit", "about": "branch", "titles": [{"language": "en", "text": "How was it?"}],
        "questions": [RECOMMEND, WORDS, STARS, WHAT], "review_url": REVIEWS, **said,
    }  # fmt: skip
    answer = await world.post("/v1/staff/surveys", party.staff, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["survey_id"])


async def ask(world: World, party: Party, survey_id: str, patient_id: UUID, **said: Any) -> tuple[str, str]:
    """The invitation, and its link."""
    body = {"client_id": str(new_id()), "survey_id": survey_id, **said}
    answer = await world.post(f"/v1/staff/patients/{patient_id}/survey-invitations", party.staff, body)
    assert answer.status_code == 201, answer.text
    return answer.json()["invitation_id"], answer.json()["link"]

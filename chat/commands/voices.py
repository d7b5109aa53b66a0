"""The verb of a voice message that came into another record: whether it is said is asked of that patient's thread."""

from uuid import UUID

from sqlalchemy import text

from core.database import Writing

_LOOK_AGAIN = text("select chat_voices_said(:clinic, jsonb_build_array(cast(:picture as uuid)), null)")


async def look_for_voice(writing: Writing, clinic_id: UUID, picture_id: UUID) -> None:
    """Note whether a message carries it; of a picture nothing is noted."""
    await writing.execute(_LOOK_AGAIN, {"clinic": clinic_id, "picture": picture_id})

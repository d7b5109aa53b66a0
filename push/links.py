"""The two links below a message: one leads into the app and tells that it was opened, one ends what was sent."""

from dataclasses import dataclass, field
from uuid import UUID

from push.channel import Way
from push.consent import ConsentChannel, channels_of
from push.notice import Purpose
from push.short_token import Named, named_by, token_of

KEY = "links of messages"
"""Under which name the house's key for them is made (`Secrets.keyed_hash`)."""
_OPENS = {f"open {way.value}": way for way in Way}
_STOPS = {
    f"stop {purpose.value} {channel.value}": (purpose, channel) for purpose in Purpose for channel in ConsentChannel
}
# What belongs to the treatment or answers the patient is not ended by a click, but in the app, purpose by purpose.
STOPPABLE = frozenset({Purpose.MARKETING, Purpose.RECALL, Purpose.SURVEY})


@dataclass(frozen=True, slots=True)
class Opening:
    """Of which notice it is, and by which way it went."""

    clinic_id: UUID
    notice_id: UUID
    way: Way


@dataclass(frozen=True, slots=True)
class Stopping:
    """Who wants no more of one purpose on one channel."""

    clinic_id: UUID
    patient_id: UUID
    purpose: Purpose
    channel: ConsentChannel


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads them. `base`: where we are reached, without a last slash."""

    key: bytes = field(repr=False)
    base: str

    def web_link(self, opening: Opening) -> str:
        named = Named(opening.clinic_id, opening.notice_id, f"open {opening.way.value}")
        return f"{self.base}/l/{token_of(self.key, named)}"

    def stop_link(self, stopping: Stopping) -> str:
        """Empty where there is nothing that one click may end."""
        if stopping.purpose not in STOPPABLE or stopping.channel not in channels_of(stopping.purpose):
            return ""
        purpose = f"stop {stopping.purpose.value} {stopping.channel.value}"
        return f"{self.base}/v1/stop/{token_of(self.key, Named(stopping.clinic_id, stopping.patient_id, purpose))}"

    def opening(self, token: str) -> Opening | None:
        named = named_by(self.key, token, _OPENS)
        return None if named is None else Opening(named.clinic_id, named.thing_id, _OPENS[named.purpose])

    def stopping(self, token: str) -> Stopping | None:
        named = named_by(self.key, token, _STOPS)
        return None if named is None else Stopping(named.clinic_id, named.thing_id, *_STOPS[named.purpose])

"""Which wires carry a channel, and the lines of clinics by wire."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from push.channel import Way
from push.consent import ConsentChannel
from push.line import Line

_C = ConsentChannel
WAYS: Mapping[ConsentChannel, tuple[Way, ...]] = {
    _C.PUSH: (Way.FCM, Way.APNS, Way.WEBPUSH),
    _C.SMS: (Way.SMS,),
    _C.EMAIL: (Way.EMAIL,),
    _C.MESSENGER: (Way.TELEGRAM, Way.WHATSAPP),
}
CHANNEL_OF: Mapping[Way, ConsentChannel] = {way: channel for channel, ways in WAYS.items() for way in ways}

Lines = Mapping[tuple[UUID, Way], Sequence[Line]]
"""The lines that are in use, by clinic and way, by name; also those that rest (`Line.rests_until`)."""


def awake(lines: Lines, clinic_id: UUID, way: Way) -> list[Line]:
    """Those that do not rest."""
    return [line for line in lines.get((clinic_id, way), ()) if line.rests_until is None]

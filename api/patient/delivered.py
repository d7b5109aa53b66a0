"""`/v1/chat/delivered`: the app says that a push brought its message, without being signed in at that moment."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.ports import PortsHere
from api.saying import tell
from api.strict import StrictRoute
from chat.commands import Speaker, Target, mark
from chat.conversation import Side
from chat.delivered import TOKEN_LENGTH, arrival_of
from core.clock import now
from core.errors import NotAllowed, NotFound, NotSignedIn
from core.values import Value


class ReceiptRefused(NotSignedIn):
    """Not one of ours, too old, or of a device that is signed out: whoever holds it has nobody to sign in."""

    slug = "receipt-refused"


router = APIRouter(prefix="/v1/chat", tags=["chat"], route_class=StrictRoute)


class Delivered(Value):
    receipt: Annotated[str, StringConstraints(max_length=TOKEN_LENGTH, pattern=r"^[A-Za-z0-9_=-]+$")] = Field(
        description="`receipt` of the push."
    )


@router.post(
    "/delivered", status_code=204, summary="A push has brought its message", operation_id="confirmChatDelivered"
)
async def confirm_delivered(ports: PortsHere, body: Delivered) -> Response:
    """For the app's push handler, which has no access token. Moves the delivered mark of this one conversation, and
    nothing else; that it was read, or looked at, cannot be said here. Its session must still be signed in.
    """
    at = now()
    arrival = arrival_of(ports.keys.secrets.arrival_key, body.receipt, at)
    if arrival is None:
        raise ReceiptRefused
    speaker = Speaker(Side.PATIENT, arrival.clinic_id, arrival.account_id, arrival.session_id)
    target = Target(arrival.conversation_id)
    try:
        tell(ports, await mark(ports.database, speaker, target, arrival.seq, 0, at, front=False))
    except (NotAllowed, NotFound, NotSignedIn):
        raise ReceiptRefused from None  # the right is gone: no more is said
    return Response(status_code=204)

"""Describes one account at a message center of SMPP: where, as whom, and its habits."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from core.values import Int32, Value

_HOST = r"^[A-Za-z0-9._:-]+$"
_ASCII = r"^[\x20-\x7e]*$"


class SmppLine(Value):
    """Frozen settings of one line; what the operator's sheet says of its habits stands in the last five.

    `long`: a longer text goes in segments of our own (`udh`) or whole, for the center to cut (`payload`).
    `ids`: whether answers name a message in the same form as receipts, or one of both in hexadecimal.
    `dead_errors`: the `err` of receipts that mean that the number does not exist; every operator has its own.
    `reference`: whether repeats carry the same `user_message_reference`.
    """

    host: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=_HOST)]
    port: Annotated[Int32, Field(ge=1, le=65_535)] = 2775
    tls: bool = False
    tls_ca: Annotated[str, StringConstraints(max_length=20_000)] = ""
    """PEM of who signs the center's certificate, where it is no public authority."""
    system_id: Annotated[str, StringConstraints(min_length=1, max_length=15, pattern=_ASCII)]
    password: Annotated[SecretStr, Field(max_length=64)]
    system_type: Annotated[str, StringConstraints(max_length=12, pattern=_ASCII)] = ""
    sender: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=_ASCII)]
    window: Annotated[Int32, Field(ge=1, le=200)] = 10
    """Messages in flight at once."""
    enquire_seconds: Annotated[float, Field(ge=0.05, le=600)] = 30
    bind_seconds: Annotated[float, Field(ge=0.05, le=60)] = 10
    joining_seconds: Annotated[float, Field(ge=0.05, le=30)] = 5
    """How long segments of a patient's long text wait for each other."""
    throttled_seconds: Annotated[float, Field(ge=0.1, le=600)] = 5
    most_segments: Annotated[Int32, Field(ge=1, le=20)] = 6
    long: Literal["udh", "payload"] = "udh"
    ids: Literal["same", "hex-in-answer", "hex-in-receipt"] = "same"
    dead_errors: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    reference: bool = True

"""A clinic's way to send mail: its relay, and who stands in the sender's place."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, SecretStr, StringConstraints, model_validator

from core.mail_address import MailAddress, MailDomain, needs_utf8
from core.values import Int32, MaybeText, Value


class Security(StrEnum):
    """How the connection is encrypted. There is no third way: a password and a patient's address go over it."""

    STARTTLS = "starttls"
    """Asked for and insisted on: a relay that does not offer it gets nothing (port 587)."""
    TLS = "tls"
    """From the first byte (port 465)."""


class MailLine(Value):
    """What must be known to send mail in a clinic's name by SMTP submission (RFC 6409)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "host": "smtp.relay.example", "port": 587, "security": "starttls", "user": "clinic",
                    "password": "a secret", "from_address": "hello@clinic.example", "from_name": "Studio Rossi",
                    "reply_to": "desk@clinic.example", "bounce_domain": "bounces.clinic.example",
                    "token_key": "thirty-two signs or more of chance",
                }
            ]
        }
    )  # fmt: skip

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
    port: Annotated[Int32, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    user: MaybeText = ""
    password: SecretStr = SecretStr("")
    from_address: MailAddress
    from_name: MaybeText = ""
    reply_to: MailAddress | None = None
    bounce_domain: MailDomain = ""
    """Where bounces come back, to `b+…@` it (VERP). Empty: they go to the sender, and nobody counts them."""
    token_key: Annotated[SecretStr, Field(min_length=32)]
    """Makes the names of messages: who does not have it forges no bounce."""
    authority: Annotated[str, StringConstraints(max_length=20_000)] = ""
    """PEM of the authority that signed the relay's certificate, where that is the clinic's own."""
    connections: Annotated[Int32, Field(ge=1, le=20)] = 4
    """How many at most are open at once."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.user) != bool(self.password.get_secret_value()):
            raise ValueError("a user has a password")
        if needs_utf8(self.from_address) or (self.reply_to and needs_utf8(self.reply_to)):
            raise ValueError("our own addresses are read by every relay")
        return self

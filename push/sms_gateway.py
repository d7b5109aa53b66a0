"""Describes an SMS gateway of HTTP by data: what it is asked, and what its answers mean.

Presets stand in `data/sms/`. A gateway that none fits is described in the same form, without a line of Python.
"""

import tomllib
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

import msgspec
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from core.values import Int32, MaybeText, ShortText, Value
from push.outcome import Outcome, Result
from push.retry_after import retry_after
from push.sms_text import Alphabet
from push.sms_words import code_of

_FOLDER = Path(__file__).parent / "data" / "sms"
_GOOD = range(200, 300)
_MOST_STEPS = 8

# A refusal by its status, where the gateway's own code says nothing of it. Whatever else it is: our settings.
_STATUSES = {
    **dict.fromkeys((400, 413, 422), Result.BAD_MESSAGE),
    429: Result.THROTTLED,
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}


def _one_line(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isprintable():
        raise ValueError("control characters")
    return secret


Secret = Annotated[SecretStr, Field(max_length=500), AfterValidator(_one_line)]
Spot = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_.-]*$")]
"""Where in a JSON object or form something stands: names and places, joined by dots (`messages.0.message-id`)."""
Codes = Annotated[dict[ShortText, Result], Field(max_length=200)]


class Auth(StrEnum):
    BASIC = "basic"
    """`account:secret`, as RFC 7617 has it."""
    BEARER = "bearer"
    HEADER = "header"
    """The secret in the header `auth_header`."""
    BODY = "body"
    """Among the members, by `{secret}`; never in a URL."""


class Life(Value):
    """How long the gateway may keep a message for a phone that is off, in the unit it counts in."""

    unit_seconds: Annotated[float, Field(ge=0.001, le=86_400)] = 1
    least: Int32 = 1
    most: Int32 = 86_400

    def of(self, life: timedelta) -> int:
        return min(max(life // timedelta(seconds=self.unit_seconds), self.least), self.most)


class Answers(Value):
    """Where the answer has its id and its code, and what codes mean; a code that is not named is AMBIGUOUS.

    A number is given up (`dead`) only for a code that speaks of the number and of nothing else.
    """

    id_at: Spot = ""
    code_at: Spot = ""
    codes: Codes = Field(default_factory=dict)


class Check(Value):
    """A question that costs nothing and reaches nobody; right where the answer has something at `proof_at`."""

    url: MaybeText
    members: Annotated[dict[ShortText, MaybeText], Field(max_length=20)] = Field(default_factory=dict)
    auth: Auth = Auth.BODY
    proof_at: Spot


class Signed(StrEnum):
    HMAC_SHA256 = "hmac-sha256"
    """The hex HMAC-SHA256 of the body in the header `header`, with or without `sha256=` before it."""
    TWILIO = "twilio"
    """`X-Twilio-Signature`: HMAC-SHA1 of the URL and the sorted form."""
    VONAGE = "vonage"
    """The member `sig`: HMAC-SHA256 of the other members, sorted."""
    SMSC = "smsc"
    """The member `sha1`: of `id:phone:status:secret`, of an incoming text `phone:mes:secret`."""


class Hooks(Value):
    """What the gateway tells afterwards, and where each thing stands in it."""

    signed: Signed = Signed.HMAC_SHA256
    header: ShortText = "x-signature"
    events_at: Spot = ""
    """Where a list of several stands; empty: the body is one, or is itself a list."""
    id_at: Spot
    state_at: Spot
    code_at: Spot = ""
    at: Spot = ""
    """Seconds since 1970, ISO 8601, or `YYYY-MM-DD HH:MM:SS` in UTC; else when it came is when it was."""
    delivered: Annotated[tuple[ShortText, ...], Field(max_length=20)]
    undelivered: Annotated[tuple[ShortText, ...], Field(max_length=20)]
    dead_codes: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    stopped_codes: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    text_id_at: Spot = ""
    text_from_at: Spot = ""
    text_at: Spot = ""


class SmsShape(Value):
    """One gateway. In `members`: `{to}` `{to_digits}` `{sender}` `{text}` `{notice}` `{receipts}` `{life}` `{alphabet}`
    `{account}` `{secret}`, each alone; what is none of these goes as it stands; what is empty stays away.
    """

    url: MaybeText
    method: Literal["POST"] = "POST"
    """A GET would write the message into every log on its way, and is sent again by HTTP libraries of their own."""
    auth: Auth = Auth.BODY
    auth_header: ShortText = "authorization"
    body: Literal["form", "json"] = "form"
    members: Annotated[dict[ShortText, MaybeText], Field(min_length=1, max_length=40)]
    numbers: Annotated[tuple[ShortText, ...], Field(max_length=40)] = ()
    """Members that go as JSON numbers."""
    alphabets: Annotated[dict[Alphabet, ShortText], Field(max_length=2)] = Field(default_factory=dict)
    life: Life = Life()
    answers: Answers
    check: Check | None = None
    hooks: Hooks | None = None

    @model_validator(mode="after")
    def _form_is_flat(self) -> Self:
        if self.body == "form" and self.numbers:
            raise ValueError("a form has no numbers")
        return self


class SmsGatewayLine(Value):
    """One clinic's account at a gateway. `url` and `check_url` stand in for the shape's own where it runs elsewhere."""

    shape: SmsShape
    url: MaybeText = ""
    check_url: MaybeText = ""
    account: MaybeText = ""
    secret: Secret
    sender: ShortText
    receipts_url: MaybeText = ""
    most_segments: Annotated[Int32, Field(ge=1, le=20)] = 6

    @property
    def send_address(self) -> str:
        return (self.url or self.shape.url).replace("{account}", self.account)

    @property
    def check_address(self) -> str:
        return (self.check_url or (self.shape.check.url if self.shape.check else "")).replace("{account}", self.account)


@cache
def preset(name: str) -> SmsShape:
    """`twilio`, `vonage` or `smsc`. Raises KeyError for another."""
    if name not in presets():
        raise KeyError(name)
    return SmsShape.model_validate(tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


@cache
def presets() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def headers_of(line: SmsGatewayLine, auth: Auth) -> dict[str, str]:
    secret = line.secret.get_secret_value()
    match auth:
        case Auth.BASIC:
            return {"authorization": "Basic " + b64encode(f"{line.account}:{secret}".encode()).decode()}
        case Auth.BEARER:
            return {"authorization": f"Bearer {secret}"}
        case Auth.HEADER:
            return {line.shape.auth_header: secret}
        case Auth.BODY:
            return {}


def body_of(line: SmsGatewayLine, members: Mapping[str, str], values: Mapping[str, str]) -> bytes:
    """`members` with `values` (by `{name}`) and the account in their places, as the gateway wants them."""
    known = {**values, "account": line.account, "secret": line.secret.get_secret_value(), "sender": line.sender}
    filled = {name: known.get(value[1:-1], "") if _is_blank(value) else value for name, value in members.items()}
    said = {name: value for name, value in filled.items() if value}
    if line.shape.body == "form":
        return urlencode(said).encode()
    whole: dict[str, Any] = {}
    for name, value in said.items():
        _put(whole, name.split("."), int(value) if name in line.shape.numbers and value.isdecimal() else value)
    return msgspec.json.encode(_lists(whole))


def _is_blank(value: str) -> bool:
    return value.startswith("{") and value.endswith("}")


def _put(whole: dict[str, Any], steps: list[str], value: Any) -> None:
    *before, last = steps
    for step in before:
        whole = whole.setdefault(step, {})
    whole[last] = value


def _lists(node: Any) -> Any:
    """Objects whose names are 0, 1, 2 … as lists."""
    if not isinstance(node, dict):
        return node
    inner = {name: _lists(value) for name, value in node.items()}
    return list(inner.values()) if list(inner) == [str(n) for n in range(len(inner))] else inner


def found_at(whole: Any, spot: str) -> str:
    """The text or number at `spot`, as text; empty where there is none."""
    node = whole
    for step in spot.split(".")[:_MOST_STEPS]:
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return ""
    return str(node) if isinstance(node, str | int | float) and not isinstance(node, bool) else ""


def outcome_of(shape: SmsShape, status: int, asked_for: str, raw: bytes, now: datetime) -> Outcome:
    """The gateway's answer as one of the seven. `asked_for`: its `Retry-After`, or nothing.

    Its own code counts before the status, but a failed request accepts nothing whatever its code says.
    """
    answer = _json(raw)
    said = found_at(answer, shape.answers.code_at) if shape.answers.code_at else ""
    known = shape.answers.codes.get(said)
    if known is Result.ACCEPTED and status not in _GOOD:
        known = None
    if known is None:
        known = (Result.AMBIGUOUS if said else Result.ACCEPTED) if status in _GOOD else _refusal(status)
    name = found_at(answer, shape.answers.id_at) if known is Result.ACCEPTED else ""
    if known is Result.ACCEPTED:
        return Outcome(known, provider_id=name) if name else Outcome(Result.AMBIGUOUS, "no-id")
    code = f"gateway-{code_of(said)}" if said else f"http-{status}"
    return Outcome(known, code, retry_after=retry_after(asked_for, now))


def proven(check: Check, status: int, raw: bytes) -> bool:
    return status in _GOOD and bool(found_at(_json(raw), check.proof_at))


def _refusal(status: int) -> Result:
    return _STATUSES.get(status, Result.CONFIG)


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None

"""A document's life: what it asks of the patient, which step may follow which, and the hash that is signed."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from cabinet.form import AskedQuestion, GivenAnswer
from cabinet.merge import Part
from core.errors import Conflict, Stale


class DocumentKind(StrEnum):
    NOTE = "note"
    CONSENT = "consent"
    CONTRACT = "contract"
    PRESCRIPTION = "prescription"
    INSTRUCTION = "instruction"
    FORM = "form"
    CERTIFICATE = "certificate"


class Asks(StrEnum):
    """What the patient is asked to do with it; a form with questions can also ask for a signature under them."""

    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    FILL = "fill"
    SIGN = "sign"


class DocumentState(StrEnum):
    SENT = "sent"
    SEEN = "seen"
    FILLED = "filled"
    """All asked questions are answered: the end where no signature is asked for."""
    ACKNOWLEDGED = "acknowledged"
    SIGNED = "signed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """The clinic took it back."""
    REVOKED = "revoked"
    """A signed consent that was taken back by who may sign; its signature and its file are kept."""
    EXPIRED = "expired"
    """Its time ran out; said of a document that was open then, and stored nowhere."""


class Act(StrEnum):
    SEE = "see"
    FILL = "fill"
    ACKNOWLEDGE = "acknowledge"
    SIGN = "sign"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


class DocumentNotOpen(Conflict):
    """It was signed, declined, taken back or ran out, or was never meant for this step."""

    slug = "document-not-open"


class DocumentWithdrawn(Conflict):
    """The clinic took it back, perhaps because it was meant for somebody else: its file is not handed out."""

    slug = "document-withdrawn"


class NotRevocable(Conflict):
    """Only a signed consent is revoked."""

    slug = "document-not-revocable"


class DocumentNotSeen(Conflict):
    """Nobody signs or acknowledges what they have not opened."""

    slug = "document-not-seen"


class FormNotFilled(Conflict):
    """The questions come before the signature."""

    slug = "form-not-filled"


class DocumentBeingSigned(Conflict):
    """Another device is signing it at this moment."""

    slug = "document-being-signed"


class ContentChanged(Stale):
    """What was shown is not what the document says now."""

    slug = "document-content-changed"


_S = DocumentState
_OPEN_TO_READ = frozenset({_S.SENT, _S.SEEN})


def is_open(state: DocumentState, asks: Asks) -> bool:
    """Whether the patient can still do something with it, or has yet to read it."""
    return state in _OPEN_TO_READ or (state is _S.FILLED and asks is Asks.SIGN)


def waits(state: DocumentState, asks: Asks) -> bool:
    """Whether somebody should be reminded: what only asks to be read is left alone."""
    return asks is not Asks.READ and is_open(state, asks)


def state_at(state: DocumentState, asks: Asks, expires_at: datetime | None, now: datetime) -> DocumentState:
    """The state as it is told: an open document past its time has expired."""
    over = expires_at is not None and expires_at <= now
    return _S.EXPIRED if over and is_open(state, asks) else state


def state_after(state: DocumentState, act: Act, asks: Asks, *, has_form: bool) -> DocumentState:
    """The next state. `state` is the one of `state_at`. Raises what stands in the way."""
    if act is Act.SEE:
        return _S.SEEN if state is _S.SENT else state
    if not is_open(state, asks) or not _meant_for(act, asks, has_form=has_form):
        raise DocumentNotOpen
    if act is Act.DECLINE:
        return _S.DECLINED
    if act is Act.WITHDRAW:
        return _S.WITHDRAWN
    if state is _S.SENT:
        raise DocumentNotSeen
    if act is Act.SIGN and has_form and state is not _S.FILLED:
        raise FormNotFilled
    return {Act.FILL: _S.FILLED, Act.ACKNOWLEDGE: _S.ACKNOWLEDGED, Act.SIGN: _S.SIGNED}[act]


def state_revoked(state: DocumentState, kind: DocumentKind) -> DocumentState:
    """A consent is free to be taken back at any time; a contract binds both sides. Raises `NotRevocable`."""
    if state is not _S.SIGNED or kind is not DocumentKind.CONSENT:
        raise NotRevocable
    return _S.REVOKED


def _meant_for(act: Act, asks: Asks, *, has_form: bool) -> bool:
    match act:
        case Act.FILL:
            return has_form
        case Act.ACKNOWLEDGE:
            return asks is Asks.ACKNOWLEDGE
        case Act.SIGN:
            return asks is Asks.SIGN
        case Act.DECLINE:
            return asks is not Asks.READ
        case _:
            return True


def content_sha256(
    title: str,
    version: int | None,
    parts: Sequence[Part],
    questions: Sequence[AskedQuestion],
    answers: Sequence[GivenAnswer],
) -> str:
    """The hash of everything a reader is shown: whoever signs names it, so nobody signs what they did not see."""
    whole: dict[str, Any] = {
        "title": title,
        "template_version": version,
        "parts": [part.model_dump(mode="json") for part in parts],
        "questions": [question.model_dump(mode="json") for question in questions],
        "answers": [answer.model_dump(mode="json") for answer in answers],
    }
    canonical = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()

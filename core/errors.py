"""Refusals: what Enamel says instead of doing, without a word of HTTP.

A package declares its own refusals as subclasses of one of the kinds below, each with a `slug`
that never changes. `api.problems` alone turns a kind into a status and a slug into a text in the
caller's language; every slug stands in `api/wording/*.toml` and in `docs/problems.md`.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (RFC 6901 pointer) and what (a stable code).

    Never the offending value itself: it may be a health fact or a secret.
    """

    pointer: str
    code: str


class Refusal(Exception):
    """Base of everything that is refused on purpose. Subclass a kind below, not this."""

    slug: ClassVar[str]

    def __init__(self, *faults: Fault, retry_after_seconds: float | None = None) -> None:
        super().__init__(self.slug)
        self.faults = faults
        self.retry_after_seconds = retry_after_seconds


class NotSignedIn(Refusal):
    """Nobody, or nobody we can believe, is calling."""

    slug = "not-signed-in"


class NotAllowed(Refusal):
    """The caller may know that it exists, but not do this."""

    slug = "not-allowed"


class NotFound(Refusal):
    """Unknown, deleted or somebody else's: all three answer alike."""

    slug = "not-found"


class Conflict(Refusal):
    """True input, but the state of the thing does not allow it."""

    slug = "conflict"


class Gone(Refusal):
    """It was for one use, or for a time, and that is over."""

    slug = "gone"


class Stale(Refusal):
    """The caller decided on an older version than the present one."""

    slug = "stale-version"


class Invalid(Refusal):
    """The input itself is wrong; `faults` say where."""

    slug = "invalid-input"


class TooLarge(Refusal):
    """More than the stated limit."""

    slug = "too-large"


class TooMany(Refusal):
    """Asked too often; `retry_after_seconds` says when again."""

    slug = "too-many-requests"


class Unavailable(Refusal):
    """Something we depend on does not answer. Whether it was done is unknown where the answer to a commit was lost."""

    slug = "temporarily-unavailable"

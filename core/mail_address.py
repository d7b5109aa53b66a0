"""Mail addresses: which can be written to at all, and how they stand on the wire."""

import re
from typing import Annotated

import idna
from pydantic import AfterValidator, StringConstraints

LONGEST = 254
_LONGEST_LOCAL = 64
# RFC 5321 dot-string; letters beyond ASCII are RFC 6531's. Quoted local parts exist on paper alone.
_SIGNS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_SIGNS}(\.{_SIGNS})*")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def on_the_wire(address: str) -> str:
    """`address` with its domain in ASCII (IDNA 2008); the local part stays as it is.

    Raises ValueError for what is no address: no `@`, a space, a control sign, a quoted name, an IP as the domain.
    """
    local, _, domain = address.rpartition("@")
    wired = f"{local}@{ascii_domain(domain)}"
    is_name = _LOCAL.fullmatch(local) and all(sign.isprintable() and not sign.isspace() for sign in local)
    if not is_name or len(local.encode()) > _LONGEST_LOCAL or len(wired.encode()) > LONGEST:
        raise ValueError("not a mail address")
    return wired


def ascii_domain(domain: str) -> str:
    """`müller.example` as `xn--mller-kva.example`. Raises ValueError."""
    try:
        found = idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise ValueError("not a domain") from error
    if not _HOST.fullmatch(found) or found.rpartition(".")[2].isdigit():
        raise ValueError("not a domain")
    return found


def needs_utf8(wired: str) -> bool:
    """Whether only a relay that speaks SMTPUTF8 (RFC 6531) takes it."""
    return not wired.isascii()


MailAddress = Annotated[str, StringConstraints(min_length=3, max_length=LONGEST), AfterValidator(on_the_wire)]
MailDomain = Annotated[str, StringConstraints(max_length=253), AfterValidator(lambda each: each and ascii_domain(each))]
"""A domain, or nothing."""

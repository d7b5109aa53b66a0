"""Whether a client holds already what it asks for: the If-None-Match header (RFC 9110 §13.1.2)."""

import re

from starlette.datastructures import Headers

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def holds(headers: Headers, tag: str) -> bool:
    """Whether the tags that a client names, compared weakly, have this strong one among them; `*` stands for any."""
    named = ", ".join(headers.getlist("if-none-match")).strip()
    return named == "*" or tag in _TAG.findall(named)

"""How the hub's loops take failures: none ends a loop."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_tb

_LOG = logging.getLogger("enamel.chat")


@contextmanager
def patiently() -> Iterator[None]:
    """No failure ends a loop: the horizon stands, and the next sweep finds it all. Logged without its message."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  PostgreSQL away for a while, or our own mistake: others still listen
        place = extract_tb(error.__traceback__)[-1]
        _LOG.warning("the hub could not read: %s at %s:%s", type(error).__name__, place.filename, place.lineno)

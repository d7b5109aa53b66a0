"""What the loss of a connection to PostgreSQL is raised as, wherever it is met, and other trouble of the moment."""

from asyncpg import InterfaceError, InternalClientError
from sqlalchemy.exc import DBAPIError

DRIVER_LOST: tuple[type[Exception], ...] = (InterfaceError, InternalClientError)
"""The driver's own words for it.

InternalClientError ("cannot switch to state ...") is what asyncpg says to whoever asks just when the server hangs up.
"""
CONNECTION_LOST: tuple[type[Exception], ...] = (*DRIVER_LOST, OSError)
"""With what the network itself says; a timeout is an OSError too."""

# SQLSTATE: connection, transaction rollback (a deadlock), resources, lock not available, idle too long.
STATES_OF_THE_MOMENT = ("08", "40", "53", "55P03", "25P03")


def is_of_the_moment(error: DBAPIError) -> bool:
    """Whether the same statement may do well a moment later: nothing is wrong with what it says."""
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or (isinstance(state, str) and state.startswith(STATES_OF_THE_MOMENT))

"""What the loss of a connection to PostgreSQL is raised as, wherever it is met."""

from asyncpg import InterfaceError, InternalClientError

DRIVER_LOST: tuple[type[Exception], ...] = (InterfaceError, InternalClientError)
"""The driver's own words for it.

InternalClientError ("cannot switch to state ...") is what asyncpg says to whoever asks just when the server hangs up.
"""
CONNECTION_LOST: tuple[type[Exception], ...] = (*DRIVER_LOST, OSError)
"""With what the network itself says; a timeout is an OSError too."""

"""What is answered and logged when something failed that nobody refused on purpose."""

import json
import logging

from fastapi import FastAPI, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import Response

from api.problems import InternalFault, problem_response
from core.connection_loss import DRIVER_LOST, STATES_OF_THE_MOMENT
from core.errors import Unavailable

_LOG = logging.getLogger("enamel.api")
_CONNECTION_LOST = (ConnectionError, TimeoutError, PoolTimeout, *DRIVER_LOST)
_PASSING_STATES = (*STATES_OF_THE_MOMENT, "57")  # what the operator ends, also a timeout


def install(app: FastAPI) -> None:
    """Answer before the framework does, in plain text; it raises the error again, and the guard logs it."""

    async def failed(request: Request, error: Exception) -> Response:
        return failure_problem(request, error)

    app.add_exception_handler(Exception, failed)


def failure_problem(request: Request, error: Exception) -> Response:
    if _passes(error):
        return problem_response(request, Unavailable(retry_after_seconds=2))
    return problem_response(request, InternalFault())


def _passes(error: Exception) -> bool:
    """Trouble of the moment (PostgreSQL lost, full, stopping, too slow, locked): trying again may help."""
    if isinstance(error, _CONNECTION_LOST) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    state = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_PASSING_STATES)


def log_failure(request_id: str, error: BaseException) -> None:
    """Where our own code failed: type and place. Not the message, which may quote a row."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
    _LOG.error(json.dumps({"request_id": request_id, "error": type(error).__name__, "place": place}))

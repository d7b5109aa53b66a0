"""Routes of one record: each stands under `/v1/me` for one's own and under `/v1/patients/{patient_id}` for a ward's."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends

from api.strict import StrictRoute
from api.transaction import PatientId

Endpoint = Callable[..., Any]


async def _names_record(patient_id: PatientId) -> None:
    """Declares the path's record for the contract; `record_reads` and `record_writes` open it."""


class RecordRoutes:
    """Registers an endpoint twice. Its record comes from `Annotated[PatientReads, record_reads(scope)]`.

    `listMyDocuments`, "My documents" becomes `listPatientDocuments`, "A ward's documents" at the second door.
    """

    def __init__(self, tag: str) -> None:
        self.own = APIRouter(prefix="/v1/me", tags=[tag], route_class=StrictRoute)
        self.wards = APIRouter(
            prefix="/v1/patients/{patient_id}",
            tags=[tag],
            route_class=StrictRoute,
            dependencies=[Depends(_names_record)],
        )

    @property
    def routers(self) -> tuple[APIRouter, APIRouter]:
        return self.own, self.wards

    def get(self, path: str, *, summary: str, operation_id: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._both("GET", path, summary, operation_id, options)

    def post(self, path: str, *, summary: str, operation_id: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._both("POST", path, summary, operation_id, options)

    def put(self, path: str, *, summary: str, operation_id: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._both("PUT", path, summary, operation_id, options)

    def patch(self, path: str, *, summary: str, operation_id: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._both("PATCH", path, summary, operation_id, options)

    def delete(self, path: str, *, summary: str, operation_id: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._both("DELETE", path, summary, operation_id, options)

    def _both(
        self, method: str, path: str, summary: str, operation_id: str, options: dict[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        assert "My" in operation_id, f"{operation_id} says nowhere whose it is"

        def register(endpoint: Endpoint) -> Endpoint:
            for router, said, named in (
                (self.own, summary, operation_id),
                (self.wards, _of_ward(summary), operation_id.replace("My", "Patient", 1)),
            ):
                router.add_api_route(path, endpoint, methods=[method], summary=said, operation_id=named, **options)
            return endpoint

        return register


def _of_ward(summary: str) -> str:
    """`My documents` → `A ward's documents`, `Sign my plan` → `Sign a ward's plan`."""
    return summary.replace("My ", "A ward's ", 1).replace(" my ", " a ward's ", 1)

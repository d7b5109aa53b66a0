"""Who is calling: the bearer token of the Authorization header, and nothing else."""

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from starlette.requests import HTTPConnection

from api.ports import PortsHere
from core.clock import now
from core.errors import NotSignedIn
from identity.sign_in import Audience
from identity.tokens import Claims


class _Bearer(HTTPBearer):
    """Bearer token of one audience; a scheme of its own name in the OpenAPI documents."""

    def __init__(self, audience: Audience, name: str) -> None:
        super().__init__(scheme_name=name, bearerFormat="JWT", auto_error=False)
        self.audience = audience

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        given = request.headers.getlist("authorization")
        if len(given) != 1:
            raise NotSignedIn
        scheme, _, token = given[0].partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise NotSignedIn
        return HTTPAuthorizationCredentials(scheme=scheme, credentials=token)


_PATIENT = _Bearer(Audience.PATIENT, "patientToken")
_STAFF = _Bearer(Audience.STAFF, "staffToken")
_PARTNER = _Bearer(Audience.PARTNER, "partnerToken")


def patient_claims(ports: PortsHere, given: Annotated[HTTPAuthorizationCredentials, Depends(_PATIENT)]) -> Claims:
    return ports.keys.tokens.verify(given.credentials, Audience.PATIENT, now())


def staff_claims(ports: PortsHere, given: Annotated[HTTPAuthorizationCredentials, Depends(_STAFF)]) -> Claims:
    return ports.keys.tokens.verify(given.credentials, Audience.STAFF, now())


def partner_claims(ports: PortsHere, given: Annotated[HTTPAuthorizationCredentials, Depends(_PARTNER)]) -> Claims:
    return ports.keys.tokens.verify(given.credentials, Audience.PARTNER, now())


PatientClaims = Annotated[Claims, Depends(patient_claims)]
StaffClaims = Annotated[Claims, Depends(staff_claims)]
PartnerClaims = Annotated[Claims, Depends(partner_claims)]

"""Who is calling: the bearer token of the Authorization header, and nothing else."""

from typing import Annotated

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as BearerScheme
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from api.ports import ports_of
from core.clock import now
from core.errors import NotSignedIn
from identity.sign_in import Audience
from identity.tokens import Claims


class Bearer(SecurityBase):
    """Bearer token of one audience; a scheme of its own name in the OpenAPI documents.

    One dependency for the whole way from header to claims: FastAPI takes some 30 us for each it solves.
    """

    def __init__(self, audience: Audience, name: str) -> None:
        self.model = BearerScheme(bearerFormat="JWT")
        self.scheme_name = name
        self.audience = audience

    async def __call__(self, request: HTTPConnection) -> Claims:
        given = request.headers.getlist("authorization")
        if len(given) != 1:
            raise NotSignedIn
        scheme, _, token = given[0].partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise NotSignedIn
        return ports_of(request).keys.tokens.verify(token, self.audience, now())


PatientClaims = Annotated[Claims, Depends(Bearer(Audience.PATIENT, "patientToken"))]
StaffClaims = Annotated[Claims, Depends(Bearer(Audience.STAFF, "staffToken"))]
PartnerClaims = Annotated[Claims, Depends(Bearer(Audience.PARTNER, "partnerToken"))]

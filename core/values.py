"""Values: what rules and queries give back and the API sends, one type from rule to wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Value(BaseModel):
    """Base of what queries return and routes take: frozen, no unknown member."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Every integer says its format: without one, generated Kotlin clients make 32 bits of it.
# Closer bounds go into `Annotated[Int32, Field(ge=1)]`: beside `= Field(ge=1)` pydantic keeps the alias's own.
Int32 = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1, json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(strict=True, ge=-(2**53) + 1, le=2**53 - 1, json_schema_extra={"format": "int64"})]

Double = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"format": "double"})]

# No control characters: PostgreSQL refuses NUL, and logs and terminals believe the others.
PLAIN = r"^[^\x00-\x1f\x7f]*$"
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN, strip_whitespace=True)]
MaybeText = Annotated[str, StringConstraints(max_length=200, pattern=PLAIN, strip_whitespace=True)]

"""Seals a line's credentials: they open only under the house's key, and only as of this clinic, line and way."""

import json
from collections.abc import Mapping
from uuid import UUID

from core.sealed import SealBroken, sealed, unsealed
from identity.keys import Keys
from push.channel import Way
from push.line import Line


class LineSeal:
    """Of the house's keys. After a change of ENAMEL_SECRET nothing opens: the credentials are entered anew."""

    def __init__(self, keys: Keys) -> None:
        self._secrets = keys.secrets
        self._key = keys.secrets.keyed_hash("lines", "")

    def closed(self, secrets: Mapping[str, str], clinic_id: UUID, line_id: UUID, way: Way) -> str:
        return sealed(self._key, json.dumps(dict(secrets)), _bound(clinic_id, line_id, way))

    def opened(self, line: Line) -> dict[str, str]:
        """Raises `SealBroken`: sealed under another key, or copied from another line."""
        found = json.loads(unsealed(self._key, line.sealed, _bound(line.clinic_id, line.line_id, line.way)))
        if not isinstance(found, dict):
            raise SealBroken
        return found

    def fingerprint(self, secrets: Mapping[str, str], clinic_id: UUID) -> str:
        """Tells whether two are the same, and nothing else: keyed, so that a short password cannot be tried."""
        said = json.dumps(dict(secrets), sort_keys=True)
        return self._secrets.keyed_hash(f"line fingerprint {clinic_id}", said).hex()[:16]


def _bound(clinic_id: UUID, line_id: UUID, way: Way) -> str:
    return f"line {clinic_id} {line_id} {way.value}"

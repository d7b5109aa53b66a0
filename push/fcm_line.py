"""What one app build's FCM is reached with: the service account that Firebase gave, as its JSON."""

import json
import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import ConfigDict, SecretStr, field_validator

from core.values import Value

GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
LARGEST_ACCOUNT = 16 * 1024
# Stands in the path of what is called.
_PROJECT = re.compile(r"[a-z0-9:.-]{1,64}")


class FcmLine(Value):
    """`account`: the text of the file that the Firebase console makes for a service account.

    Raises ValueError for anything else; the message repeats nothing of it.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    account: SecretStr

    @field_validator("account")
    @classmethod
    def _is_an_account(cls, account: SecretStr) -> SecretStr:
        facts = _object(account.get_secret_value())
        if facts.get("type") != "service_account":
            raise ValueError("not of the type service_account")
        needed = ("project_id", "client_email", "private_key")
        if not all(isinstance(facts.get(name), str) for name in needed):
            raise ValueError("a service account has project_id, client_email and private_key")
        if not _PROJECT.fullmatch(facts["project_id"]):
            raise ValueError("its project_id is none")
        try:
            # Whether its numbers fit together takes a tenth of a second to prove; Google would tell.
            load_pem_private_key(facts["private_key"].encode(), password=None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("its private_key is none") from None
        return account

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, the key too."""
        return _object(self.account.get_secret_value())

    @property
    def project_id(self) -> str:
        return str(self.facts["project_id"])

    @property
    def named_token_url(self) -> str:
        """Who gives tokens by the file's own word; to be obeyed only where the file is the operator's."""
        return str(self.facts.get("token_uri") or GOOGLE_TOKENS)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if len(text) <= LARGEST_ACCOUNT else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}

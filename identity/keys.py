"""What signs and hashes: made once from the secret and handed to the commands."""

from identity.secrets import Secrets
from identity.tokens import Tokens


class Keys:
    """The token key and the secrets' key, both derived from one secret."""

    def __init__(self, secret: str) -> None:
        self.tokens = Tokens(secret)
        self.secrets = Secrets(secret)

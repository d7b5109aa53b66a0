"""Signs the short tokens that Apple and the push services of browsers know us by (RFC 7515, 7519: ES256)."""

import base64
import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

_HALF = 32


def url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw64(text: str) -> bytes:
    """The bytes of base64url, padded or not. Raises ValueError."""
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def p256_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A private key of the curve P-256: PEM, or base64url of PKCS#8 or of the bare number (as web-push tools make it).

    Raises ValueError.
    """
    try:
        key = _key(text.strip())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("no key of the curve P-256")
    return key


def _key(text: str) -> object:
    if text.startswith("-----"):
        return load_pem_private_key(text.encode(), password=None)
    raw = raw64(text)
    return (
        ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
        if len(raw) == _HALF
        else load_der_private_key(raw, None)
    )


def signed(key: ec.EllipticCurvePrivateKey, header: dict[str, str], claims: dict[str, Any]) -> str:
    """The token: `header.claims.signature`, the signature as two halves of 32 bytes (RFC 7518, 3.4)."""
    parts = ({"alg": "ES256", **header}, claims)
    text = ".".join(url64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{url64(r.to_bytes(_HALF) + s.to_bytes(_HALF))}"

"""Encrypts a message for one browser (RFC 8291, `aes128gcm` of RFC 8188): the push service sees its length only."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from push.es256 import raw64
from push.web_subscription import WebKeys

RECORD = 4096
"""Every push service takes as much (RFC 8030, 7.2), and a message is one record."""
_HEADER, _MARK, _TAG = 86, 1, 16
LARGEST = RECORD - _HEADER - _MARK - _TAG
# Messages of all kinds fall into these lengths: what it is about cannot be told from how long it is.
_LENGTHS = (512, 1024, 2048, LARGEST)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def padded(text: bytes) -> bytes:
    """The one and last record: what is said, its end, and nothing up to the next length.

    Raises ValueError where it is longer than a record holds.
    """
    length = next((each for each in _LENGTHS if len(text) <= each), None)
    if length is None:
        raise ValueError("longer than a record")
    return text + b"\x02" + bytes(length - len(text))


def sealed(record: bytes, keys: WebKeys, own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body to send. `own` and `salt` (16 bytes) are made anew for each message.

    Raises ValueError for a key that is no point of the curve.
    """
    theirs, ours = raw64(keys.p256dh), point(own.public_key())
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    secret = _drawn(raw64(keys.auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    key = _drawn(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _drawn(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4) + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, record, None)


def _drawn(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)

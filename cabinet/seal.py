"""Seals a PDF with the clinic server's own key (PAdES-B-B, by pyHanko) and says whether a seal still holds.

The key is made from the server's secret, or comes as a PKCS#12 file that the operator bought. A seal made from the
secret proves that this Enamel made the file and that nobody changed it since; who stands behind a bought certificate is
for its issuer to say. A copy of the file's hash is kept apart (`cabinet.tables.documents`), so that even who holds the
key cannot exchange a file unnoticed.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import pkcs12

_FIELD = "EnamelSeal"
# Of NIST P-256: the number of its points (FIPS 186-5, appendix A; SEC 2 §2.4.2).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_FROM, _UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2066, 1, 1, tzinfo=UTC)


class SealFileUnusable(ValueError):
    """The PKCS#12 file cannot be opened with this password, or holds no key with its certificate."""


@dataclass(frozen=True, slots=True)
class SealCheck:
    """`intact`: not a byte under the seal was changed. `whole`: nothing was added after it."""

    intact: bool
    whole: bool
    fingerprint: str | None


class Seal:
    """Holds the key. `fingerprint` is the SHA-256 of its certificate, in hex."""

    def __init__(self, key_and_certificate: bytes, password: bytes | None = None) -> None:
        """From PKCS#12. Raises `SealFileUnusable`."""
        from pyhanko.sign.signers import SimpleSigner

        try:
            _, certificate, _ = pkcs12.load_key_and_certificates(key_and_certificate, password)
        except ValueError as error:
            raise SealFileUnusable(str(error)) from None
        signer = SimpleSigner.load_pkcs12_data(key_and_certificate, other_certs=[], passphrase=password)
        if certificate is None or signer is None:
            raise SealFileUnusable("no key with its certificate")
        self._signer = signer
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex()

    @classmethod
    def from_secret(cls, secret: str) -> "Seal":
        """The same key and certificate for the same secret, on every machine and after every start."""
        key = ec.derive_private_key(_scalar(secret), ec.SECP256R1())
        certificate = _certificate(key)
        bundle = pkcs12.serialize_key_and_certificates(b"enamel", key, certificate, None, serialization.NoEncryption())
        return cls(bundle)

    def sealed(self, pdf: bytes, reason: str) -> bytes:
        """`pdf` with an invisible signature over every byte. Takes some 20 ms of CPU: call it off the event loop."""
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

        told = PdfSignatureMetadata(
            field_name=_FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES, reason=reason,
        )  # fmt: skip
        sealed = PdfSigner(told, self._signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)))
        return bytes(sealed.getvalue())


def seal_check(pdf: bytes) -> SealCheck:
    """Whether the seal of a file holds; a file without one, or no PDF at all, is not intact.

    Call it in a thread: pyHanko starts a loop of its own. Raises RuntimeError within a running one.
    """
    from pyhanko.pdf_utils.reader import PdfFileReader

    _check_no_loop()
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
        if len(signatures) != 1:
            return SealCheck(intact=False, whole=False, fingerprint=None)
        return _checked(signatures[0])
    except Exception:  # noqa: BLE001  a broken file breaks the reader in any way it likes: it is not intact
        return SealCheck(intact=False, whole=False, fingerprint=None)


def _check_no_loop() -> None:
    """Or every seal would seem broken, for a reason that has nothing to do with it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("seal_check within a running loop")


def _checked(signature: Any) -> SealCheck:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    certificate = signature.signer_cert
    # Its own certificate is the root: whose it is, is compared by fingerprint with what was noted at the sealing.
    status = validate_pdf_signature(signature, ValidationContext(trust_roots=[certificate], allow_fetching=False))
    return SealCheck(
        intact=bool(status.intact and status.valid),
        whole=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        fingerprint=hashlib.sha256(certificate.dump()).hexdigest(),
    )


def _scalar(secret: str) -> int:
    """A private key of P-256 from the secret: 384 bits folded into the group leave no bias (FIPS 186-5, A.2.1)."""
    derived = HKDF(hashes.SHA384(), 48, None, b"enamel seal").derive(secret.encode())
    return int.from_bytes(derived, "big") % (_ORDER - 1) + 1


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Self-signed and the same each time: serial from the key, fixed dates, a signature without chance (RFC 6979)."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Enamel document seal")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    serial = int.from_bytes(hashlib.sha256(public).digest()[:16], "big")
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)

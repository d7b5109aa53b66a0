"""A certificate authority of a test's own, and one server's certificate of it."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_YEARS = timedelta(days=100 * 365)


@cache
def _pair() -> tuple[bytes, bytes]:
    """The server's key and certificate, and the authority's certificate, as PEM."""
    own, servers = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of tests")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A peer")])
    places = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    base = x509.CertificateBuilder().issuer_name(root).not_valid_before(_FROM).not_valid_after(_FROM + _YEARS)
    authority = (
        base.subject_name(root).public_key(own.public_key()).serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(own, SHA256())
    )  # fmt: skip
    server = (
        base.subject_name(name).public_key(servers.public_key()).serial_number(2)
        .add_extension(places, critical=False).sign(own, SHA256())
    )  # fmt: skip
    key = servers.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + server.public_bytes(Encoding.PEM), authority.public_bytes(Encoding.PEM)


def serving(*protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(_pair()[0])
        context.load_cert_chain(file)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def trusting() -> ssl.SSLContext:
    """Of a client that knows this authority alone."""
    return ssl.create_default_context(cadata=_pair()[1].decode())

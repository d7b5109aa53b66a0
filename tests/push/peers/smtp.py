"""A mail relay on loopback: a real SMTP server (aiosmtpd) with its own authority, that can be told to misbehave."""

import asyncio
import ssl
import tempfile
import warnings
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core import clock

USER, PASSWORD = "clinic", "a secret of the relay"
HANG, DROP, DRIP, HUGE = "hang", "drop", "drip", "huge"


class Mail(NamedTuple):
    """One transaction that came to its last dot."""

    sender: str
    recipient: str
    options: list[str]
    raw: bytes

    @property
    def read(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


class SmtpPeer:
    """`script`: what to answer at a step (GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, DOT, RSET) in the place of
    the true answer: a line, or HANG, DROP, DRIP (endless, slow), HUGE. `said`: every command that came.
    """

    def __init__(self, *, implicit: bool = False, utf8: bool = True, host: str = "localhost", **more: Any) -> None:
        self.script: dict[str, str] = {}
        self.said: list[str] = []
        self.mails: list[Mail] = []
        self.connections = 0
        self.most_at_once = 0
        self.open = 0
        self.authority, self._context = _trust(host)
        self._implicit = implicit
        starttls = {} if implicit else {"tls_context": self._context, "require_starttls": True}
        self._more = {
            "enable_SMTPUTF8": utf8, "hostname": "relay.test", "auth_required": True, "authenticator": _authenticate,
            "auth_require_tls": not implicit, **starttls, **more,
        }  # fmt: skip
        self._server: asyncio.Server | None = None
        self._sessions: list[_Session] = []

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        context = self._context if self._implicit else None
        self._server = await loop.create_server(self._session, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for each in self._sessions:
            each.cut()
        await asyncio.sleep(0.01)
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Closes every connection, as a relay does with idle ones."""
        for each in self._sessions:
            each.cut()

    def _session(self) -> "_Session":
        session = _Session(self, self._more)
        self._sessions.append(session)
        return session

    async def handle_DATA(self, server: "_Session", _: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.mails.append(Mail(envelope.mail_from, envelope.rcpt_tos[0], envelope.mail_options, envelope.content))
        await server.misbehaves("DOT")
        return "250 2.0.0 queued"


class _Session(SMTP):
    def __init__(self, peer: SmtpPeer, more: dict[str, Any]) -> None:
        with warnings.catch_warnings():  # that a password is asked for without STARTTLS: here it is meant
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(peer, loop=asyncio.get_running_loop(), **more)
        self._peer = peer
        self._transports: list[asyncio.WriteTransport] = []
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self._counted:
            self._counted = True
            self._peer.connections += 1
            self._peer.open += 1
            self._peer.most_at_once = max(self._peer.most_at_once, self._peer.open)
        self._transports.append(cast(asyncio.WriteTransport, transport))  # uvloop's are of no class of asyncio
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._counted:
            self._counted = False
            self._peer.open -= 1
        super().connection_lost(error)

    def cut(self) -> None:
        for each in self._transports:
            each.abort()

    async def misbehaves(self, step: str) -> None:
        """Returns where the script says nothing of `step`; else does what it says and ends this command."""
        self._peer.said.append(step)
        told = self._peer.script.get(step)
        if told is None:
            return
        if told == HANG:
            await asyncio.Event().wait()
        if told == DRIP:
            while True:
                self._writer.write(b"2")
                await asyncio.sleep(0.02)
        if told == HUGE:
            self._writer.write(b"250-" + b"x" * 70_000 + b"\r\n")
        elif told == DROP:
            self.cut()
        else:
            self._writer.write(told.encode() + b"\r\n")
            await self._writer.drain()
        raise _Told

    async def push(self, status: Any) -> None:
        if str(status).startswith("220 relay.test"):
            await self.misbehaves("GREETING")
        await super().push(status)

    async def handle_exception(self, error: Exception) -> str:
        raise error

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        await self._run("EHLO", super().smtp_EHLO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        await self._run("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        await self._run("AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await self._run("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await self._run("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._run("DATA", super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        await self._run("RSET", super().smtp_RSET, arg)

    async def _run(self, step: str, done: Any, arg: str | None) -> None:
        try:
            await self.misbehaves(step)
            await done(arg)
        except _Told:
            return

    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        except _Told:
            self.transport = None


class _Told(Exception):
    """The script has answered."""


def _authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
    is_ours = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_ours, handled=False)


def _trust(host: str) -> tuple[str, ssl.SSLContext]:
    """The authority's certificate (PEM), and a server's context with one of `host` that it signed."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Relay's authority", "Relay's authority", root_key, root_key, None)
    leaf = _certificate(host, "Relay's authority", key, root_key, host)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    return root.public_bytes(serialization.Encoding.PEM).decode(), context


def _certificate(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, host: str | None
) -> x509.Certificate:
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return made.sign(signer, hashes.SHA256())

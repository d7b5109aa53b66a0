"""Archives that speak WADO-RS over a real socket: what is taken, what is refused, and where nobody may call."""

import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from core.errors import Invalid
from core.guarded_resolver import GuardedResolver
from core.outside import may_be_called
from core.sealed import SealBroken, sealed, unsealed
from media.archives import Archives, Elsewhere, Source
from media.dicomweb import (
    AddressRefused,
    Archive,
    ArchiveUnreachable,
    InstanceGone,
    Server,
    SignIn,
    SourceEnded,
    Trouble,
    Uid,
    check_sign_in,
    checked_address,
    instance_address,
)
from media.dicomweb_folder import FolderArchive
from media.dicomweb_http import HttpArchive
from tests.media import wado_peer as wado
from tests.media.wado_peer import PASSWORD, TOKEN, Speak, WadoPeer, instance

HOME = frozenset({"127.0.0.1"})
CONTENT = bytes(range(256)) * 4000 + b"\r\n--a boundar\r\n--a bound\r\n--"


@pytest.fixture
async def peer() -> AsyncIterator[WadoPeer]:
    made = WadoPeer()
    await made.start()
    made.kept[instance().instance_uid] = CONTENT
    yield made
    await made.stop()


@pytest.fixture
async def archive() -> AsyncIterator[HttpArchive]:
    made = HttpArchive(HOME, seconds=2.0, most_bytes=2_000_000)
    yield made
    await made.close()


@pytest.mark.parametrize(
    "speak", [wado.related, wado.related_with_length, wado.related_with_names, wado.plain, wado.in_drops]
)
async def test_an_instance_comes_byte_for_byte_however_the_archive_wraps_it(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path, speak: Speak
) -> None:
    peer.speak = speak
    sha256 = await archive.fetch(Server(peer.url), instance(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


async def test_the_archive_is_asked_for_the_file_as_it_is_kept(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path
) -> None:
    await archive.fetch(Server(peer.url + "/"), instance(), tmp_path / "file")
    [call] = peer.calls
    assert call.path == "/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1"
    assert 'multipart/related; type="application/dicom"; transfer-syntax=*' in call.headers["accept"]
    assert call.headers["accept-encoding"] == "identity"
    assert "authorization" not in call.headers


@pytest.mark.parametrize(
    ("speak", "server"),
    [(wado.with_password, (SignIn.BASIC, "enamel", PASSWORD)), (wado.with_token, (SignIn.BEARER, "", TOKEN))],
)
async def test_it_signs_in_as_it_was_told(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path, speak: Speak, server: tuple[SignIn, str, str]
) -> None:
    peer.speak = speak
    await archive.fetch(Server(peer.url, *server), instance(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    with pytest.raises(ArchiveUnreachable) as refused:
        await archive.fetch(Server(peer.url, server[0], server[1], "wrong"), instance(), tmp_path / "file")
    assert refused.value.trouble is Trouble.SIGN_IN_REFUSED
    assert refused.value.retry_after_seconds


@pytest.mark.parametrize(
    ("speak", "trouble"),
    [
        (wado.a_page, Trouble.ODD_ANSWER),
        (wado.a_page_inside, Trouble.ODD_ANSWER),
        (wado.two_instances, Trouble.ODD_ANSWER),
        (wado.no_end, Trouble.ODD_ANSWER),
        (wado.nothing_inside, Trouble.ODD_ANSWER),
        (wado.nested, Trouble.ODD_ANSWER),
        (wado.part_says_less, Trouble.ODD_ANSWER),
        (wado.part_says_more, Trouble.ODD_ANSWER),
        (wado.says_more, Trouble.ODD_ANSWER),
        (wado.without_end, Trouble.ODD_ANSWER),
        (wado.packed, Trouble.ODD_ANSWER),
        (wado.elsewhere("http://169.254.169.254/latest/meta-data/"), Trouble.ODD_ANSWER),
        (wado.elsewhere("/dicom-web/studies/1/series/1/instances/1.2.3.4.1"), Trouble.ODD_ANSWER),
        (wado.slow, Trouble.UNREACHABLE),
        (wado.status(401), Trouble.SIGN_IN_REFUSED),
        (wado.status(403), Trouble.SIGN_IN_REFUSED),
        (wado.status(429), Trouble.UNREACHABLE),
        (wado.status(500), Trouble.UNREACHABLE),
        (wado.status(503), Trouble.UNREACHABLE),
        (wado.status(204), Trouble.ODD_ANSWER),
        (wado.status(418), Trouble.ODD_ANSWER),
    ],
)
async def test_what_is_no_whole_instance_is_none_and_the_archive_is_asked_once(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path, speak: Speak, trouble: Trouble
) -> None:
    peer.speak = speak
    with pytest.raises(ArchiveUnreachable) as refused:
        await archive.fetch(Server(peer.url), instance(), tmp_path / "file")
    assert refused.value.trouble is trouble
    assert len(peer.calls) == 1


async def test_what_is_not_there_is_told_apart_from_what_cannot_be_had(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path
) -> None:
    with pytest.raises(InstanceGone):
        await archive.fetch(Server(peer.url), instance(2), tmp_path / "file")
    await peer.stop()
    with pytest.raises(ArchiveUnreachable) as refused:
        await archive.fetch(Server(peer.url), instance(), tmp_path / "file")
    assert refused.value.trouble is Trouble.UNREACHABLE


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
async def test_nobody_is_called_at_home_unless_the_operator_listed_the_host(
    peer: WadoPeer, tmp_path: Path, host: str
) -> None:
    archive = HttpArchive(("pacs.lan",), seconds=2.0)
    address = peer.url.replace("127.0.0.1", host)
    with pytest.raises(ArchiveUnreachable) as refused:
        await archive.fetch(Server(address), instance(), tmp_path / "file")
    assert refused.value.trouble is Trouble.ADDRESS_REFUSED
    with pytest.raises(AddressRefused):
        await archive.check(address)
    await archive.close()
    assert peer.calls == []


async def test_the_session_itself_resolves_through_the_guard() -> None:
    """What a name leads to is judged where it is connected to: a second answer of a name server gains nothing."""
    archive = HttpArchive()
    connector = archive._session().connector
    assert isinstance(connector._resolver, GuardedResolver)  # type: ignore[union-attr]
    assert archive._session()._trust_env is False
    with pytest.raises(OSError):  # noqa: PT011  the guard's own
        await connector._resolver.resolve("localhost", 443, socket.AF_INET)  # type: ignore[union-attr]
    await archive.close()


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "not a number", "",
    ],
)  # fmt: skip
def test_no_private_loopback_link_local_or_tunnelled_address_may_be_called(number: str) -> None:
    assert not may_be_called("pacs.example", [number], ())
    assert not may_be_called("pacs.example", ["93.184.215.14", number], ()), "one of several is enough"


def test_public_addresses_and_listed_hosts_may_be_called() -> None:
    assert may_be_called("pacs.example", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14"], ())
    assert may_be_called("PACS.lan", ["10.0.0.7"], {"pacs.lan"})
    assert not may_be_called("pacs.lan.attacker.example", ["10.0.0.7"], {"pacs.lan"})
    assert not may_be_called("pacs.example", [], ())


@pytest.mark.parametrize(
    "address",
    [
        "http://pacs.example/dicom-web", "ftp://pacs.example", "file:///etc/passwd", "https://", "https:///path",
        "https://user@pacs.example", "https://user:secret@pacs.example", "https://pacs.example?x=1",
        "https://pacs.example/#part", "https://pacs.example/a b", "https://pacs.example/../admin", "//pacs.example",
        "https://pacs.example:99999", "https://pacs.example:0", "https://pacs.example\\@evil.example",
        "https://pacs.example/%2e%2e", "https://pács.example", "https://pacs.example\n/", "https://[::1",
        "https://a b/", "https://pacs.example;x", "https://pacs,example", "https://[fe80::1%25eth0]/", "https://:443/",
        "HTTPS://pacs.example", "https://pacs.example/" + "a" * 500,
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        checked_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://pacs.example", "https://pacs.example:8443/orthanc/dicom-web/", "https://10.0.0.7",
        "https://[2606:2800:21f:cb07::1]:8042/rs", "https://pacs_1.clinic.lan",
    ],
)  # fmt: skip
def test_a_plain_https_address_is_taken(address: str) -> None:
    assert checked_address(address) == address
    with pytest.raises(AddressRefused):
        checked_address(address.replace("https", "http"))
    assert checked_address(address.replace("https", "http"), plain_http=True)


def test_addresses_are_those_of_the_standard() -> None:
    wanted = "https://p.example/rs/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1"
    assert instance_address("https://p.example/rs/", instance()) == wanted


@pytest.mark.parametrize("uid", ["", "1.2.", ".1", "1..2", "1/2", "../1", "1.2%2f", "1.2?", "1" * 65, "１.２", "1.2\n"])
def test_what_is_no_uid_never_gets_into_an_address(uid: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[str](Uid).validate_python(uid)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ((SignIn.NONE, "", ""), []),
        ((SignIn.NONE, "me", "x"), ["/user_name not-used", "/secret not-used"]),
        ((SignIn.BASIC, "me", "x"), []),
        ((SignIn.BASIC, "", ""), ["/user_name missing", "/secret missing"]),
        ((SignIn.BASIC, "m:e", "x"), ["/user_name holds-a-colon"]),
        ((SignIn.BEARER, "", "x"), []),
        ((SignIn.BEARER, "me", ""), ["/user_name not-used", "/secret missing"]),
    ],
)
def test_each_way_to_sign_in_needs_its_own(given: tuple[SignIn, str, str], codes: list[str]) -> None:
    if not codes:
        check_sign_in(Server("https://pacs.example", *given))
        return
    with pytest.raises(Invalid) as refused:
        check_sign_in(Server("https://pacs.example", *given))
    assert [f"{fault.pointer} {fault.code}" for fault in refused.value.faults] == codes


def test_a_sealed_secret_opens_with_its_key_for_its_purpose_alone() -> None:
    key, other = bytes(32), bytes(31) + b"\1"
    text = sealed(key, PASSWORD, "this")
    assert PASSWORD not in text
    assert text != sealed(key, PASSWORD, "this")
    assert unsealed(key, text, "this") == PASSWORD
    for wrong in ((other, text, "this"), (key, text, "that"), (key, text[:-8], "this"), (key, "", "this")):
        with pytest.raises(SealBroken):
            unsealed(*wrong)


async def test_a_row_that_was_given_another_address_does_not_send_its_secret_there(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path
) -> None:
    archives, clinic, source = Archives(archive, bytes(32)), uuid4(), uuid4()
    secret = archives.seal(clinic, source, "https://pacs.example", PASSWORD)
    moved = Source(clinic, source, peer.url, SignIn.BASIC, "enamel", secret, is_ended=False)
    with pytest.raises(ArchiveUnreachable):
        await archives.fetch(Elsewhere(moved, instance()), tmp_path / "file")
    assert peer.calls == []
    ended = Source(clinic, source, peer.url, SignIn.NONE, "", None, is_ended=True)
    with pytest.raises(SourceEnded):
        await archives.fetch(Elsewhere(ended, instance()), tmp_path / "file")


@pytest.mark.parametrize("twin", [False, True])
async def test_the_plain_twin_answers_as_the_network_does(
    peer: WadoPeer, archive: HttpArchive, tmp_path: Path, *, twin: bool
) -> None:
    place = tmp_path / "kept" / "1.2.3" / "1.2.3.4"
    place.mkdir(parents=True)
    (place / "1.2.3.4.1.dcm").write_bytes(CONTENT)
    asked: Archive = FolderArchive(tmp_path / "kept") if twin else archive
    sha256 = await asked.fetch(Server(peer.url), instance(), tmp_path / "file")
    assert (sha256, (tmp_path / "file").read_bytes()) == (hashlib.sha256(CONTENT).hexdigest(), CONTENT)
    with pytest.raises(InstanceGone):
        await asked.fetch(Server(peer.url), instance(2), tmp_path / "file")
    await asked.check(peer.url)

"""Forged, bent and outdated access tokens: each is refused, with one of two answers and never another exception."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from identity.sign_in import ACCESS_LIFE, Audience
from identity.tokens import LONGEST_TOKEN, Claims, TokenExpired, TokenRefused, Tokens

SECRET = "a secret for tests only, 32 characters"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
TOKENS = Tokens(SECRET)
CLAIMS = Claims(Audience.PATIENT, uuid4(), uuid4(), uuid4(), NOW + ACCESS_LIFE)
GOOD = TOKENS.issue(CLAIMS, NOW)

Forge = Callable[[], str]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def header(**changes: Any) -> dict[str, Any]:
    return {**decoded(GOOD.split(".")[0]), **changes}


def body(**changes: Any) -> dict[str, Any]:
    return {**decoded(GOOD.split(".")[1]), **changes}


def signed(head: Any, claims: Any, key: bytes | None = None) -> str:
    """A token of these parts (JSON values, or raw bytes), rightly signed: only its content can be refused."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (head, claims)]
    text = ".".join(encoded(part) for part in parts)
    return f"{text}.{encoded(hmac.new(key or TOKENS._key, text.encode(), hashlib.sha256).digest())}"


def with_header(**changes: Any) -> Forge:
    return lambda: signed(header(**changes), body())


def with_body(**changes: Any) -> Forge:
    return lambda: signed(header(), body(**changes))


def without(claim: str) -> Forge:
    return lambda: signed(header(), {name: value for name, value in body().items() if name != claim})


def raw_body(change: Callable[[str], str]) -> Forge:
    return lambda: signed(header(), change(json.dumps(body())).encode())


def cut(part: int, by: Callable[[str], str]) -> Forge:
    def forged() -> str:
        parts = GOOD.split(".")
        parts[part] = by(parts[part])
        return ".".join(parts)

    return forged


@cache
def elliptic() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(encoding: Encoding, form: PublicFormat) -> Forge:
    return lambda: signed(header(), body(), elliptic().public_key().public_bytes(encoding, form))


def es256(signature: bytes | None = None) -> Forge:
    def forged() -> str:
        text = f"{encoded(json.dumps(header(alg='ES256')).encode())}.{encoded(json.dumps(body()).encode())}"
        return f"{text}.{encoded(signature or elliptic().sign(text.encode(), ec.ECDSA(SHA256())))}"

    return forged


FORGED: dict[str, Forge] = {
    # the algorithm
    "alg none, unsigned": lambda: ".".join([*signed(header(alg="none"), body()).split(".")[:2], ""]),
    "alg None, unsigned": lambda: ".".join([*signed(header(alg="None"), body()).split(".")[:2], ""]),
    "alg nOnE, unsigned": lambda: ".".join([*signed(header(alg="nOnE"), body()).split(".")[:2], ""]),
    "alg none, rightly signed": with_header(alg="none"),
    "alg empty": with_header(alg=""),
    "alg null": with_header(alg=None),
    "alg a list": with_header(alg=["HS256"]),
    "alg HS384": with_header(alg="HS384"),
    "alg hs256": with_header(alg="hs256"),
    "alg RS256": with_header(alg="RS256"),
    "alg dir, as JWE": with_header(alg="dir", enc="A256GCM"),
    "ES256 of another key": es256(),
    "ES256 with r = s = 0": es256(b"\0" * 64),
    "HS256 with a public key in PEM": public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "HS256 with a public key in DER": public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "HS256 with a public key for SSH": public(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "HS256 with an empty key": lambda: signed(header(), body(), b"\0"),
    "HS256 with the bare secret": lambda: signed(header(), body(), SECRET.encode()),
    "another server's token": lambda: Tokens("another secret of 32 characters!!").issue(CLAIMS, NOW),
    # the header
    "kid of another key": with_header(kid="00000000"),
    "kid a path": with_header(kid="../../dev/null"),
    "kid a query": with_header(kid="' union select 'key'--"),
    "kid an address": with_header(kid="https://evil.example/key"),
    "no kid": lambda: signed({name: value for name, value in header().items() if name != "kid"}, body()),
    "jku": with_header(jku="https://evil.example/jwks.json"),
    "x5u": with_header(x5u="https://evil.example/chain.pem"),
    "x5c": with_header(x5c=["MIIB"]),
    "jwk": with_header(jwk={"kty": "oct", "k": encoded(b"known")}),
    "crit": with_header(crit=["exp"]),
    "unknown crit": with_header(crit=["b64"], b64=False),
    "zip": with_header(zip="DEF"),
    "typ JWT": with_header(typ="JWT"),
    "typ of a refresh token": with_header(typ="rt+jwt"),
    "no typ": lambda: signed({name: value for name, value in header().items() if name != "typ"}, body()),
    "header a list": lambda: signed([header()], body()),
    "header no JSON": lambda: signed(b"alg=HS256", body()),
    "header twice alg": lambda: signed(json.dumps(header()).replace("{", '{"alg": "none", ', 1).encode(), body()),
    # the claims
    "no exp": without("exp"),
    "exp Infinity": with_body(exp=float("inf")),
    "exp NaN": with_body(exp=float("nan")),
    "exp text": with_body(exp=str(AT + 600)),
    "exp negative": with_body(exp=-1),
    "exp zero": with_body(exp=0),
    "exp a fraction": with_body(exp=AT + 600.5),
    "exp true": with_body(exp=True),
    "exp null": with_body(exp=None),
    "exp a list": with_body(exp=[AT + 600]),
    "exp beyond the calendar": with_body(exp=10**18),
    "exp beyond any float": raw_body(lambda text: text.replace(str(AT + 600), "1e400")),
    "exp of 5,000 digits": raw_body(lambda text: text.replace(str(AT + 600), "9" * 1000)),
    "exp before iat": with_body(exp=AT - 5, iat=AT),
    "iat ahead": with_body(iat=AT + 300, exp=AT + 900),
    "iat text": with_body(iat=str(AT)),
    "no iat": without("iat"),
    "nbf ahead": with_body(nbf=AT + 300),
    "nbf past, which we never write": with_body(nbf=AT - 300),
    "no aud": without("aud"),
    "aud of another door": with_body(aud="enamel:staff"),
    "aud a list with ours": with_body(aud=["enamel:patient", "enamel:staff"]),
    "aud unknown": with_body(aud="enamel:owner"),
    "aud null": with_body(aud=None),
    "no iss": without("iss"),
    "iss another": with_body(iss="https://evil.example"),
    "no sub": without("sub"),
    "sub no uuid": with_body(sub="1 or 1=1"),
    "sub a number": with_body(sub=1),
    "no sid": without("sid"),
    "no clinic": without("cid"),
    "clinic null": with_body(cid=None),
    "no jti": without("jti"),
    "a role as extra claim": with_body(role="owner"),
    "a claim said twice": raw_body(lambda text: text.replace("{", '{"aud": "enamel:staff", ', 1)),
    "claims a list": lambda: signed(header(), [body()]),
    "claims no JSON": lambda: signed(header(), b"sub=1"),
    "claims not UTF-8": lambda: signed(header(), b'{"iss": "\xff\xfe"}'),
    "claims nested without end": lambda: signed(header(), b"[" * 1000),
    # the text
    "signature cut": cut(2, lambda part: part[:-4]),
    "signature empty": cut(2, lambda _: ""),
    "signature padded": cut(2, lambda part: part + "="),
    "signature with foreign signs": cut(2, lambda part: part + "!!"),
    "signature in another spelling": cut(2, lambda part: part[:-1] + chr(ord(part[-1]) + 1)),
    "signature of another token": cut(2, lambda _: signed(header(), body(jti=str(uuid4()))).split(".")[2]),
    "claims exchanged": cut(1, lambda _: encoded(json.dumps(body(sub=str(uuid4()))).encode())),
    "claims with a blank": cut(1, lambda part: part[:10] + " " + part[10:]),
    "two parts": lambda: GOOD.rpartition(".")[0],
    "four parts": lambda: GOOD + ".",
    "five parts, as JWE": lambda: GOOD + "..",
    "two tokens": lambda: f"{GOOD},{GOOD}",
    "two tokens, blank between": lambda: f"{GOOD} {GOOD}",
    "blanks around": lambda: f" {GOOD} ",
    "line end": lambda: GOOD + "\n",
    "NUL": lambda: GOOD + "\0",
    "empty": lambda: "",
    "dots": lambda: "..",
    "not ASCII": lambda: GOOD[:-1] + "ё",
    "lone surrogate": lambda: GOOD[:-1] + "\ud800",
    "one megabyte": lambda: GOOD + "A" * 2**20,
    "one megabyte of dots": lambda: "." * 2**20,
    "over the limit, rightly signed": with_body(jti="j" * LONGEST_TOKEN),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(name: str) -> None:
    forged = FORGED[name]()
    assert forged != GOOD
    for attempt in ("first", "remembered"):
        with pytest.raises(TokenRefused):
            TOKENS.verify(forged, Audience.PATIENT, NOW)
        assert attempt


def test_the_table_would_notice_a_verifier_that_takes_everything() -> None:
    """Its tokens are forged from one that is good."""
    assert TOKENS.verify(GOOD, Audience.PATIENT, NOW) == CLAIMS
    assert TOKENS.verify(signed(header(), body()), Audience.PATIENT, NOW) == CLAIMS
    assert len(FORGED) >= 28


@pytest.mark.parametrize("audience", [Audience.STAFF, Audience.PARTNER])
def test_a_token_opens_no_other_door_not_even_once_it_is_remembered(audience: Audience) -> None:
    TOKENS.verify(GOOD, Audience.PATIENT, NOW)
    with pytest.raises(TokenRefused):
        TOKENS.verify(GOOD, audience, NOW)


def test_a_token_expires_at_its_very_second_not_even_memory_helps() -> None:
    assert TOKENS.verify(GOOD, Audience.PATIENT, NOW + ACCESS_LIFE - timedelta(seconds=1)) == CLAIMS
    for verifier in (TOKENS, Tokens(SECRET)):
        with pytest.raises(TokenExpired):
            verifier.verify(GOOD, Audience.PATIENT, NOW + ACCESS_LIFE)


def test_clocks_of_two_servers_may_differ_by_a_minute() -> None:
    assert Tokens(SECRET).verify(GOOD, Audience.PATIENT, NOW - timedelta(seconds=60)) == CLAIMS
    with pytest.raises(TokenRefused):
        Tokens(SECRET).verify(GOOD, Audience.PATIENT, NOW - timedelta(seconds=61))


def test_a_token_holds_no_word_about_the_person() -> None:
    assert set(body()) == {"iss", "aud", "sub", "sid", "cid", "jti", "iat", "exp"}


def test_the_memory_of_verified_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.tokens._REMEMBERED", 3)
    small = Tokens(SECRET)
    for _ in range(10):
        small.verify(small.issue(CLAIMS, NOW), Audience.PATIENT, NOW)
    assert len(small._verified) == 3


@given(st.text() | st.lists(st.binary().map(encoded), min_size=3, max_size=3).map(".".join))
def test_no_text_makes_the_verifier_stumble(text: str) -> None:
    with pytest.raises(TokenRefused):
        TOKENS.verify(text, Audience.PATIENT, NOW)


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="ascii"))
def test_no_single_change_of_a_good_token_passes(place: int, sign: str) -> None:
    changed = GOOD[:place] + sign + GOOD[place + 1 :]
    if changed == GOOD:
        return
    with pytest.raises(TokenRefused):
        TOKENS.verify(changed, Audience.PATIENT, NOW)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_value_of_a_signed_claim_makes_the_verifier_stumble(value: object) -> None:
    for claim in ("iss", "aud", "sub", "sid", "cid", "iat", "exp"):
        forged = signed(header(), body(**{claim: value}))
        try:
            TOKENS.verify(forged, Audience.PATIENT, NOW)
        except (TokenRefused, TokenExpired):
            continue
        assert body()[claim] == value or claim in ("iat", "exp")

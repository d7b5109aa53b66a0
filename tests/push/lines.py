"""Lines for tests: made as staff makes them, as values for the board; and a twin that keeps what it was given."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.database import Database
from core.events import SYSTEM
from identity.keys import Keys
from push.channel import Message, Target, Way
from push.commands.lines import LineDraft, LineHouse, make_line
from push.line import Line, Provider
from push.line_seal import LineSeal
from push.outcome import Outcome, Result
from push.queries.lines import the_line
from tests.push.fcm_peer import FcmPeer
from tests.push.phones import NOON
from tests.world import SECRET, Party

SEAL = LineSeal(Keys(SECRET))
HOUSE = LineHouse(SEAL, frozenset({"127.0.0.1"}))
CANARY = "canary-of-a-secret-0123456789"
GATEWAY: dict[str, Any] = {
    "members": {"to": "{to}", "text": "{text}"}, "auth": "bearer", "answers": {"id_at": "id"},
    "check": {"url": "", "members": {}, "auth": "bearer", "proof_at": "balance"}, "url": "",
}  # fmt: skip


def gateway(url: str, name: str = "texts", **more: Any) -> LineDraft:
    settings = {"shape": GATEWAY, "url": f"{url}/sms", "check_url": f"{url}/balance", "sender": "Rossi"}
    whole = {"rate_per_minute": 600, "secrets": {"secret": CANARY}, **more}
    return LineDraft(name, Provider.SMS_HTTP, settings=settings, **whole)


def fcm(peer: FcmPeer, name: str = "it.example.clinic", **more: Any) -> LineDraft:
    account = peer.line().account.get_secret_value()
    return LineDraft(
        name, Provider.FCM, settings={}, secrets={"account": account}, **{"rate_per_minute": 60_000, **more}
    )


async def make(database: Database, party: Party, draft: LineDraft) -> Line:
    async with database.writing(party.scope) as writing:
        made = await make_line(writing, HOUSE, party.clinic_id, draft, SYSTEM, NOON)
        found = await the_line(writing, made.line_id)
    assert found is not None
    return found


# By way: provider, settings and secrets of a line that is complete and leads nowhere.
COMPLETE: dict[Way, tuple[Provider, dict[str, Any], dict[str, str]]] = {
    Way.SMS: (
        Provider.SMS_HTTP, {"shape": "twilio", "account": "AC1", "sender": "+390612345678"}, {"secret": "s" * 40},
    ),
    Way.EMAIL: (
        Provider.SMTP,
        {
            "host": "smtp.relay.example", "from_address": "hello@clinic.example",
            "bounce_domain": "bounces.clinic.example",
        },
        {"token_key": "k" * 40},
    ),
    Way.TELEGRAM: (
        Provider.TELEGRAM, {"bot_name": "enamel_bot"},
        {"bot_token": "12345:" + "a" * 30, "hook_secret": "h" * 40},
    ),
    Way.WHATSAPP: (
        Provider.WHATSAPP, {"number_id": "1234567"},
        {"access_token": "t" * 40, "app_secret": "p" * 40, "verify_token": "v" * 40},
    ),
}  # fmt: skip


async def make_usual(database: Database, party: Party, *ways: Way) -> dict[Way, Line]:
    """A line of each way."""
    return {
        way: await make(database, party, LineDraft(f"our {way}", provider, 60_000, settings, secrets))
        for way, (provider, settings, secrets) in COMPLETE.items()
        if way in ways
    }


class Kept:
    """A plain twin that keeps a line for each message in a file, one write each, and takes everything."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:  # noqa: ARG002
        line = json.dumps({"to": target.token, "by": target.app_build, "notice": str(message.notice_id)})
        with self._file.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")
        return Outcome(Result.ACCEPTED, provider_id=str(message.notice_id))

    async def check(self, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return Outcome(Result.ACCEPTED)

    async def close(self) -> None:
        """Nothing is held open."""

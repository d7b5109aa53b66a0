"""A process of its own that taps "pay" once, for a test that kills it: `python -m tests.api.pay_program`."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import httpx

from api.app import create_app
from api.ports import Ports
from cabinet.seal import Seal
from cabinet.stripe_payments import StripePayments
from chat.hub import Hub
from chat.wakeups import MemoryWakeups
from core.database import Database
from identity.commands import Keys
from media.folder import FolderStorage
from push.printed import Printed, PrintedTexts
from tests.api.paying import MINE
from tests.cabinet.stripe_peer import SECRET_KEY, WEBHOOK_SECRET
from tests.world import HOST, SECRET, bearer


async def tap() -> None:
    database = Database(os.environ["ENAMEL_DATABASE_URL"], pool=2)
    folder = Path(tempfile.mkdtemp())
    provider = StripePayments(SECRET_KEY, WEBHOOK_SECRET, f"{HOST}/paid", os.environ["PEER_URL"])
    ports = Ports(
        database=database,
        keys=Keys(SECRET),
        texts=PrintedTexts(Printed(folder / "printed.jsonl")),
        storage=FolderStorage(folder),
        hub=Hub(database, MemoryWakeups()),
        public_url=HOST,
        seal=Seal.from_secret(SECRET),
        payments=provider,
    )
    transport = httpx.ASGITransport(app=create_app(ports, {"127.0.0.1"}), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as http:
        answer = await http.post(MINE, headers=bearer(os.environ["TOKEN"]), json={})
    sys.stdout.write(answer.text)
    await provider.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(tap())

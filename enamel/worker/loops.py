"""Which loops a worker runs, by name."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from core.clock import now
from core.database import Database
from enamel.worker.automation import run_journeys
from enamel.worker.chat import tell_unread
from enamel.worker.identity import PAUSE_SECONDS, forget
from enamel.worker.media import make_previews
from enamel.worker.process import Loop
from enamel.worker.push import deliver_due
from media.storage import Storage
from push.channel import Channel


@dataclass(frozen=True, slots=True)
class Tools:
    """What the loops work with."""

    database: Database
    channel: Channel
    storage: Storage
    push_lease: timedelta
    journey_pause: timedelta


def loops(tools: Tools) -> list[Loop]:
    return [
        Loop("push", partial(deliver_due, tools.database, tools.channel, lease=tools.push_lease)),
        # Each tick asks every segment anew: a second of PostgreSQL for 200,000 patients.
        Loop("journeys", lambda: run_journeys(tools.database, now()), tools.journey_pause.total_seconds()),
        Loop("chat notices", lambda: tell_unread(tools.database, now())),
        Loop("previews", lambda: make_previews(tools.database, tools.storage, now())),
        Loop("forgetting", lambda: forget(tools.database, now()), PAUSE_SECONDS),
    ]

"""Which loops a worker runs, by name."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from automation.commands import Means
from cabinet.payment_provider import PaymentProvider
from core.clock import now
from core.database import Database
from enamel.worker.automation import run_journeys
from enamel.worker.bot import PAUSE_SECONDS as BOT_PAUSE_SECONDS
from enamel.worker.bot import Bots, answer_waiting
from enamel.worker.campaigns import PAUSE_SECONDS as CAMPAIGNS_PAUSE
from enamel.worker.campaigns import keep_campaigns
from enamel.worker.centers import PAUSE_SECONDS as CENTERS_PAUSE
from enamel.worker.centers import listen_to_centers
from enamel.worker.changes import PAUSE_SECONDS as CHANGES_PAUSE
from enamel.worker.changes import keep_changes
from enamel.worker.chat import receipt_of_push, tell_read, tell_unread
from enamel.worker.desk import PACE_PAUSE_SECONDS, keep_desk, keep_pace, keep_words
from enamel.worker.drawings import draw_pending
from enamel.worker.elsewhere import look_elsewhere
from enamel.worker.files import PAUSE_SECONDS as FILES_PAUSE
from enamel.worker.files import STRAY_PAUSE_SECONDS, add_up, give_up_strays, sweep_files
from enamel.worker.identity import PAUSE_SECONDS, forget
from enamel.worker.loyalty import PAUSE_SECONDS as LOYALTY_PAUSE
from enamel.worker.loyalty import keep_loyalty
from enamel.worker.media import TURNS, Looking, look_into_pictures
from enamel.worker.metrics import PAUSE_SECONDS as METRICS_PAUSE
from enamel.worker.metrics import Metrics
from enamel.worker.payments import PAUSE_SECONDS as PAYMENTS_PAUSE
from enamel.worker.payments import look_after_payments
from enamel.worker.phones import PAUSE_SECONDS as PHONES_PAUSE
from enamel.worker.phones import keep_phones
from enamel.worker.privacy import REPLAY_PAUSE_SECONDS, carry_out_erasures, make_copies, replay_erasures
from enamel.worker.process import Loop
from enamel.worker.push import deliver_due
from enamel.worker.segments import PAUSE_SECONDS as SEGMENTS_PAUSE
from enamel.worker.segments import keep_segments
from enamel.worker.tasks import PAUSE_SECONDS as TASKS_PAUSE
from enamel.worker.tasks import keep_tasks
from enamel.worker.told import FORGETTING_PAUSE_SECONDS, confirm_wishes, forget_told, join_late, say
from enamel.worker.visits import (
    KEEPING_PAUSE_SECONDS,
    QUIETING_PAUSE_SECONDS,
    keep_visits,
    quiet_reminders,
    tell_of_visits,
)
from enamel.worker.webhooks import FORGETTING_PAUSE_SECONDS as CALLS_PAUSE
from enamel.worker.webhooks import Calling, forget_old_calls, make_calls
from enamel.worker.wording import Words
from media.archives import Archives
from media.darkroom import Darkroom
from media.scanner import Scanner
from media.storage import Storage
from push.kinds import Lane
from push.links import Links
from push.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Tools:
    """What the loops work with."""

    database: Database
    board: Switchboard
    storage: Storage
    darkroom: Darkroom
    scanner: Scanner
    archives: Archives
    payments: PaymentProvider | None
    bots: Bots
    calling: Calling
    arrival_key: bytes
    means: Means
    links: Links
    metrics: Metrics
    push_lease: timedelta
    journey_pause: timedelta


def loops(tools: Tools) -> list[Loop]:
    return [*_telling(tools), *_talking(tools), *_files(tools), *_keeping(tools)]


def _telling(tools: Tools) -> list[Loop]:
    """What goes out to patients, and what comes back of it."""
    deliver = partial(
        deliver_due,
        tools.database,
        lambda due: tools.board.channel(due.line, due.way),
        lease=tools.push_lease,
        receipt=partial(receipt_of_push, tools.arrival_key),
        words=Words(tools.database, tools.links, tools.links.key),
        seen=tools.metrics.note,
    )
    return [
        # Each lane by itself: what is told to thousands never stands before what is told to one.
        *(Loop(f"push {lane.name.lower()}", partial(deliver, lanes=[lane])) for lane in Lane),
        Loop("metrics", lambda: tools.metrics.look(tools.database, now()), METRICS_PAUSE),
        Loop("reports", lambda: join_late(tools.database, now())),
        Loop("stops", lambda: confirm_wishes(tools.database, partial(say, tools.database, tools.board), now())),
        Loop("centers", lambda: listen_to_centers(tools.database, tools.board, now()), CENTERS_PAUSE),
        Loop("old notices", lambda: forget_told(tools.database, now()), FORGETTING_PAUSE_SECONDS),
        Loop("phones", lambda: keep_phones(tools.database, now()), PHONES_PAUSE),
        Loop("segments", lambda: keep_segments(tools.database, now()), SEGMENTS_PAUSE),
        # Each tick asks every segment anew: a second of PostgreSQL for 200,000 patients.
        Loop("journeys", partial(_journeys, tools), tools.journey_pause.total_seconds()),
        Loop("campaigns", lambda: keep_campaigns(tools.database, now()), CAMPAIGNS_PAUSE),
        Loop("tasks", lambda: keep_tasks(tools.database, now()), TASKS_PAUSE),
        Loop("webhooks", lambda: make_calls(tools.database, tools.calling, now)),
        Loop("old webhooks", lambda: forget_old_calls(tools.database, now()), CALLS_PAUSE),
        Loop("visit notices", lambda: tell_of_visits(tools.database, now())),
        Loop("reminders", lambda: quiet_reminders(tools.database, now()), QUIETING_PAUSE_SECONDS),
    ]


async def _journeys(tools: Tools) -> int:
    return await run_journeys(tools.database, now(), means=tools.means)


def _talking(tools: Tools) -> list[Loop]:
    return [
        Loop("bot", lambda: answer_waiting(tools.database, tools.bots, now), BOT_PAUSE_SECONDS),
        Loop("chat notices", lambda: tell_unread(tools.database, now())),
        Loop("chat reads", lambda: tell_read(tools.database, now())),
        Loop("desk", lambda: keep_desk(tools.database, now())),
        Loop("desk pace", lambda: keep_pace(tools.database, now()), PACE_PAUSE_SECONDS),
        Loop("chat words", lambda: keep_words(tools.database)),
    ]


def _files(tools: Tools) -> list[Loop]:
    looking = Looking(tools.database, tools.storage, tools.darkroom, tools.scanner)
    return [
        *(Loop(f"pictures {turn}", lambda: look_into_pictures(looking, now())) for turn in range(1, TURNS + 1)),
        Loop("archives", lambda: look_elsewhere(looking, tools.archives, now())),
        Loop("drawings", lambda: draw_pending(tools.database, tools.storage, tools.darkroom, now())),
        Loop("files", lambda: sweep_files(tools.database, tools.storage, now()), FILES_PAUSE),
        Loop("strays", lambda: give_up_strays(tools.storage, now()), STRAY_PAUSE_SECONDS),
        Loop("kept bytes", lambda: add_up(tools.database), FILES_PAUSE),
    ]


def _keeping(tools: Tools) -> list[Loop]:
    """What the calendar and the law ask for."""
    return [
        Loop("copies", lambda: make_copies(tools.database, tools.storage, now())),
        Loop("erasures", lambda: carry_out_erasures(tools.database, tools.storage, now())),
        Loop("replay", lambda: replay_erasures(tools.database, tools.storage, now()), REPLAY_PAUSE_SECONDS),
        Loop("loyalty", lambda: keep_loyalty(tools.database, now()), LOYALTY_PAUSE),
        Loop("payments", lambda: look_after_payments(tools.database, tools.payments, now()), PAYMENTS_PAUSE),
        Loop("changes", lambda: keep_changes(tools.database, now()), CHANGES_PAUSE),
        Loop("visits", lambda: keep_visits(tools.database, now()), KEEPING_PAUSE_SECONDS),
        Loop("forgetting", lambda: forget(tools.database, now()), PAUSE_SECONDS),
    ]

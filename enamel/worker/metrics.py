"""What an operator watches of the outbox, for Prometheus: how old it is, what became of messages, how long they took.

No label names a person, and none says what a message is about.
"""

from collections.abc import Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from core.database import Database
from push.commands import Answer
from push.kinds import Lane
from push.outcome import Result
from push.queries.waiting import outbox_waiting

PAUSE_SECONDS = 10.0
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200)


class Metrics:
    """Of one worker; the figures of the outbox are everybody's, so that any worker may be asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._outcomes = Counter(
            "enamel_push_outcomes",
            "Sends, by what the provider said; `build`: the line's name, of phones their build.",
            ["way", "build", "result"], registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "enamel_push_due_to_accepted_seconds", "From the moment a message was due until a provider had it.",
            ["channel"], buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._age = Gauge(
            "enamel_push_queue_age_seconds", "How long the oldest message that is due has waited.", ["lane"],
            registry=self.registry,
        )  # fmt: skip
        self._waiting = Gauge("enamel_push_waiting", "Messages that are due.", ["lane"], registry=self.registry)
        self._resting = Gauge(
            "enamel_push_lines_open", "Lines through which nothing goes, since their credentials are refused or"
            " all their phones die.", registry=self.registry,
        )  # fmt: skip

    def note(self, answers: Sequence[Answer], now: datetime) -> None:
        """What became of sends; call it once it is committed."""
        for answer in answers:
            due, result = answer.due, answer.outcome.result
            # Of what has no line it stays empty: a phone may call its build whatever it likes.
            self._outcomes.labels(due.way.value, due.line.name if due.line else "", result.value).inc()
            if result is Result.ACCEPTED:
                self._seconds.labels(due.channel.value).observe(max((now - due.due_at).total_seconds(), 0.0))

    async def look(self, database: Database, now: datetime) -> int:
        """How the outbox stands."""
        async with database.sweeping() as sweeping:
            waiting, resting = await outbox_waiting(sweeping, now)
        for lane in Lane:
            oldest, count = waiting.get(lane, (now, 0))
            self._age.labels(lane.name.lower()).set(max((now - oldest).total_seconds(), 0.0))
            self._waiting.labels(lane.name.lower()).set(count)
        self._resting.set(resting)
        return 0

    def serve(self, host: str, port: int) -> None:
        """Answer `GET /metrics` in a thread of its own, for as long as the process lives."""
        start_http_server(port, host, self.registry)

"""The HTTP clients that the push benchmark compares with, in a process of their own; no queue, nothing recorded.

`raw`: aiohttp under uvloop posting ready bodies, the floor. `firebase`: `firebase_admin.messaging.send_each_async`,
500 at once, as many as it takes, over HTTP/2 as it speaks to FCM. Reads a `Job` as JSON, prints a `Done`.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks.push_people import PROJECT, token_of
from core.clock import now
from core.ids import new_id
from push.channel import Message, Target
from push.fcm import fcm_json
from push.notice import NoticeKind

_FIREBASE_AT_ONCE = 500
_TITLE, _TEXT = "Studio Rossi", "Sulla tua visita: apri l'app per i dettagli."


@dataclass(frozen=True, slots=True)
class Job:
    client: str
    url: str
    count: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Done:
    """Of `count` messages, so many were taken, in so many seconds; CPU seconds of this process meanwhile."""

    taken: int
    seconds: float
    cpu: float


def body(place: int) -> bytes:
    """What Enamel posts, made ahead."""
    at = now()
    life = timedelta(hours=1)
    message = Message(new_id(), NoticeKind.VISIT, _TITLE, _TEXT, "/visits", at + life, life)
    return fcm_json(Target("android", "it.example.clinic", token_of(place)), message)


async def _raw(job: Job) -> Done:
    bodies = [body(place) for place in range(job.count)]
    url = f"{job.url}/v1/projects/{PROJECT}/messages:send"
    headers = {"authorization": "Bearer a-token-as-long-as-they-are", "content-type": "application/json; charset=utf-8"}
    taken = 0

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=job.concurrency)) as http:

        async def post() -> None:
            nonlocal taken
            while bodies:
                async with http.post(url, data=bodies.pop(), headers=headers) as answer:
                    taken += answer.status == 200 and bool(await answer.read())

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(post() for _ in range(job.concurrency)))
        return Done(taken, time.perf_counter() - began, time.process_time() - cpu)


async def _firebase(job: Job) -> Done:
    from firebase_admin import initialize_app, messaging
    from google.oauth2.credentials import Credentials

    messaging._MessagingService.FCM_URL = job.url + "/v1/projects/{0}/messages:send"  # noqa: SLF001  no other way there
    credentials = Credentials(token="a-token-as-long-as-they-are")  # type: ignore[no-untyped-call]  # google's own
    app = initialize_app(credentials, {"projectId": PROJECT})
    _over_http2(messaging._get_messaging_service(app))  # noqa: SLF001  the same
    messages = [_firebase_message(place) for place in range(job.count)]
    taken, began, cpu = 0, time.perf_counter(), time.process_time()
    for first in range(0, job.count, _FIREBASE_AT_ONCE):
        batch = await messaging.send_each_async(messages[first : first + _FIREBASE_AT_ONCE], app=app)
        taken += batch.success_count
    return Done(taken, time.perf_counter() - began, time.process_time() - cpu)


def _over_http2(service: Any) -> None:
    """Without TLS nothing is agreed on, and httpx would fall back to HTTP/1.1, at which it is four times slower."""
    for transport in service._async_client.async_client._mounts.values():  # noqa: SLF001  no other way there
        pool = transport._wrapped_transport._pool  # noqa: SLF001  the same
        pool._http1, pool._http2 = False, True  # noqa: SLF001  the same


def _firebase_message(place: int) -> Any:
    """The same message in the library's own words."""
    from firebase_admin import messaging as m

    mid = str(new_id())
    shown = m.AndroidNotification(tag=mid, channel_id="visit", visibility="private")
    aps = m.Aps(sound="default", thread_id="visit", mutable_content=True)
    return m.Message(
        token=token_of(place), data={"mid": mid, "kind": "visit", "link": "/visits"},
        notification=m.Notification(_TITLE, _TEXT),
        android=m.AndroidConfig(
            priority="high", ttl=timedelta(hours=1), collapse_key="visit", notification=shown
        ),
        apns=m.APNSConfig(
            headers={"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1", "apns-collapse-id": mid},
            payload=m.APNSPayload(aps),
        ),
        webpush=m.WebpushConfig(
            headers={"TTL": "3600", "Urgency": "high"}, notification=m.WebpushNotification(tag=mid)
        ),
    )  # fmt: skip


if __name__ == "__main__":
    asked = Job(**json.loads(Path("/dev/stdin").read_text()))
    print(json.dumps(asdict(uvloop.run({"raw": _raw, "firebase": _firebase}[asked.client](asked)))), file=sys.stdout)

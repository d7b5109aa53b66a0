"""Celery's task of the push benchmark, run in a venv of its own: posts one message. As a program it enqueues many."""

import os
import sys
import threading
import uuid

import requests
from celery import Celery  # type: ignore[import-not-found,unused-ignore]  # it is installed in that venv alone

app = Celery("push", broker=os.environ["PUSH_BROKER"])
app.conf.update(
    task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=4, worker_hijack_root_logger=False
)
_URL = os.environ["PUSH_SINK"] + "/v1/projects/enamel-bench/messages:send"
_HEADERS = {"authorization": "Bearer a-token-as-long-as-they-are"}
_own = threading.local()


@app.task(name="push")  # type: ignore[untyped-decorator,unused-ignore]  # Celery's own
def push(mid: str, token: str) -> None:
    """A session for each thread, so that connections are kept."""
    if not hasattr(_own, "http"):
        _own.http = requests.Session()
    answer = _own.http.post(_URL, json=_body(mid, token), headers=_HEADERS, timeout=15)
    answer.raise_for_status()
    assert answer.json()["name"]


def _body(mid: str, token: str) -> dict[str, object]:
    apns = {"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1", "apns-collapse-id": mid}
    shown = {"tag": mid, "channel_id": "visit", "visibility": "PRIVATE"}
    return {
        "message": {
            "token": token,
            "data": {"mid": mid, "kind": "visit", "link": "/visits"},
            "notification": {"title": "Studio Rossi", "body": "Sulla tua visita: apri l'app per i dettagli."},
            "android": {"priority": "HIGH", "ttl": "3600s", "collapse_key": "visit", "notification": shown},
            "apns": {
                "headers": apns,
                "payload": {"aps": {"sound": "default", "thread-id": "visit", "mutable-content": 1}},
            },
            "webpush": {"headers": {"TTL": "3600", "Urgency": "high"}, "notification": {"tag": mid}},
        }
    }


if __name__ == "__main__":
    for place in range(int(sys.argv[1])):
        push.delay(str(uuid.uuid4()), f"{place:08}:APA91b".ljust(155, "x"))

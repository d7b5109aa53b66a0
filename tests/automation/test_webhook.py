"""How a webhook is signed and when it is told again."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from automation.webhook import (
    PAUSES,
    Failure,
    body_of,
    failure_of,
    pause_after,
    rest_after,
    secret_text,
    signature,
)
from core.ids import new_id

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The secret, message and signature that the specification's own libraries are tested with."""
    text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    key = base64.b64decode(text.removeprefix("whsec_"))
    assert secret_text(key) == text
    one = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert one == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_body_is_the_same_for_every_try_and_holds_ids_and_keys_alone() -> None:
    clinic_id, enrolment_id, patient_id = new_id(), new_id(), new_id()
    made = body_of(clinic_id, enrolment_id, 3, patient_id, "hygiene-recall", "tell-crm", AT)
    assert made == body_of(clinic_id, enrolment_id, 3, patient_id, "hygiene-recall", "tell-crm", AT)
    assert json.loads(made) == {
        "type": "journey.step",
        "timestamp": "2026-11-23T09:30:00.000Z",
        "data": {
            "clinic_id": str(clinic_id), "enrolment_id": str(enrolment_id), "seq": 3, "patient_id": str(patient_id),
            "journey": "hygiene-recall", "step": "tell-crm",
        },
    }  # fmt: skip


def test_pauses_grow_and_end() -> None:
    least = [pause_after(tries, 0.0) for tries in range(1, len(PAUSES) + 2)]
    assert least == [*PAUSES, None]
    assert sum(PAUSES, timedelta()) > timedelta(days=3)
    for tries in range(1, len(PAUSES) + 1):
        latest = pause_after(tries, 1.0)
        assert latest is not None
        assert PAUSES[tries - 1] < latest <= PAUSES[tries - 1] * 1.2


def test_a_system_that_is_down_rests_ever_longer_and_never_too_long() -> None:
    rests = [rest_after(failures, 0.0) for failures in range(1, 40)]
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (timedelta(seconds=5), timedelta(minutes=10))


@pytest.mark.parametrize(
    ("status", "failure"),
    [(200, None), (204, None), (299, None), (301, Failure.REFUSED), (404, Failure.REFUSED), (410, Failure.GONE),
     (429, Failure.REFUSED), (500, Failure.REFUSED)],
)  # fmt: skip
def test_only_a_2xx_says_i_have_it(status: int, failure: Failure | None) -> None:
    assert failure_of(status) is failure

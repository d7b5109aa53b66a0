"""What the matrix of rights says to each operation: words, queries, bodies and files that would be taken.

A new body needs an entry in `BODIES`; a path parameter that names no row of anybody one in `WORDS`.
"""

import hashlib
from typing import Any

from cabinet.offer import canonical, fingerprint, offered
from cabinet.plan import sums
from cabinet.plan_facts import PlanFact
from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from push.es256 import url64
from tests.api.loyalty_desk import A_FRIENDS_CODE
from tests.api.papers_of_both import PAPER_BODIES, PDF_FILE
from tests.automation.ways_through import RECALL
from tests.media.samples import photo
from tests.media.sounds import m4a
from tests.world import DAY

OFFERED: dict[str, Any] = {
    "version": 1, "title": "With a crown", "currency": "EUR",
    "stages": [
        {"title": "Crown", "items": [{"name": "Crown", "unit_price": {"amount_minor": 60_000, "currency": "EUR"}}]}
    ],
}  # fmt: skip
_TOLD = PlanFact(external_id="p", patient="anna", **OFFERED)
_ANSWERED = {
    "offer_sha256": fingerprint(canonical(offered(_TOLD, sums(_TOLD.plan())))),
    "language": "it",
}


# Path parameters that name no row of anybody: the caller's own name for a new thing, or a word of a list.
WORDS = {
    "purpose": "service", "variant": "download", "picture_external_id": "x-1", "id": "finding-1",
    "thing": "picture", "view": "face-rest", "series_external_id": "s-1", "language": "it", "number": "1",
    "seq": "1", "table": "enrolments",
}  # fmt: skip

# Query parameters that an operation does not do without.
QUERIES = {
    "getSurveyResults": {"since": rfc3339(now() - DAY), "until": rfc3339(now() + DAY)},
    "exportRows": {"since": rfc3339(now() - DAY), "until": rfc3339(now() + DAY)},
    "getTaskFigures": {"since": rfc3339(now() - DAY), "until": rfc3339(now() + DAY)},
    "findSettledBill": {"bill": "R-1"},
    "findPatients": {"phone": "+390255501234"},
    "listBranchDay": {"day": "2026-11-23"},
    "listMyChartChanges": {"since": "2024-01-01"},
    "listPatientChartChanges": {"since": "2024-01-01"},
    "listChartChangesAsStaff": {"since": "2024-01-01"},
    **{
        name: {"client_id": str(new_id())}
        for name in (
            "deleteMyMessage",
            "deletePatientMessage",
            "takeMyReactionBack",
            "takePatientReactionBack",
            "deleteMessage",
            "takeReactionBack",
        )
    },
    **{name: {"wait": "0"} for name in ("syncMyConversation", "syncPatientConversation", "syncConversations")},
}

FILE = {"file": ("scan.jpg", photo())}

_BILL = {"bill": "R-1", "price": {"amount_minor": 1_000, "currency": "EUR"}, "points": 1}

# A body that is taken when the ids are right: otherwise every id would be answered 422 and nothing be proved.
BODIES: dict[str, Any] = {
    "changeMessageTemplate": {},
    "assignStrangerMessage": {},
    "setMyLockScreen": {"mode": "when"},
    "setPatientLockScreen": {"mode": "when"},
    "readMyNotices": {"through": "2026-11-23T09:30:00.000Z"},
    "readPatientNotices": {"through": "2026-11-23T09:30:00.000Z"},
    "tieStaff": {"branch_ids": []},
    "namePatientReferrer": {"code": A_FRIENDS_CODE},
    "nameReferrer": {"code": A_FRIENDS_CODE},
    "nameMyReferrer": {"code": A_FRIENDS_CODE},
    "settleBill": {"patient_id": str(new_id()), **_BILL},
    "settlePartnerBill": {"patient": "anna", **_BILL},
    "adjustPoints": {"client_id": str(new_id()), "points": 5, "reason": "A sorry"},
    "issueCard": {"client_id": str(new_id()), "title": "Three", "service": "Hygiene", "sessions": 3},
    "useCard": {"client_id": str(new_id())},
    "reverseBill": {"reason": "Billed twice"},
    "reversePartnerBill": {"reason": "Billed twice"},
    "startMyPayment": {},
    "startPatientPayment": {},
    "makePayLink": {},
    "recordFinding": {"notation": "fdi", "tooth": "16", "code": "caries", "observed_on": "2025-01-01"},
    "askMyErasure": {},
    "askPatientErasure": {},
    "confirmErasure": {},
    "refuseErasure": {"reason": "legal_duty"},
    "openArchive": {"reason": "legal_claims"},
    "setLegalHold": {"reason": "Claim 2026/114"},
    "linkRecord": {"code": "7KQ2M-9XARD"},
    "setMyConsent": {"granted": True, "text_version": "2026-11", "language": "it"},
    "setPatientConsent": {"granted": True, "text_version": "2026-11", "language": "it"},
    "sendMyMessage": {"client_id": str(new_id()), "body": "Good morning"},
    "sendPatientMessage": {"client_id": str(new_id()), "body": "Good morning"},
    "markMyConversation": {"delivered": 1, "read": 1},
    "markPatientConversation": {"delivered": 1, "read": 1},
    "confirmNotices": {"items": [{"notice_id": str(new_id()), "kind": "opened"}]},
    "bookVisit": {"starts_at": rfc3339(now() + 3 * DAY), "ends_at": rfc3339(now() + 3 * DAY + DAY / 24)},
    "answerRequest": {"verdict": "accepted"},
    "changeVisit": {"status": "confirmed"},
    "issueLinkCode": {"relation": "self"},
    "searchMessages": {"words": "good"},
    "bringMessage": {"channel": "sms", "external_id": "sms-1", "body": "Good morning", "patient": "anna"},
    "sendCard": {"client_id": str(new_id()), "kind": "payment"},
    "setStarters": {"items": []},
    "setBot": {"kind": "none"},
    "setPriceList": {"items": []},
    "sendMessage": {"client_id": str(new_id()), "body": "Good morning"},
    "markConversation": {"delivered": 1, "read": 1},
    "editMessage": {"client_id": str(new_id()), "body": "Good evening"},
    "noteInConversation": {"client_id": str(new_id()), "body": "Rings back"},
    "reactToMessage": {"client_id": str(new_id()), "emoji": "👍"},
    "hideThing": {"private": True},
    "hideMyThing": {"private": True},
    "changeAccess": {"scopes": ["book"]},
    "blockAccess": {"phone": "+393471200098", "reason": "By court"},
    "linkMyPicture": {"variant": "download"},
    "acceptMyPlan": _ANSWERED,
    "sendMyAcceptanceCode": _ANSWERED,
    "sendPatientAcceptanceCode": _ANSWERED,
    "acceptPatientPlan": _ANSWERED,
    "declineMyPlan": {**_ANSWERED, "reason": "needs_time"},
    "declinePatientPlan": {**_ANSWERED, "reason": "needs_time"},
    "withdrawPlanOffer": {"note": "A wrong price"},
    "makeSeries": {"protocol": "fmx-18"},
    "changeSeries": {"title": "Start of treatment"},
    "putSeriesView": {"picture_id": None},
    "releaseSeries": {},
    "putSeries": {"protocol": "ortho-photo", "views": []},
    "linkPatientPicture": {"variant": "download"},
}

BODIES["moveVisit"] = {"starts_at": rfc3339(now() + 5 * DAY), "ends_at": rfc3339(now() + 5 * DAY + DAY / 24)}
BODIES["setBranchBooking"] = {"booking": "direct", "cancel_notice_hours": 24, "most_ahead": 3}
for name, body in {
    "cancelMyAppointment": {"reason": "no_time"},
    "moveMyAppointment": {"words": "After school"},
    "requestMyVisit": {"service": "Hygiene"},
    "bookMySlot": {"service": "Hygiene"},
    "editMyMessage": {"client_id": str(new_id()), "body": "Good evening"},
    "reactInMyConversation": {"client_id": str(new_id()), "emoji": "👍"},
    "joinMyWaitingList": {"service": "Hygiene", "until": f"{now() + 30 * DAY:%Y-%m-%d}"},
}.items():
    BODIES[name] = BODIES[name.replace("My", "Patient", 1)] = body  # one's own door and the guardian's

BODIES["nameDicomwebSource"] = {"name": "radiology", "address": "https://pacs.example"}
BODIES["putPictureElsewhere"] = {
    "source": "radiology", "study_uid": "1.2", "series_uid": "1.2.3", "instance_uid": "1.2.3.4",
}  # fmt: skip
BODIES |= PAPER_BODIES
_LINE: dict[str, Any] = {
    "name": "it.example.clinic", "provider": "webpush", "settings": {"contact": "mailto:it@clinic.example"},
    "secrets": {"key": url64(bytes(31) + b"\x01")},
}  # fmt: skip
_BUILD: dict[str, Any] = {"name": "it.example.clinic", "branding": {"display_name": "Studio Rossi"}}
BODIES |= {
    "makeLine": _LINE,
    "replaceLine": {**_LINE, "version": 1},
    "switchLine": {"enabled": False, "version": 1},
    "makeAppBuild": _BUILD,
    "replaceAppBuild": {"draft": _BUILD, "version": 1},
}
BODIES |= {
    "setContactPolicy": {"caps": []}, "endTask": {"outcome": "reached"},
    "tryTaskAgain": {"outcome": "busy", "again_at": rfc3339(now() + 2 * DAY)},
    "changeTask": {"title": "Ring up", "due_at": rfc3339(now() + DAY), "version": 1},
    "makeWebhook": {"name": "CRM", "address": "https://crm.example/enamel"},
    "changeWebhook": {"name": "CRM", "address": "https://crm.example/enamel", "version": 1},
    "changePhoneExchange": {"name": "Reception", "version": 1},
    "changeCampaign": {
        "version": 1, "draft": {"name": "Winter", "criteria": {"kind": "appointment_ahead"}, "kind": "advertising"},
    },
    "changeSegment": {"name": "Came in spring", "version": 1},
    "importSegmentMembers": {"lines": [str(new_id())]},
    "putOnJourney": {"patient_ids": [str(new_id())]},
    "publishJourney": {"digest": "0" * 64}, "publishJourneyAgain": {},
    "changeJourneyDraft": {"digest": "0" * 64, "journey": {
        "key": "any", "name": "Any", "purpose": "service", "trigger": {"kind": "manual"},
        "steps": [{"id": "only", "kind": "exit"}]}},
    "dryRunJourney": RECALL.definition(),
    "askSurvey": {"client_id": str(new_id()), "survey_id": str(new_id())},
    "changeTeam": {"name": "Recall", "staff_ids": [], "version": 1},
}  # fmt: skip
BODIES["answerMySurvey"] = BODIES["answerPatientSurvey"] = {"answers": [{"question": "recommend", "number": 9}]}
BODIES["setMyContactPreferences"] = BODIES["setPatientContactPreferences"] = {"never": ["sms"]}
BODIES |= {
    "linkPicture": {"variant": "original"}, "changePicture": {"teeth": ["36"]}, "releasePicture": {"comment": "Healed"},
    "movePicture": {"patient_id": str(new_id()), "reason": "wrong_record"}, "decideOnPicture": {"verdict": "discard"},
    "drawOnPicture": {"version": 0, "shapes": []},
}  # fmt: skip

BODIES |= {
    "assignCase": {"staff_id": None}, "setCaseState": {"state": "open"}, "sortCase": {"priority": 2},
    "labelCase": {"labels": []}, "scoreMyCase": {"score": 5}, "scorePatientCase": {"score": 5},
    "changeCannedReply": {"title": "Thanks", "body": "Thank you, {{patient_name}}"},
}  # fmt: skip

# Operations that take bytes as they are.
RAW_BODIES = dict.fromkeys(("putUploadPart", "putPicturePart", "putMyPhotoPart", "putPatientPhotoPart"), b"nine byte")
_ANNOUNCED = {
    "kind": "photo", "media_type": "image/jpeg", "size_bytes": 9,
    "sha256": hashlib.sha256(RAW_BODIES["putUploadPart"]).hexdigest(),
}  # fmt: skip
BODIES |= {"startUpload": _ANNOUNCED, "startPictureUpload": _ANNOUNCED}
BODIES["startMyPhoto"] = BODIES["startPatientPhoto"] = {
    name: told for name, told in _ANNOUNCED.items() if name != "kind"
}

# Operations that take a form with a file instead of JSON.
VOICE_FILE = {"file": ("voice.m4a", m4a(0.2))}
FILES = {"putDocumentFile": PDF_FILE, **dict.fromkeys(("addMyVoice", "addPatientVoice", "addVoice"), VOICE_FILE)}
FORMS: dict[str, dict[str, str]] = {
    "uploadPicture": {"kind": "photo"}, "putPicture": {"kind": "photo"}, "putDocumentFile": {},
    "addMyVoice": {}, "addPatientVoice": {}, "addVoice": {},
}  # fmt: skip

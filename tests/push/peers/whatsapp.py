"""WhatsApp's Cloud API, played by a real HTTP server: it knows its templates and windows, and signs its posts."""

import hashlib
import hmac
import json
from typing import Any

from aiohttp import web

from tests.push.peers.messenger_wire import Seen, Wire

NUMBER_ID = "106540352242922"
ACCESS_TOKEN = "EAAcanaryTokenThatNobodyMaySee01"
APP_SECRET = "app-secret-of-the-tests-0123456789"
VERIFY_TOKEN = "verify-token-of-the-tests"
AT = 1_900_000_000


class WhatsAppPeer(Wire):
    """`templates`: how many values each takes. `open`: who wrote within a day. `posts`: what its webhook would get.

    As the real one it takes free words for anybody, and tells afterwards that they did not arrive.
    """

    def __init__(self) -> None:
        super().__init__(self._answered)
        self.templates = {("visit_reminder", "it"): 2, ("news", "it"): 0}
        self.open: set[str] = set()
        self.sent: list[dict[str, Any]] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []

    def _answered(self, seen: Seen) -> web.Response:
        if seen.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return no(401, 190, "Invalid OAuth access token")
        path, _, query = seen.path.partition("?")
        if not path.startswith(f"/v26.0/{NUMBER_ID}"):
            return no(400, 100, "Unsupported request. Object does not exist", subcode=33)
        if seen.method == "GET":
            assert query == "fields=id"
            return web.json_response({"id": NUMBER_ID})
        assert path.endswith("/messages")
        return self._message(json.loads(seen.body))

    def _message(self, asked: dict[str, Any]) -> web.Response:
        assert asked["messaging_product"] == "whatsapp"
        assert ("to" in asked) != ("recipient" in asked)
        if asked["type"] == "template" and (refused := self._template(asked["template"])):
            return refused
        self.sent.append(asked)
        name, to = f"wamid.HBgL{len(self.sent)}", asked["to" if "to" in asked else "recipient"]
        is_closed = asked["type"] == "text" and to not in self.open
        self.post(statuses=[status(name, "failed", 131047) if is_closed else status(name, "delivered")])
        return web.json_response({
            "messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to.lstrip("+")}],
            "messages": [{"id": name, "message_status": "accepted"}],
        })  # fmt: skip

    def _template(self, template: dict[str, Any]) -> web.Response | None:
        key = (template["name"], template["language"]["code"])
        if key not in self.templates:
            return no(404, 132001, "Template name does not exist in the translation")
        values = [each for part in template.get("components", []) for each in part["parameters"]]
        if any("\n" in each["text"] or "    " in each["text"] for each in values):
            return no(400, 100, "Param text cannot have new-line/tab characters")
        return None if len(values) == self.templates[key] else no(400, 132000, "Number of parameters does not match")

    def post(self, field: str = "messages", **value: Any) -> None:
        body = posted(field, **value)
        self.posts.append((signed(body), body))


def no(status: int, code: int, why: str, subcode: int | None = None) -> web.Response:
    return web.json_response(refusal(code, why, subcode), status=status)


def refusal(code: int, why: str = "no", subcode: int | None = None) -> dict[str, Any]:
    error = {"message": f"(#{code}) {why}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return {"error": error | ({} if subcode is None else {"error_subcode": subcode})}


def status(name: str, what: str, code: int | None = None) -> dict[str, Any]:
    errors = {} if code is None else {"errors": [{"code": code, "title": "x", "error_data": {"details": "y"}}]}
    return {"id": name, "status": what, "timestamp": str(AT), "recipient_id": "393331234567", **errors}


def said(name: str = "wamid.IN1", /, **what: Any) -> dict[str, Any]:
    return {"from": "393331234567", "id": name, "timestamp": str(AT), **what}


def posted(field: str = "messages", number: str = NUMBER_ID, **value: Any) -> bytes:
    """The body of a post; non-ASCII characters are escaped, as Meta does before signing."""
    whole = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "390212345678", "phone_number_id": number},
        **value,
    }
    change = {"field": field, "value": whole}
    entry = {"id": "102290129340398", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signed(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()}

"""Tells people who follow a link from machines that look at it: previews of messengers, scanners of mail, crawlers."""

import re
from collections.abc import Mapping

from push.hook_body import header

# By their own names; what hides behind a browser's name cannot be told from a person.
_MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|fetch|monitor|externalhit|facebookcatalog|whatsapp|telegram|viber|skype|slack"
    r"|discord|vkshare|snapchat|mimecast|proofpoint|barracuda|safelinks|urldefense|headless|phantom|curl|wget|python"
    r"|java/|okhttp|go-http|axios|libwww|httpclient|google-|googleimageproxy|yahoo|baiduspider",
    re.IGNORECASE,
)
_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_person(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a person follows: asks for the whole, now, and with a program that people read in."""
    agent = header(headers, "user-agent")
    ahead = any(re.search("prefetch|preview", header(headers, name), re.IGNORECASE) for name in _AHEAD)
    return method == "GET" and bool(agent) and not ahead and not _MACHINES.search(agent)

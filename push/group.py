"""Which ways speak alike: a text is written for a group of them."""

from enum import StrEnum

from push.channel import Way


class Group(StrEnum):
    """For what a text is written."""

    PUSH = "push"
    SMS = "sms"
    EMAIL = "email"
    MESSENGER = "messenger"
    """Telegram, and WhatsApp within a day of the patient's last message: plain words."""
    WHATSAPP = "whatsapp"
    """A template that WhatsApp has approved, by its name."""
    CHAT = "chat"
    """In the app, behind the sign-in."""


_GROUPS = {Way.SMS: Group.SMS, Way.EMAIL: Group.EMAIL, Way.TELEGRAM: Group.MESSENGER, Way.WHATSAPP: Group.WHATSAPP}


def group_of(way: Way) -> Group:
    return _GROUPS.get(way, Group.PUSH)

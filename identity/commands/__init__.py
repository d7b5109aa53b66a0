"""The verbs of identity: send and spend codes, open, renew and end sessions, admit staff and apps."""

from identity.commands.codes import CodeSent, CodeTooSoon, CodeWrong, account_of_phone, send_code, spend_code
from identity.commands.credentials import (
    CredentialsWrong,
    PasswordTooShort,
    PausedAfterFailures,
    admit_partner,
    check_password,
    make_partner_app,
    make_staff_account,
)
from identity.commands.sessions import (
    Device,
    RefreshRefused,
    SessionEnded,
    TokenPair,
    end_session,
    open_session,
    renew_session,
)
from identity.keys import Keys

__all__ = [
    "CodeSent",
    "CodeTooSoon",
    "CodeWrong",
    "CredentialsWrong",
    "Device",
    "Keys",
    "PasswordTooShort",
    "PausedAfterFailures",
    "RefreshRefused",
    "SessionEnded",
    "TokenPair",
    "account_of_phone",
    "admit_partner",
    "check_password",
    "end_session",
    "make_partner_app",
    "make_staff_account",
    "open_session",
    "renew_session",
    "send_code",
    "spend_code",
]
